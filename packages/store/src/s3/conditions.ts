import { RemoteError, type WriteOptions } from '@slipway/core';
import { discard, transferDeadlineMs } from '@slipway/http';
import { conditionFailed, requestName } from '../key-errors.ts';
import type { S3Context } from './context.ts';
import { tokensOf } from './history.ts';
import { leavesDoubt, type RetryPorts, type S3Attempt, withRetries } from './retries.ts';
import { isRefusal } from './wire.ts';

/** Which writes led to an object, according to its metadata. */
export interface Authorship {
  readonly etag: string;
  readonly sha256: string | undefined;
  /** Newest first. */
  readonly tokens: readonly string[];
}

/** The authorship of the current object; undefined if there is none. */
export async function authorshipOf(
  context: S3Context,
  key: string,
  s3Key: string,
): Promise<Authorship | undefined> {
  const { wire, history } = context;
  const what = requestName('HEAD', key);
  const request = {
    method: 'HEAD',
    path: wire.pathOf(s3Key),
    headers: {},
    what,
    action: 's3:GetObject',
  } as const;
  try {
    return await withRetries(context, transferDeadlineMs(0), async ({ signal }) => {
      const response = await wire.send({ ...request, signal });
      discard(response);
      const {
        etag = '',
        'x-amz-meta-sha256': sha256,
        'x-amz-meta-slipway-writes': writes,
      } = response.headers;
      history.remember(etag, writes);
      return { etag, sha256: typeof sha256 === 'string' ? sha256 : undefined, tokens: tokensOf(writes) };
    });
  } catch (error) {
    if (isRefusal(error, 'NoSuchKey')) return undefined;
    throw error;
  }
}

/** The ETag of an object that the write with `token` stored, even if it was replaced since; undefined if that write stored none. */
export function etagOfOwn(author: Authorship | undefined, token: string | undefined): string | undefined {
  if (author === undefined || token === undefined || !author.tokens.includes(token)) return undefined;
  // The object it stored was replaced, so its ETag must not match any.
  return author.tokens[0] === token ? author.etag : `"replaced-${token}"`;
}

export interface ConditionalWrite {
  readonly key: string;
  readonly condition: WriteOptions['condition'];
  readonly sizeBytes: number;
  /** The ETag of the current object if this write stored it. */
  readonly ownEtag: () => Promise<string | undefined>;
}

/**
 * Repeats a write until its outcome is known. If an attempt was carried out but its answer was lost, its own object makes the next
 * attempt's condition fail: that counts as success. Throws `RemoteError` `condition-failed` if the current object is not its own.
 */
export async function writeSettled(
  context: RetryPorts,
  { key, condition, sizeBytes, ownEtag }: ConditionalWrite,
  attempt: (attempt: S3Attempt) => Promise<{ readonly etag: string }>,
): Promise<{ readonly etag: string }> {
  let mayBeDone = false;
  try {
    return await withRetries(context, transferDeadlineMs(sizeBytes), (current) => {
      mayBeDone = current.mayBeDone;
      return attempt(current);
    });
  } catch (error) {
    if (condition === 'any' || !(error instanceof RemoteError)) throw error;
    const failed = failureOf(error, key, condition);
    const lost = error.retryable && (mayBeDone || leavesDoubt(error));
    if (lost || (failed !== undefined && mayBeDone)) {
      const etag = await ownEtag();
      if (etag !== undefined) return { etag };
    }
    throw failed ?? error;
  }
}

/** What a refusal means for a condition, if it is about one. */
function failureOf(
  error: RemoteError,
  key: string,
  condition: WriteOptions['condition'],
): RemoteError | undefined {
  if (isRefusal(error, 'PreconditionFailed')) {
    return conditionFailed(key, condition === 'absent' ? 'already exists' : 'has changed since it was read');
  }
  const isGone = typeof condition === 'object' && isRefusal(error, 'NoSuchKey');
  return isGone ? conditionFailed(key, 'no longer exists') : undefined;
}

/**
 * Throws `RemoteError` `condition-failed` if a condition does not hold now, before a large file is sent in vain. The
 * write itself decides.
 */
export async function refuseEarly(
  context: S3Context,
  key: string,
  s3Key: string,
  condition: WriteOptions['condition'],
): Promise<void> {
  if (condition === 'any') return;
  let author: Authorship | undefined;
  try {
    author = await authorshipOf(context, key, s3Key);
  } catch (error) {
    // With only the permission to write, the write itself finds out.
    if (error instanceof RemoteError && error.code === 'access-denied') return;
    throw error;
  }
  if (condition === 'absent') {
    if (author !== undefined) throw conditionFailed(key, 'already exists');
  } else if (author === undefined) throw conditionFailed(key, 'no longer exists');
  else if (author.etag !== condition.etag) throw conditionFailed(key, 'has changed since it was read');
}
