import {
  backoffMs,
  type Clock,
  counted,
  formatDuration,
  type ProgressPort,
  RemoteError,
} from '@slipway/core';
import type { CloudFront, Invalidation } from './cloudfront.ts';
import type { InvalidationBatch } from './cloudfront-batches.ts';
import { retried } from './retry.ts';

const retryBaseMs = 500;
const retryCapMs = 20_000;
/** Invalidations take tens of seconds: asking sooner than this for room finds none. */
const quotaBaseMs = 4_000;
const quotaCapMs = 30_000;
const pollBaseMs = 1_000;
const pollCapMs = 10_000;

export interface Waiting {
  readonly clock: Clock;
  readonly progress: ProgressPort;
  /** When to give up, in milliseconds since 1970. */
  readonly deadlineMs: number;
}

/**
 * Makes an invalidation. While too many are in progress it waits for its turn, and it repeats what failed in passing, each
 * with full jitter until the deadline. Throws what `CloudFront.create` throws, at once when it is for good.
 */
export async function createPatiently(
  cloudFront: CloudFront,
  batch: InvalidationBatch,
  callerReference: string,
  waiting: Waiting,
): Promise<Invalidation> {
  return patiently(
    () => cloudFront.create(batch, callerReference),
    waiting,
    async (error, waitMs) => {
      if (error.code !== 'quota-exceeded') return;
      const count = await cloudFront.countInProgress().catch(() => undefined);
      const others = count === undefined ? 'Too many invalidations' : counted(count, 'invalidation');
      waiting.progress.info(
        `${others} in progress for this distribution: no room yet, trying again in ${formatDuration(waitMs)}.`,
      );
    },
  );
}

/**
 * Asks for an invalidation until it is completed. Throws `RemoteError` `timed-out` at the deadline, and what
 * `CloudFront.get` throws for good.
 */
export async function waitUntilCompleted(
  cloudFront: CloudFront,
  invalidation: Invalidation,
  waiting: Waiting,
): Promise<Invalidation> {
  const { clock, deadlineMs } = waiting;
  const startedMs = clock.nowMs();
  let latest = invalidation;
  for (let attempt = 0; latest.status !== 'Completed'; attempt += 1) {
    const leftMs = deadlineMs - clock.nowMs();
    if (leftMs <= 0) {
      throw new RemoteError(
        'timed-out',
        `The invalidation ${latest.id} is still ${latest.status} after ${formatDuration(clock.nowMs() - startedMs)}.`,
        {
          hint: 'Run again with the same inputs and reference: that waits for the same invalidation and costs nothing. A longer wait-deadline waits longer.',
          retryable: true,
        },
      );
    }
    await clock.sleep(Math.min(leftMs, pollBaseMs / 2 + backoffMs(clock, attempt, pollBaseMs, pollCapMs)));
    latest = await patiently(() => cloudFront.get(invalidation.id), waiting);
  }
  return latest;
}

/** Repeats what failed in passing until the deadline; then its last error is thrown. */
function patiently<Answer>(
  send: () => Promise<Answer>,
  { clock, progress, deadlineMs }: Waiting,
  onRetry: (error: RemoteError, waitMs: number) => Promise<void> = async (error) =>
    progress.debug(error.message),
): Promise<Answer> {
  return retried(send, {
    clock,
    deadlineMs: deadlineMs - clock.nowMs(),
    onRetry,
    waitMs: (error, attempts) =>
      error.code === 'quota-exceeded'
        ? quotaBaseMs / 2 + backoffMs(clock, attempts, quotaBaseMs, quotaCapMs)
        : backoffMs(clock, attempts, retryBaseMs, retryCapMs),
  });
}
