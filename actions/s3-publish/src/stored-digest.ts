import { createHash } from 'node:crypto';
import type { ObjectStore } from '@slipway/core';
import { digestFile } from '@slipway/local-files';

/**
 * SHA-256 and size of what a store has under a key, found by reading all of it; undefined when it is missing, has more than
 * `maxBytes`, or changes while it is read.
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
