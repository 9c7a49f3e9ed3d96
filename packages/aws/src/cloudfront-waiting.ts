import {
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
const pollBackoff = { leastMs: 500, baseMs: 1_000, capMs: 10_000 };

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
  const rule = ruleOf(waiting);
  const onRetry = async (error: unknown, waitMs: number): Promise<void> => {
    if (!isQuotaExceeded(error)) return rule.onRetry(error, waitMs);
    const count = await cloudFront.countInProgress().catch(() => undefined);
    const others = count === undefined ? 'Too many invalidations' : counted(count, 'invalidation');
    waiting.progress.info(
      `${others} in progress for this distribution: no room yet, trying again in ${formatDuration(waitMs)}.`,
    );
  };
  return retrying({ ...rule, onRetry }, () => cloudFront.create(batch, callerReference));
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
  const startedMs = waiting.clock.nowMs();
  const rule = { ...ruleOf(waiting), isTooEarly: ({ status }: Invalidation) => status !== 'Completed' };
  const latest = await retrying(rule, async ({ number }) =>
    number === 0 ? invalidation : cloudFront.get(invalidation.id),
  );
  if (latest.status === 'Completed') return latest;
  throw new RemoteError(
    'timed-out',
    `The invalidation ${latest.id} is still ${latest.status} after ${formatDuration(waiting.clock.nowMs() - startedMs)}.`,
    {
      hint: 'Run again with the same inputs and reference to wait for the same invalidation at no cost, or set a longer wait-deadline.',
      retryable: true,
    },
  );
}

/** Retries transient failures until the deadline, and polls. */
function ruleOf({ clock, progress, deadlineMs }: Waiting) {
  return {
    clock,
    deadlineMs: deadlineMs - clock.nowMs(),
    backoff: (error: unknown) => {
      if (error === undefined) return pollBackoff;
      return isQuotaExceeded(error) ? quotaBackoff : backoff;
    },
    onRetry: retryNotices(clock, (line) => progress.info(line)),
  };
}

function isQuotaExceeded(error: unknown): boolean {
  return error instanceof RemoteError && error.code === 'quota-exceeded';
}
