import { backoffMs, type Clock, RemoteError } from '@slipway/core';

/**
 * Twelve attempts of which each fails by a chance of one in five fail together once in 240 million times. The SDK's own
 * retries are of no use for large publishes: they share a bucket of tokens that some 35 failures empty.
 */
const maxAttempts = 12;
const baseMs = 100;
const capMs = 20_000;
/** A server that says it is asked too much is given more time than a connection that broke. */
const throttledBaseMs = 500;
const maxRetryAfterMs = 60_000;
const maxTimerMs = 2 ** 31 - 1;

export interface RetryPolicy {
  readonly clock: Clock;
  /** For all attempts together, waits included. */
  readonly deadlineMs: number;
}

/** One attempt's place among the attempts. */
export interface Attempt {
  /** Counted from 0. */
  readonly number: number;
  /** Whether an earlier attempt ended so that it may have been carried out: a connection that broke, a 5xx. */
  readonly mayBeDone: boolean;
  /** Ends with the deadline. */
  readonly signal: AbortSignal;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or has failed twelve times or until the deadline; waits with full jitter
 * in between, and at least as long as the server asked for, up to a minute. Throws the last failure.
 */
export async function withRetries<Result>(
  { clock, deadlineMs }: RetryPolicy,
  attempt: (attempt: Attempt) => Promise<Result>,
): Promise<Result> {
  const endMs = clock.nowMs() + deadlineMs;
  let mayBeDone = false;
  for (let number = 0; ; number += 1) {
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(),
      Math.min(Math.max(1, endMs - clock.nowMs()), maxTimerMs),
    );
    // What waits for nothing else must not wait for it.
    timer.unref();
    try {
      return await attempt({ number, mayBeDone, signal: deadline.signal });
    } catch (error) {
      if (!(error instanceof RemoteError) || !error.retryable || number === maxAttempts - 1) throw error;
      const askedMs = 'retryAfterMs' in error ? Number(error.retryAfterMs) : 0;
      const base = 'status' in error && [429, 503].includes(Number(error.status)) ? throttledBaseMs : baseMs;
      const waitMs = Math.max(Math.min(askedMs, maxRetryAfterMs), backoffMs(clock, number, base, capMs));
      if (clock.nowMs() + waitMs >= endMs) throw error;
      mayBeDone ||= leavesDoubt(error);
      await clock.sleep(waitMs);
    } finally {
      // Unlike a signal of its own timeout, this one is gone with its attempt: there are thousands.
      clearTimeout(timer);
    }
  }
}

/** Whether a failed request may have been carried out all the same: only a refusal that says why it was none says it was not. */
export function leavesDoubt(error: RemoteError): boolean {
  return !('status' in error) || Number(error.status) >= 500;
}

/** A deadline that leaves a slow connection the time it needs. */
export function deadlineFor(sizeBytes: number): number {
  const slowestBytesPerMs = 50;
  return 300_000 + Math.ceil(sizeBytes / slowestBytesPerMs);
}
