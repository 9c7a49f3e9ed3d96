import { backoffMs, type Clock, RemoteError } from '@slipway/core';

const baseMs = 250;
const capMs = 5_000;

export interface RetryOptions {
  readonly clock: Clock;
  /** No attempt begins after this long. */
  readonly deadlineMs: number;
  /** Told why another attempt follows. */
  onRetry(error: RemoteError, waitMs: number): void | Promise<void>;
  /** How long to wait after a failure; by full jitter, up to five seconds, when not given. */
  waitMs?(error: RemoteError, attempts: number): number;
}

/**
 * What `attempt` gives, begun anew after each retryable `RemoteError` with full jitter between, until `deadlineMs` are
 * over. `attempt` is told how many milliseconds are left. Any other error is thrown at once.
 */
export async function retried<Result>(
  attempt: (leftMs: number) => Promise<Result>,
  { clock, deadlineMs, onRetry, waitMs: waitAfter }: RetryOptions,
): Promise<Result> {
  const endMs = clock.nowMs() + deadlineMs;
  for (let attempts = 0; ; attempts += 1) {
    try {
      return await attempt(Math.max(1, endMs - clock.nowMs()));
    } catch (error) {
      if (!(error instanceof RemoteError) || !error.retryable) throw error;
      const waitMs = waitAfter?.(error, attempts) ?? backoffMs(clock, attempts, baseMs, capMs);
      if (clock.nowMs() + waitMs >= endMs) throw error;
      await onRetry(error, waitMs);
      await clock.sleep(waitMs);
    }
  }
}
