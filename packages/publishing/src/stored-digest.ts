import { createHash } from 'node:crypto';
import type { ObjectStore } from '@slipway/core';
import { digestFile } from '@slipway/local-files';

/**
 * SHA-256 and size of the object under a key, found by reading all of it; undefined when it is missing, or changes while it is
 * read. Throws `UserError` `too-large` where a store that is not local has more than `maxBytes`.
 */
export async function readDigest(
  store: ObjectStore,
  key: string,
  maxBytes: number,
): Promise<
  { readonly sizeBytes: number; readonly sha256: string; readonly etag: string | undefined } | undefined
> {
  const file = await store.fileSource?.(key);
  if (file !== undefined) {
    const digest = digestFile(file.path);
    return digest.kind === 'digest' ? { ...digest, etag: undefined } : undefined;
  }
  const stream = await store.readStream(key, { maxBytes });
  if (stream === undefined) return undefined;
  const digest = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of stream.body) {
    digest.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sizeBytes, sha256: digest.digest('hex'), etag: stream.info.etag };
}
