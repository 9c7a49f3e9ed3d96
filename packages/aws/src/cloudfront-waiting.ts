import {
  backoffMs,
  type Clock,
  counted,
  formatDuration,
  type ProgressPort,
  RemoteError,
  retrying,
  retryNotices,
} from '@slipway/core';
import type { CloudFront, Invalidation } from './cloudfront.ts';
import type { InvalidationBatch } from './cloudfront-batches.ts';

const backoff = { baseMs: 500, capMs: 20_000 };
/** Invalidations take tens of seconds: asking for room sooner is useless. */
const quotaBackoff = { leastMs: 2_000, baseMs: 4_000, capMs: 30_000 };
const pollBaseMs = 1_000;
const pollCapMs = 10_000;

export interface Waiting {
  readonly clock: Clock;
  readonly progress: ProgressPort;
  /** When to give up, in milliseconds since 1970. */
  readonly deadlineMs: number;
}

/**
 * Creates an invalidation. Waits for its turn while too many are in progress, and retries transient failures with full jitter until
 * the deadline. Throws what `CloudFront.create` throws, at once if it is permanent.
 */
export async function createPatiently(
  cloudFront: CloudFront,
  batch: InvalidationBatch,
  callerReference: string,
  waiting: Waiting,
): Promise<Invalidation> {
  const tellOthers = retryNotices(waiting.clock, (line) => waiting.progress.info(line));
  return patiently(
    () => cloudFront.create(batch, callerReference),
    waiting,
    async (error, waitMs) => {
      if (!isQuotaExceeded(error)) return tellOthers(error, waitMs);
      const count = await cloudFront.countInProgress().catch(() => undefined);
      const others = count === undefined ? 'Too many invalidations' : counted(count, 'invalidation');
      waiting.progress.info(
        `${others} in progress for this distribution: no room yet, trying again in ${formatDuration(waitMs)}.`,
      );
    },
  );
}

/**
 * Polls an invalidation until it is completed. Throws `RemoteError` `timed-out` at the deadline, and permanent errors of
 * `CloudFront.get`.
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
          hint: 'Run again with the same inputs and reference to wait for the same invalidation at no cost, or set a longer wait-deadline.',
          retryable: true,
        },
      );
    }
    await clock.sleep(Math.min(leftMs, pollBaseMs / 2 + backoffMs(clock, attempt, pollBaseMs, pollCapMs)));
    latest = await patiently(() => cloudFront.get(invalidation.id), waiting);
  }
  return latest;
}

/** Retries transient failures until the deadline; then throws the last error. */
function patiently<Answer>(
  send: () => Promise<Answer>,
  { clock, progress, deadlineMs }: Waiting,
  onRetry: (error: unknown, waitMs: number) => void | Promise<void> = retryNotices(clock, (line) =>
    progress.info(line),
  ),
): Promise<Answer> {
  const rule = {
    clock,
    deadlineMs: deadlineMs - clock.nowMs(),
    backoff: (error: unknown) => (isQuotaExceeded(error) ? quotaBackoff : backoff),
    onRetry,
  };
  return retrying(rule, send);
}

function isQuotaExceeded(error: unknown): boolean {
  return error instanceof RemoteError && error.code === 'quota-exceeded';
}
