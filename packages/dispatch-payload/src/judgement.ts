import { formatDuration, printable } from '@slipway/core';
import { isSameRepository } from './names.ts';
import type { ParsedEnvelope } from './parse-envelope.ts';
import { type Refusal, refusal } from './refusals.ts';

/** What a receiver accepts. */
export interface Expectations {
  /** The receiving repository; undefined outside of GitHub. */
  readonly audience: string | undefined;
  /** The event type from GitHub; undefined for a manual run. */
  readonly event: string | undefined;
  /** Empty: all. */
  readonly sources: readonly string[];
  readonly maxAgeMs: number;
  readonly toleranceMs: number;
  readonly nowMs: number;
}

/** Every reason to refuse a well-formed envelope, whoever signed it. */
export function judgeEnvelope(parsed: ParsedEnvelope, expected: Expectations): readonly Refusal[] {
  return [...judgeAddress(parsed, expected), ...judgeTime(parsed, expected)];
}

function judgeAddress({ envelope }: ParsedEnvelope, expected: Expectations): readonly Refusal[] {
  const refusals: Refusal[] = [];
  const { audience, event, sources } = expected;
  if (audience === undefined || !isSameRepository(envelope.audience, audience)) {
    refusals.push(
      refusal(
        'audience-wrong',
        `it is for ${printable(envelope.audience)}, but this is ${audience === undefined ? 'an unknown repository' : printable(audience)}`,
        'Notify a renamed repository under its new name.',
      ),
    );
  }
  if (event !== undefined && envelope.event !== event) {
    refusals.push(
      refusal(
        'event-type-mismatch',
        `it was signed for the event "${printable(envelope.event)}", but came as "${printable(event)}"`,
      ),
    );
  }
  const { repository } = envelope.source;
  if (sources.length > 0 && !sources.some((source) => isSameRepository(source, repository ?? ''))) {
    refusals.push(
      refusal(
        'source-refused',
        repository === undefined
          ? 'it does not state which repository it comes from, but sources is set'
          : `it claims to come from ${printable(repository)}, which is not in sources`,
        repository === undefined ? 'Send it with source-repository.' : undefined,
      ),
    );
  }
  return refusals;
}

function judgeTime(
  { envelope, issuedAtMs, expiresAtMs }: ParsedEnvelope,
  { nowMs, toleranceMs, maxAgeMs }: Expectations,
): readonly Refusal[] {
  const refusals: Refusal[] = [];
  if (issuedAtMs > nowMs + toleranceMs) {
    refusals.push(
      refusal(
        'from-future',
        `it was issued on ${envelope.issuedAt}, ${formatDuration(issuedAtMs - nowMs)} in the future`,
        'The clock of one of the two machines is off by more than clock-tolerance.',
      ),
    );
  }
  if (expiresAtMs <= nowMs - toleranceMs) {
    refusals.push(refusal('expired', `it expired on ${envelope.expiresAt}`, 'Send it again.'));
  }
  if (issuedAtMs < nowMs - toleranceMs - maxAgeMs) {
    refusals.push(
      refusal('too-old', `it was issued on ${envelope.issuedAt}, but max-age is ${formatDuration(maxAgeMs)}`),
    );
  }
  return refusals;
}
