import { createHash } from 'node:crypto';
import { timeText } from '@slipway/dispatch-payload';
import type { ExaminedMessage } from './examine.ts';

export interface ClaimStep {
  readonly kind: 'claim';
  /** In the store of ids. */
  readonly key: string;
  readonly record: ClaimRecord;
  /** Whether it may be taken from another run. */
  readonly again: boolean;
}

/** What a store remembers of an id. */
export interface ClaimRecord {
  readonly id: string;
  readonly event: string;
  readonly source: string | undefined;
  /** The receiving run that may act on it. */
  readonly claimedBy: string;
  readonly claimedAt: string;
  /** Until then it is remembered. */
  readonly forgetAt: string;
}

export interface FetchStep {
  readonly kind: 'fetch';
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly url: string;
}

export type Step = ClaimStep | FetchStep;

export interface Plan {
  readonly steps: readonly Step[];
}

export interface PlanInput {
  readonly message: ExaminedMessage;
  /** The receiving repository. */
  readonly audience: string | undefined;
  /** This run, the same when it is run again. */
  readonly runReference: string;
  readonly remembers: boolean;
  readonly again: boolean;
  readonly fetches: boolean;
  readonly rememberMs: number;
  readonly toleranceMs: number;
  readonly nowMs: number;
}

/**
 * What is to be done for a message that is in order: its artifacts are fetched, and then its id is claimed, so that a
 * fetch that failed can be tried again.
 */
export function plan(input: PlanInput): Plan {
  const { message, remembers, fetches } = input;
  const { parsed } = message;
  if (parsed === undefined) return { steps: [] };
  const fetchSteps = (fetches ? (parsed.envelope.artifacts ?? []) : []).map((artifact): FetchStep => {
    const { name, sizeBytes, sha256, url = '' } = artifact;
    return { kind: 'fetch', name, sizeBytes, sha256, url };
  });
  return { steps: [...fetchSteps, ...(remembers ? [claimStep(input, parsed)] : [])] };
}

function claimStep(
  { message, audience, runReference, again, rememberMs, toleranceMs, nowMs }: PlanInput,
  { envelope, expiresAtMs }: NonNullable<ExaminedMessage['parsed']>,
): ClaimStep {
  const forgetAtMs = Math.max(nowMs + rememberMs, expiresAtMs + toleranceMs);
  return {
    kind: 'claim',
    key: claimKey(audience ?? envelope.audience, envelope.id),
    record: {
      id: envelope.id,
      event: message.eventType,
      source: envelope.source.repository,
      claimedBy: runReference,
      claimedAt: timeText(nowMs),
      forgetAt: timeText(forgetAtMs),
    },
    again,
  };
}

/** Where the ids of a repository are, in small letters. */
export function claimPrefix(audience: string): string {
  return `${audience.toLowerCase()}/`;
}

/** The id is hashed: what is in a message never decides on a path. */
export function claimKey(audience: string, id: string): string {
  return `${claimPrefix(audience)}${createHash('sha256').update(id, 'utf8').digest('hex')}.json`;
}
