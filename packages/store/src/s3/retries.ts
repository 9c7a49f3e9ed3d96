import { type Attempt, type Clock, RemoteError, retrying } from '@slipway/core';

/**
 * Twelve attempts that each fail with a chance of one in five fail together once in 240 million times. The SDK's own
 * retries do not suit large publishes: they share a bucket of tokens that some 35 failures empty.
 */
const maxAttempts = 12;
const baseMs = 100;
const capMs = 20_000;
/** An overloaded server is given more time than a broken connection. */
const throttledBaseMs = 500;

export interface RetryPorts {
  readonly clock: Clock;
  readonly onRetry?: ((error: unknown, waitMs: number) => void) | undefined;
}

export interface S3Attempt extends Attempt {
  /** Whether an earlier attempt may have been carried out although it failed: a broken connection, a 5xx. */
  readonly mayBeDone: boolean;
}

/** Like `retrying` in core, with the waits, limits and notices of S3. Throws the last failure. */
export async function withRetries<Result>(
  { clock, onRetry }: RetryPorts,
  deadlineMs: number,
  attempt: (attempt: S3Attempt) => Promise<Result>,
): Promise<Result> {
  let mayBeDone = false;
  return retrying(
    {
      clock,
      deadlineMs,
      maxAttempts,
      backoff: (error) => ({ baseMs: isThrottled(error) ? throttledBaseMs : baseMs, capMs }),
      onRetry: (error, waitMs) => {
        mayBeDone ||= !(error instanceof RemoteError) || leavesDoubt(error);
        onRetry?.(error, waitMs);
      },
    },
    (current) => attempt({ ...current, mayBeDone }),
  );
}

function isThrottled(error: unknown): boolean {
  return error instanceof RemoteError && 'status' in error && [429, 503].includes(Number(error.status));
}

/** Whether a failed request may have been carried out anyway: only a refusal that explains itself rules that out. */
export function leavesDoubt(error: RemoteError): boolean {
  return !('status' in error) || Number(error.status) >= 500;
}
