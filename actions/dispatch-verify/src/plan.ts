import { createHash } from 'node:crypto';
import { timeText } from '@slipway/dispatch-payload';
import type { ExaminedMessage } from './examine.ts';

export interface ClaimStep {
  readonly kind: 'claim';
  /** In the store of ids. */
  readonly key: string;
  readonly record: ClaimRecord;
  /** Whether the claim of another run is replaced. */
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
  /** It is remembered until then. */
  readonly forgetAt: string;
}

export interface FetchStep {
  readonly kind: 'fetch';
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly url: string;
}

/** A claim whose time is over. */
export interface ExpiredClaim {
  /** In the store of ids. */
  readonly key: string;
  readonly id: string;
  readonly forgetAt: string;
}

/** Deletes a claim whose time is over. */
export interface ForgetStep extends ExpiredClaim {
  readonly kind: 'forget';
}

export type Step = ForgetStep | FetchStep | ClaimStep;

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
  readonly expiredClaims: readonly ExpiredClaim[];
  readonly again: boolean;
  readonly fetches: boolean;
  readonly rememberMs: number;
  readonly toleranceMs: number;
  readonly nowMs: number;
}

/**
 * Decides what to do for a valid message: expired claims are forgotten, its artifacts are fetched, and then its id is claimed,
 * so that a fetch that failed can be tried again. Pure.
 */
export function plan(input: PlanInput): Plan {
  const { message, remembers, expiredClaims, fetches } = input;
  const { parsed } = message;
  if (parsed === undefined) return { steps: [] };
  const fetchSteps = (fetches ? (parsed.envelope.artifacts ?? []) : []).map((artifact): FetchStep => {
    const { name, sizeBytes, sha256, url = '' } = artifact;
    return { kind: 'fetch', name, sizeBytes, sha256, url };
  });
  if (!remembers) return { steps: fetchSteps };
  const claim = claimStep(input, parsed);
  const forgetSteps = expiredClaims
    .filter(({ key }) => key !== claim.key)
    .map((expired): ForgetStep => ({ kind: 'forget', ...expired }));
  return { steps: [...forgetSteps, ...fetchSteps, claim] };
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

/** Where the ids of a repository are, in lower case. */
export function claimPrefix(audience: string): string {
  return `${audience.toLowerCase()}/`;
}

/** The id is hashed: the contents of a message never become a path. */
export function claimKey(audience: string, id: string): string {
  return `${claimPrefix(audience)}${createHash('sha256').update(id, 'utf8').digest('hex')}.json`;
}
