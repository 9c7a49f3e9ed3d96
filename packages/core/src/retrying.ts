import type { Clock } from './concurrency.ts';
import { RemoteError } from './errors.ts';
import { counted, formatDuration } from './measures.ts';
import { sentences } from './sentences.ts';

const maxAskedWaitMs = 60_000;
const maxTimerMs = 2 ** 31 - 1;
const quietMs = 10_000;

/** How long to wait before the next attempt: `leastMs`, and then full jitter that doubles with each attempt up to `capMs`. */
export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
  readonly leastMs?: number | undefined;
}

/** What is tried again, when, and how often. */
export interface RetryRule<Result = unknown> {
  /** Time, waits and randomness come from here. */
  readonly clock: Clock;
  readonly backoff: Backoff | ((error: unknown) => Backoff);
  /** How many attempts there are in all; no limit when not given. */
  readonly maxAttempts?: number | undefined;
  /** No attempt begins later than this after the first; no limit when not given. */
  readonly deadlineMs?: number | undefined;
  /** Whether a failed attempt may succeed later. When not given, a `RemoteError` says so itself. */
  readonly isPassing?: ((error: unknown) => boolean) | undefined;
  /** Whether a result is one to wait for longer; at the end the last one is returned. */
  readonly isTooEarly?: ((result: Result) => boolean) | undefined;
  /** Told of a failure before the wait that follows it. */
  readonly onRetry?: ((error: unknown, waitMs: number) => void | Promise<void>) | undefined;
}

export interface Attempt {
  /** Counted from 0. */
  readonly number: number;
  /** Aborted at the deadline. */
  readonly signal: AbortSignal;
  /** How long it is until the deadline, and at least a millisecond. */
  readonly leftMs: number;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or attempts or time run out; then its last error is thrown. Between two
 * attempts it waits as `backoff` says, and at least as long as the server asked for (`RemoteError.retryAfterMs`), up to a minute.
 */
export async function retrying<Result>(
  rule: RetryRule<Result>,
  attempt: (attempt: Attempt) => Promise<Result>,
): Promise<Result> {
  const { clock, maxAttempts = Number.POSITIVE_INFINITY, deadlineMs = Number.POSITIVE_INFINITY } = rule;
  const { isPassing = isRetryable, isTooEarly, onRetry } = rule;
  const endMs = clock.nowMs() + deadlineMs;
  for (let number = 0; ; number += 1) {
    const leftMs = Math.max(1, endMs - clock.nowMs());
    const { signal, release } = abortedAfter(leftMs);
    let outcome: { readonly result: Result } | { readonly error: unknown };
    try {
      outcome = { result: await attempt({ number, signal, leftMs }) };
    } catch (error) {
      outcome = { error };
    } finally {
      release();
    }
    if ('result' in outcome) {
      if (isTooEarly?.(outcome.result) !== true) return outcome.result;
    } else if (!isPassing(outcome.error)) throw outcome.error;
    const error = 'error' in outcome ? outcome.error : undefined;
    const waitMs = waitAfter(rule, error, number);
    if (number + 1 >= maxAttempts || clock.nowMs() + waitMs >= endMs) {
      if ('result' in outcome) return outcome.result;
      throw error;
    }
    if ('error' in outcome) await onRetry?.(error, waitMs);
    await clock.sleep(waitMs);
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof RemoteError && error.retryable;
}

function waitAfter<Result>({ clock, backoff }: RetryRule<Result>, error: unknown, number: number): number {
  const { baseMs, capMs, leastMs = 0 } = typeof backoff === 'function' ? backoff(error) : backoff;
  const askedMs = error instanceof RemoteError ? Math.min(error.retryAfterMs, maxAskedWaitMs) : 0;
  return Math.max(askedMs, leastMs + clock.random() * Math.min(capMs, baseMs * 2 ** number));
}

/** Unlike `AbortSignal.timeout`, its timer is gone with its attempt: there are thousands. */
function abortedAfter(leftMs: number): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  if (leftMs === Number.POSITIVE_INFINITY) return { signal: controller.signal, release() {} };
  const timer = setTimeout(() => controller.abort(), Math.min(leftMs, maxTimerMs));
  // It must not keep the process alive.
  timer.unref();
  return { signal: controller.signal, release: () => clearTimeout(timer) };
}

/** What failed, and when it is tried again, for the log. */
export function retryNotice(error: unknown, waitMs: number): string {
  const what = error instanceof Error ? error.message : 'A request failed';
  return sentences(what, `Trying again in ${formatDuration(waitMs)}.`);
}

/**
 * An `onRetry` that says in the log what failed and is tried again: the first failure at once, and after that one in ten seconds,
 * with the number of those that were left out.
 */
export function retryNotices(
  clock: Pick<Clock, 'nowMs'>,
  tell: (line: string) => void,
): (error: unknown, waitMs: number) => void {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return (error, waitMs) => {
    if (clock.nowMs() - toldAtMs < quietMs) {
      untold += 1;
      return;
    }
    const others =
      untold === 0
        ? undefined
        : `Since the last notice, ${counted(untold, 'more request')} failed and ${untold === 1 ? 'was' : 'were'} tried again.`;
    tell(sentences(retryNotice(error, waitMs), others));
    toldAtMs = clock.nowMs();
    untold = 0;
  };
}
