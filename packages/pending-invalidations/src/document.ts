import { hash } from 'node:crypto';
import { JsonError, parseStrictJson, UserError } from '@slipway/core';

/** Where a destination keeps them: under `.slipway/`, where users' objects never are (ADR 0031). */
export const pendingInvalidationsKey = '.slipway/pending-invalidations.v1.json';

/** More paths are recorded as one wildcard: CloudFront accepts no more at once, and a wildcard counts as one. */
export const maxPendingPaths = 3_000;
/** Covers every object of a destination. */
export const everyPath = '/*';

const maxPublishes = 200;
const maxPathCharacters = 4_000;
const maxDepth = 4;
const digestCharacters = 12;

/**
 * What one publish set out to replace or delete, as paths of its `invalidation-paths`: percent-encoded, with a leading slash;
 * wildcards end in `*`.
 */
export interface PendingPublish {
  /** 16 random hex digits, chosen by the publish. */
  readonly id: string;
  readonly beganAtMs: number;
  /** Whether it has declared that it replaces nothing more. A killed one never does. */
  readonly isComplete: boolean;
  readonly paths: readonly string[];
  /** Digests of paths that readers of the document must not learn. */
  readonly digests: readonly string[];
}

/**
 * Stands for a path in a document that others may read. Short: enough to recognise a path among millions, but useless for computing
 * a secret path from it.
 */
export function pathDigest(path: string): string {
  return hash('sha256', `slipway pending invalidation\n${path}`).slice(0, digestCharacters);
}

export function formatPending(publishes: readonly PendingPublish[]): Uint8Array {
  return Buffer.from(`${JSON.stringify({ version: 1, publishes })}\n`);
}

/**
 * Reads what `formatPending` wrote. A damaged document means that anything may be pending. Throws `UserError` `not-supported` for a
 * later version.
 */
export function parsePending(bytes: Uint8Array): readonly PendingPublish[] {
  let document: unknown;
  try {
    document = parseStrictJson(bytes, maxDepth);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return damagedRecord;
  }
  const version = fieldOf(document, 'version');
  if (typeof version === 'number' && Number.isInteger(version) && version > 1) {
    throw new UserError(
      'not-supported',
      `A later version of Slipway wrote ${pendingInvalidationsKey} in the destination.`,
      { hint: 'Use one version of Slipway for everything that publishes there.' },
    );
  }
  const publishes = fieldOf(document, 'publishes');
  if (version !== 1 || !Array.isArray(publishes) || publishes.length > maxPublishes) return damagedRecord;
  const read = publishes.map(publishOf);
  const known = read.filter((publish) => publish !== undefined);
  return known.length === read.length ? known : damagedRecord;
}

/** What a damaged document stands for: anything may be pending. */
export const damagedRecord: readonly PendingPublish[] = [
  { id: '0'.repeat(16), beganAtMs: 0, isComplete: true, paths: [everyPath], digests: [] },
];

function publishOf(value: unknown): PendingPublish | undefined {
  const id = fieldOf(value, 'id');
  const beganAtMs = fieldOf(value, 'beganAtMs');
  const isComplete = fieldOf(value, 'isComplete');
  const paths = textsOf(fieldOf(value, 'paths'), isPath);
  const digests = textsOf(fieldOf(value, 'digests'), isDigest);
  if (typeof id !== 'string' || !/^[0-9a-f]{16}$/.test(id)) return undefined;
  if (typeof beganAtMs !== 'number' || !Number.isSafeInteger(beganAtMs) || beganAtMs < 0) return undefined;
  if (typeof isComplete !== 'boolean' || paths === undefined || digests === undefined) return undefined;
  return { id, beganAtMs, isComplete, paths, digests };
}

/** Paths go into outputs, one per line, and on to CloudFront: nothing but a path may be among them. */
function isPath(text: string): boolean {
  return text.length <= maxPathCharacters && /^\/(?:[\w.~\-/!$&'()+,;=:@]|%[\dA-Fa-f]{2})*\*?$/.test(text);
}

function isDigest(text: string): boolean {
  return text.length === digestCharacters && /^[0-9a-f]+$/.test(text);
}

function textsOf(value: unknown, isOne: (text: string) => boolean): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length > maxPendingPaths) return undefined;
  const texts = value.filter((text): text is string => typeof text === 'string' && isOne(text));
  return texts.length === value.length ? texts : undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
