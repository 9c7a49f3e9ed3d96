import { createHash } from 'node:crypto';
import type { ObjectStore, StoredHeaders } from '@slipway/core';

/** What a store has under a key. */
export type StoredState =
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'stored';
      readonly sizeBytes: number;
      /** Undefined where the size alone tells that it is another file. */
      readonly sha256: string | undefined;
      readonly etag: string | undefined;
      /** Undefined where the store keeps none. */
      readonly headers: StoredHeaders | undefined;
    };

/** What a store has under a key where a file of a size should be; objects of which it knows no SHA-256 are read. */
export async function lookAtObject(
  store: ObjectStore,
  key: string,
  expectedBytes: number,
): Promise<StoredState> {
  const info = await store.head(key);
  if (info === undefined) return { kind: 'missing' };
  const { sizeBytes, etag, headers } = info;
  const sha256 =
    sizeBytes === expectedBytes ? (info.sha256 ?? (await digestOf(store, key, sizeBytes))) : undefined;
  return { kind: 'stored', sizeBytes, sha256, etag, headers };
}

/** SHA-256 of what is stored; undefined when it is gone, or has more than `maxBytes`. */
async function digestOf(store: ObjectStore, key: string, maxBytes: number): Promise<string | undefined> {
  const stream = await store.readStream(key, { maxBytes });
  if (stream === undefined) return undefined;
  const digest = createHash('sha256');
  for await (const chunk of stream.body) digest.update(chunk);
  return digest.digest('hex');
}
