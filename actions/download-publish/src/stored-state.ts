import type { ObjectStore, StoredHeaders } from '@slipway/core';
import { readDigest } from '@slipway/publishing';

/** The object that a store has under a key. */
export type StoredState =
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'stored';
      readonly sizeBytes: number;
      /** Undefined if the size alone shows that it is another file. */
      readonly sha256: string | undefined;
      readonly etag: string | undefined;
      /** Undefined if the store keeps no headers. */
      readonly headers: StoredHeaders | undefined;
    };

/** The object that a store has under a key, compared with a file of the given size. Objects without a known SHA-256 are read. */
export async function observeObject(
  store: ObjectStore,
  key: string,
  expectedBytes: number,
): Promise<StoredState> {
  const info = await store.head(key);
  if (info === undefined) return { kind: 'missing' };
  const { sizeBytes, etag, headers } = info;
  const sha256 =
    sizeBytes === expectedBytes
      ? (info.sha256 ?? (await readDigest(store, key, sizeBytes))?.sha256)
      : undefined;
  return { kind: 'stored', sizeBytes, sha256, etag, headers };
}
