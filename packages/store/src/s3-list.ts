import { assertKey, type ObjectInfo, RemoteError } from '@slipway/core';
import { named, notAPrefix } from './file-errors.ts';
import type { S3Context } from './s3-context.ts';
import { withRetries } from './s3-retries.ts';

const listDeadlineMs = 300_000;

/** Every object of the store below a prefix, in pages of 1,000 (ListObjectsV2). Names outside of the prefix never appear. */
export async function* listObjects(context: S3Context, prefix: string): AsyncGenerator<ObjectInfo> {
  const { clock, documents, keys } = context;
  if (prefix !== '') {
    if (!prefix.endsWith('/')) throw notAPrefix(prefix);
    assertKey(prefix.slice(0, -1));
  }
  const below = keys.root + prefix;
  const what = `LIST ${named(prefix)}`;
  let token: string | undefined;
  do {
    const page = await withRetries({ clock, deadlineMs: listDeadlineMs }, ({ signal }) => {
      const { client, options } = documents.for({ what, action: 's3:ListBucket', signal });
      const command = new documents.sdk.ListObjectsV2Command({
        Bucket: documents.bucket,
        Prefix: below,
        EncodingType: 'url',
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      return client.send(command, options);
    });
    const isEncoded = page.EncodingType === 'url';
    for (const { Key: listed, Size: sizeBytes, ETag: etag, LastModified: modified } of page.Contents ?? []) {
      if (listed === undefined || sizeBytes === undefined) continue;
      const s3Key = isEncoded ? decodedKey(listed, what) : listed;
      if (!s3Key.startsWith(below)) continue;
      const key = keys.listed(s3Key);
      if (key !== undefined) yield { key, sizeBytes, etag, modifiedAtMs: modified?.getTime() };
    }
    const next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    if (page.IsTruncated === true && (next === undefined || next === token)) {
      throw new RemoteError('unexpected-response', `${what}: the server's listing does not go on.`);
    }
    token = next;
  } while (token !== undefined);
}

/** A name of a listing, as `EncodingType=url` writes it: percent-encoded UTF-8, with `+` for a space. */
export function decodedKey(text: string, what: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'));
  } catch (cause) {
    throw new RemoteError('unexpected-response', `${what}: the server lists a name that is no UTF-8.`, {
      cause,
    });
  }
}
