import { type Attempt, type Clock, RemoteError, retrying } from '@slipway/core';

/**
 * Twelve attempts of which each fails by a chance of one in five fail together once in 240 million times. The SDK's own
 * retries are of no use for large publishes: they share a bucket of tokens that some 35 failures empty.
 */
const maxAttempts = 12;
const baseMs = 100;
const capMs = 20_000;
/** A server that says it is asked too much is given more time than a connection that broke. */
const throttledBaseMs = 500;

export interface RetryPorts {
  readonly clock: Clock;
  readonly onRetry?: ((error: unknown, waitMs: number) => void) | undefined;
}

export interface S3Attempt extends Attempt {
  /** Whether an earlier attempt may have been carried out although it failed: a connection that broke, a 5xx. */
  readonly mayBeDone: boolean;
}

/** As `retrying` in core, with the waits, the number of attempts and the notices of S3. Throws the last failure. */
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

/** Whether a failed request may have been carried out all the same: only a refusal that says why it was none says it was not. */
export function leavesDoubt(error: RemoteError): boolean {
  return !('status' in error) || Number(error.status) >= 500;
}
