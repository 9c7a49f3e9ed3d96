import { createHash } from 'node:crypto';
import { timeText } from '@slipway/dispatch-payload';
import type { ExaminedMessage } from './examine.ts';

export interface ClaimStep {
  readonly kind: 'claim';
  /** Its key in the store of ids. */
  readonly key: string;
  readonly record: ClaimRecord;
  /** Whether the claim of another run is replaced. */
  readonly again: boolean;
}

/** The record of an id in the store. */
export interface ClaimRecord {
  readonly id: string;
  readonly event: string;
  readonly source: string | undefined;
  /** The receiving run that may act on it. */
  readonly claimedBy: string;
  readonly claimedAt: string;
  /** When the record may be deleted. */
  readonly forgetAt: string;
}

export interface FetchStep {
  readonly kind: 'fetch';
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly url: string;
}

/** An expired claim. */
export interface ExpiredClaim {
  /** Its key in the store of ids. */
  readonly key: string;
  readonly id: string;
  readonly forgetAt: string;
}

/** Deletes an expired claim. */
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
  /** This run; the same for reruns. */
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
 * Decides what to do for a valid message: delete expired claims, fetch its artifacts, and then claim its id, so that a failed fetch
 * can be retried. Pure.
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

/** The prefix of the ids of a repository, in lower case. */
export function claimPrefix(audience: string): string {
  return `${audience.toLowerCase()}/`;
}

/** The id is hashed: the contents of a message never become a path. */
export function claimKey(audience: string, id: string): string {
  return `${claimPrefix(audience)}${createHash('sha256').update(id, 'utf8').digest('hex')}.json`;
}
