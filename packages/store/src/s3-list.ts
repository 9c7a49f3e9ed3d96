import { assertKey, type ObjectInfo, RemoteError } from '@slipway/core';
import { named, notAPrefix } from './file-errors.ts';
import { unexpected } from './http-errors.ts';
import type { S3Context } from './s3-context.ts';
import { parseListingPage } from './s3-listing-page.ts';
import { withRetries } from './s3-retries.ts';

const listDeadlineMs = 300_000;

/** Every object of the store below a prefix, in pages of 1,000 (ListObjectsV2). Names outside of the prefix never appear. */
export async function* listObjects(context: S3Context, prefix: string): AsyncGenerator<ObjectInfo> {
  const { clock, keys, wire } = context;
  if (prefix !== '') {
    if (!prefix.endsWith('/')) throw notAPrefix(prefix);
    assertKey(prefix.slice(0, -1));
  }
  const below = keys.root + prefix;
  const what = `LIST ${named(prefix)}`;
  let token: string | undefined;
  do {
    const page = await withRetries({ clock, deadlineMs: listDeadlineMs }, async ({ signal }) => {
      const { body } = await wire.document({
        method: 'GET',
        path: wire.bucketPath,
        query: {
          'list-type': '2',
          prefix: below,
          'encoding-type': 'url',
          ...(token === undefined ? {} : { 'continuation-token': token }),
        },
        headers: {},
        what,
        action: 's3:ListBucket',
        root: 'ListBucketResult',
        signal,
      });
      const parsed = parseListingPage(new TextDecoder().decode(body));
      if (parsed === undefined) throw unexpected(what, "the server's listing is none");
      return parsed;
    });
    for (const { key: listed, sizeBytes, etag, modifiedAtMs } of page.objects) {
      const s3Key = page.isUrlEncoded ? decodedKey(listed, what) : listed;
      if (!s3Key.startsWith(below)) continue;
      const key = keys.listed(s3Key);
      if (key !== undefined) yield { key, sizeBytes, etag, modifiedAtMs };
    }
    const next = page.isTruncated ? page.nextToken : undefined;
    if (page.isTruncated && (next === undefined || next === token)) {
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
