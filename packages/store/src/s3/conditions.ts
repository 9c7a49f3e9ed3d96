import { RemoteError, type WriteOptions } from '@slipway/core';
import { discard, transferDeadlineMs } from '@slipway/http';
import { conditionFailed, requestName } from '../key-errors.ts';
import type { S3Context } from './context.ts';
import { tokensOf } from './history.ts';
import { leavesDoubt, type RetryPorts, type S3Attempt, withRetries } from './retries.ts';
import { isRefusal } from './wire.ts';

/** What the metadata of an object says of the write that made it. */
export interface Authorship {
  readonly etag: string;
  readonly sha256: string | undefined;
  /** Of the writes that led to it, newest first. */
  readonly tokens: readonly string[];
}

/** Who wrote the object that is there now; undefined when there is none. */
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

/** The ETag of an object that a write with `token` stored, or that others have replaced since; undefined when it stored none. */
export function etagOfOwn(author: Authorship | undefined, token: string | undefined): string | undefined {
  if (author === undefined || token === undefined || !author.tokens.includes(token)) return undefined;
  // What it stored is there no more, so that its ETag must not be equal to any.
  return author.tokens[0] === token ? author.etag : `"replaced-${token}"`;
}

export interface ConditionalWrite {
  readonly key: string;
  readonly condition: WriteOptions['condition'];
  readonly sizeBytes: number;
  /** The ETag of the object that is there when it is what this very write stored. */
  readonly ownEtag: () => Promise<string | undefined>;
}

/**
 * Repeats a write until its outcome is known. An attempt whose answer was lost may have been carried out, and then its own object
 * makes the condition of the next one fail: that is the success of the first. Throws `RemoteError` `condition-failed` when
 * somebody else's object is there.
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

/** What a refusal means for a condition, where that is what it is about. */
function failureOf(
  error: RemoteError,
  key: string,
  condition: WriteOptions['condition'],
): RemoteError | undefined {
  if (isRefusal(error, 'PreconditionFailed')) {
    return conditionFailed(
      key,
      condition === 'absent' ? 'is already there' : 'has changed since it was read',
    );
  }
  const isGone = typeof condition === 'object' && isRefusal(error, 'NoSuchKey');
  return isGone ? conditionFailed(key, 'is not there any more') : undefined;
}

/**
 * Throws `RemoteError` `condition-failed` when a condition does not hold now, before a large file is sent in vain. The write itself
 * is what decides.
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
    // Who may only write finds out by writing.
    if (error instanceof RemoteError && error.code === 'access-denied') return;
    throw error;
  }
  if (condition === 'absent') {
    if (author !== undefined) throw conditionFailed(key, 'is already there');
  } else if (author === undefined) throw conditionFailed(key, 'is not there any more');
  else if (author.etag !== condition.etag) throw conditionFailed(key, 'has changed since it was read');
}
