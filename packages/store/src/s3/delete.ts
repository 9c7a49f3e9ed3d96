import type { _Error as Failure } from '@aws-sdk/client-s3';
import { mapConcurrently, printable, RemoteError } from '@slipway/core';
import { transferDeadlineMs } from '@slipway/http';
import { requestName } from '../key-errors.ts';
import type { S3Context } from './context.ts';
import { withRetries } from './retries.ts';
import { finish, type WireRequest } from './wire.ts';

const maxKeysPerRequest = 1000;
const requestsAtOnce = 4;

/** Removes an object; a missing one is a success. */
export async function deleteObject(context: S3Context, key: string): Promise<void> {
  const { keys, wire } = context;
  const request: WireRequest = {
    method: 'DELETE',
    path: wire.pathOf(keys.toUse(key)),
    headers: {},
    what: requestName('DELETE', key),
    action: 's3:DeleteObject',
  };
  await withRetries(context, transferDeadlineMs(0), async ({ signal }) => {
    await finish(await wire.send({ ...request, signal }), { ...request, signal });
  });
}

/** A key that is still there, and why. */
export interface NotDeleted {
  readonly key: string;
  readonly reason: string;
}

/** XML cannot contain these, not even escaped. */
const unwritableInXml = /[\u0000-\u001f\ufffe\uffff]/;
/** Transient errors of single keys: the request as a whole succeeded and is not repeated. */
const transientCodes: ReadonlySet<string> = new Set(['InternalError', 'SlowDown', 'ServiceUnavailable']);

/** Removes objects, a thousand per request (DeleteObjects). Returns those that the server failed to remove. */
export async function deleteObjects(context: S3Context, keys: readonly string[]): Promise<NotDeleted[]> {
  const byS3Key = new Map(keys.map((key) => [context.keys.toUse(key), key]));
  const single: string[] = [];
  const pages: string[][] = [];
  for (const [s3Key, key] of byS3Key) {
    if (unwritableInXml.test(s3Key)) single.push(key);
    else if (pages.at(-1) === undefined || pages.at(-1)?.length === maxKeysPerRequest) pages.push([s3Key]);
    else pages.at(-1)?.push(s3Key);
  }
  const failures = await mapConcurrently(pages, requestsAtOnce, async (page) => {
    const failed: NotDeleted[] = [];
    for (const { Key: s3Key = '', Code: code = 'no code', Message: message = '' } of await deletePage(
      context,
      page,
    )) {
      const key = byS3Key.get(s3Key);
      if (key === undefined || code === 'NoSuchKey') continue;
      if (transientCodes.has(code)) single.push(key);
      else failed.push({ key, reason: printable(message === '' ? code : `${code}: ${message}`) });
    }
    return failed;
  });
  const singly = await mapConcurrently(single, requestsAtOnce, async (key) => {
    try {
      await deleteObject(context, key);
      return [];
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      return [{ key, reason: error.message }];
    }
  });
  return [...failures, ...singly].flat();
}

async function deletePage(context: S3Context, page: readonly string[]): Promise<readonly Failure[]> {
  const { documents } = context;
  const answer = await withRetries(context, transferDeadlineMs(0), ({ signal }) => {
    const what = `DELETE of ${page.length} objects`;
    const call = { what, action: 's3:DeleteObject', signal, root: 'DeleteResult' } as const;
    const command = new documents.sdk.DeleteObjectsCommand({
      Bucket: documents.bucket,
      Delete: { Objects: page.map((Key) => ({ Key })), Quiet: true },
    });
    return documents.ask(call, (client, options) => client.send(command, options));
  });
  return answer.Errors ?? [];
}
