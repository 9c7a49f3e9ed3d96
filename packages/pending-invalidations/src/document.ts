import { hash } from 'node:crypto';
import { JsonError, parseStrictJson, UserError } from '@slipway/core';

/** Where a destination remembers them. Under `.slipway/`, where no user's object can be (ADR 0031). */
export const pendingInvalidationsKey = '.slipway/pending-invalidations.v1.json';

/** More paths than this are remembered as one wildcard: CloudFront takes no more at a time, and a wildcard counts as one. */
export const maxPendingPaths = 3_000;
/** What covers every object of a destination. */
export const everyPath = '/*';

const maxPublishes = 200;
const maxPathCharacters = 4_000;
const maxDepth = 4;
const digestCharacters = 12;

/**
 * What one publish set out to replace or delete, as the paths of its `invalidation-paths`: percent-encoded, with a leading
 * slash, a wildcard with a `*` at its end.
 */
export interface PendingPublish {
  /** 16 hex digits, drawn by the publish. */
  readonly id: string;
  readonly beganAtMs: number;
  /** Whether it has said that it replaces nothing more. One that was killed never says so. */
  readonly isComplete: boolean;
  readonly paths: readonly string[];
  /** Digests of paths that a reader of the document must not learn. */
  readonly digests: readonly string[];
}

/**
 * Stands for a path in a document that others may read. It is shortened: enough to find the path among some millions, and no
 * use to whoever wants to compute a secret path from it.
 */
export function pathDigest(path: string): string {
  return hash('sha256', `slipway pending invalidation\n${path}`).slice(0, digestCharacters);
}

export function formatPending(publishes: readonly PendingPublish[]): Uint8Array {
  return Buffer.from(`${JSON.stringify({ version: 1, publishes })}\n`);
}

/**
 * Reads what `formatPending` wrote. A document that is damaged says that anything may be pending, since nobody can know what
 * was in it. Throws `UserError` `not-supported` for one of a later version.
 */
export function parsePending(bytes: Uint8Array): readonly PendingPublish[] {
  let document: unknown;
  try {
    document = parseStrictJson(bytes, maxDepth);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return damaged;
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
  if (version !== 1 || !Array.isArray(publishes) || publishes.length > maxPublishes) return damaged;
  const read = publishes.map(publishOf);
  const known = read.filter((publish) => publish !== undefined);
  return known.length === read.length ? known : damaged;
}

const damaged: readonly PendingPublish[] = [
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

/** Paths go on into outputs, one a line, and from there to CloudFront: nothing else than a path may be among them. */
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
