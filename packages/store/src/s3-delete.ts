import { mapConcurrently, printable } from '@slipway/core';
import { requestName } from './http-errors.ts';
import type { S3Context } from './s3-context.ts';
import { withRetries } from './s3-retries.ts';
import { finish, type WireRequest } from './s3-wire.ts';

const maxKeysPerRequest = 1000;
const requestsAtOnce = 4;
const deadlineMs = 300_000;

/** Removes an object; a missing one is a success. */
export async function deleteObject({ clock, keys, wire }: S3Context, key: string): Promise<void> {
  const request: WireRequest = {
    method: 'DELETE',
    path: wire.pathOf(keys.toUse(key)),
    headers: {},
    what: requestName('DELETE', key),
    action: 's3:DeleteObject',
  };
  await withRetries({ clock, deadlineMs }, async ({ signal }) => {
    await finish(await wire.send({ ...request, signal }), { ...request, signal });
  });
}

/** A key that is still there, and why. */
export interface NotDeleted {
  readonly key: string;
  readonly reason: string;
}

/** Removes objects, a thousand with each request (DeleteObjects). Those that the server names as failed are given back. */
export async function deleteObjects(context: S3Context, keys: readonly string[]): Promise<NotDeleted[]> {
  const byS3Key = new Map(keys.map((key) => [context.keys.toUse(key), key]));
  const s3Keys = [...byS3Key.keys()];
  const pages: string[][] = [];
  for (let start = 0; start < s3Keys.length; start += maxKeysPerRequest)
    pages.push(s3Keys.slice(start, start + maxKeysPerRequest));
  const failures = await mapConcurrently(pages, requestsAtOnce, (page) => deletePage(context, page, byS3Key));
  return failures.flat();
}

/** Errors that may pass are tried again key by key: the request itself was a success. */
async function deletePage(
  context: S3Context,
  page: readonly string[],
  byS3Key: ReadonlyMap<string, string>,
): Promise<NotDeleted[]> {
  const { clock, documents } = context;
  const answer = await withRetries({ clock, deadlineMs }, ({ signal }) => {
    const what = `DELETE of ${page.length} objects`;
    const { client, options } = documents.for({ what, action: 's3:DeleteObject', signal });
    const command = new documents.sdk.DeleteObjectsCommand({
      Bucket: documents.bucket,
      Delete: { Objects: page.map((Key) => ({ Key })), Quiet: true },
    });
    return client.send(command, options);
  });
  const failures: NotDeleted[] = [];
  for (const { Key: s3Key = '', Code: code = 'no code', Message: message = '' } of answer.Errors ?? []) {
    const key = byS3Key.get(s3Key);
    if (key === undefined || code === 'NoSuchKey') continue;
    if (code === 'InternalError' || code === 'SlowDown' || code === 'ServiceUnavailable') {
      await deleteObject(context, key);
    } else failures.push({ key, reason: printable(message === '' ? code : `${code}: ${message}`) });
  }
  return failures;
}
