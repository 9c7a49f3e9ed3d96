import { backoffMs, type Clock } from './concurrency.ts';
import { RemoteError } from './errors.ts';
import { counted, formatDuration } from './measures.ts';
import { sentences } from './sentences.ts';

const maxAskedWaitMs = 60_000;
const maxTimerMs = 2 ** 31 - 1;
const quietMs = 10_000;

/** The wait before the next attempt: `leastMs` plus full jitter that doubles with each attempt, up to `capMs`. */
export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
  readonly leastMs?: number | undefined;
}

/** What is retried, when, and how often. */
export interface RetryRule<Result = unknown> {
  readonly clock: Clock;
  readonly backoff: Backoff | ((error: unknown) => Backoff);
  /** The maximum number of attempts; unlimited by default. */
  readonly maxAttempts?: number | undefined;
  /** No attempt starts later than this after the first; unlimited by default. */
  readonly deadlineMs?: number | undefined;
  /** Whether a failed attempt may succeed later; by default, whether it is a retryable `RemoteError`. */
  readonly isTransient?: ((error: unknown) => boolean) | undefined;
  /** Whether to keep waiting after this result; when time runs out, the last one is returned. */
  readonly isTooEarly?: ((result: Result) => boolean) | undefined;
  /** Called after a failure, before the wait. */
  readonly onRetry?: ((error: unknown, waitMs: number) => void | Promise<void>) | undefined;
}

export interface Attempt {
  /** Counted from 0. */
  readonly number: number;
  /** Aborted at the deadline. */
  readonly signal: AbortSignal;
  /** The time until the deadline, at least 1 ms. */
  readonly leftMs: number;
}

/**
 * Runs `attempt` until it succeeds, fails permanently, or runs out of attempts or time; then throws the last error. Between
 * attempts it waits as `backoff` says, but at least as long as the server asked (`RemoteError.retryAfterMs`), up to a minute.
 */
export async function retrying<Result>(
  rule: RetryRule<Result>,
  attempt: (attempt: Attempt) => Promise<Result>,
): Promise<Result> {
  const { clock, maxAttempts = Number.POSITIVE_INFINITY, deadlineMs = Number.POSITIVE_INFINITY } = rule;
  const { isTransient = isRetryable, isTooEarly, onRetry } = rule;
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
    } else if (!isTransient(outcome.error)) throw outcome.error;
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
  return Math.max(askedMs, leastMs + backoffMs(clock, number, baseMs, capMs));
}

/** Unlike `AbortSignal.timeout`, it releases its timer with its attempt: there are thousands. */
function abortedAfter(leftMs: number): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  if (leftMs === Number.POSITIVE_INFINITY) return { signal: controller.signal, release() {} };
  const timer = setTimeout(() => controller.abort(), Math.min(leftMs, maxTimerMs));
  timer.unref();
  return { signal: controller.signal, release: () => clearTimeout(timer) };
}

/** What failed, and when it is retried, for the log. */
export function retryNotice(error: unknown, waitMs: number): string {
  const what = error instanceof Error ? error.message : 'A request failed';
  return sentences(what, `Trying again in ${formatDuration(waitMs)}.`);
}

/** An `onRetry` that logs the first failure at once, then one every ten seconds with the number of failures it skipped. */
export function retryNotices(
  clock: Pick<Clock, 'nowMs'>,
  tell: (line: string) => void,
): (error: unknown, waitMs: number) => void {
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  let skipped = 0;
  return (error, waitMs) => {
    if (clock.nowMs() - loggedAtMs < quietMs) {
      skipped += 1;
      return;
    }
    const others =
      skipped === 0
        ? undefined
        : `Since the last notice, ${counted(skipped, 'more request')} failed and ${skipped === 1 ? 'was' : 'were'} tried again.`;
    tell(sentences(retryNotice(error, waitMs), others));
    loggedAtMs = clock.nowMs();
    skipped = 0;
  };
}
