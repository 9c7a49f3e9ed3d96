import { formatDuration, printable } from '@slipway/core';
import { isSameRepository } from './names.ts';
import type { ParsedEnvelope } from './parse-envelope.ts';
import { type Refusal, refusal } from './refusals.ts';

/** What a receiver takes. */
export interface Expectations {
  /** The receiving repository; undefined where a program runs outside of GitHub. */
  readonly audience: string | undefined;
  /** The event type that GitHub says; undefined for a run by hand. */
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
        `it is for ${printable(envelope.audience)}, and this is ${audience === undefined ? 'no repository that is known' : printable(audience)}`,
        'Notify a renamed repository under its new name.',
      ),
    );
  }
  if (event !== undefined && envelope.event !== event) {
    refusals.push(
      refusal(
        'event-type-mismatch',
        `it was signed for the event "${printable(envelope.event)}", and came as "${printable(event)}"`,
      ),
    );
  }
  const { repository } = envelope.source;
  if (sources.length > 0 && !sources.some((source) => isSameRepository(source, repository ?? ''))) {
    refusals.push(
      refusal(
        'source-refused',
        repository === undefined
          ? 'it does not say which repository it comes from, and sources are given'
          : `it says to come from ${printable(repository)}, which is not among sources`,
        repository === undefined ? 'Have it sent with source-repository.' : undefined,
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
        `it was issued on ${envelope.issuedAt}, ${formatDuration(issuedAtMs - nowMs)} after now`,
        'The clock of one of the machines is wrong by more than clock-tolerance.',
      ),
    );
  }
  if (expiresAtMs <= nowMs - toleranceMs) {
    refusals.push(refusal('expired', `it expired on ${envelope.expiresAt}`, 'Have it sent again.'));
  }
  if (issuedAtMs < nowMs - toleranceMs - maxAgeMs) {
    refusals.push(
      refusal('too-old', `it was issued on ${envelope.issuedAt}, and max-age is ${formatDuration(maxAgeMs)}`),
    );
  }
  return refusals;
}
