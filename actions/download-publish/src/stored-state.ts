import type { ObjectStore, StoredHeaders } from '@slipway/core';
import { readDigest } from '@slipway/publishing';

/** What a store has under a key. */
export type StoredState =
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'stored';
      readonly sizeBytes: number;
      /** Undefined where the size alone shows that it is another file. */
      readonly sha256: string | undefined;
      readonly etag: string | undefined;
      /** Undefined where the store keeps none. */
      readonly headers: StoredHeaders | undefined;
    };

/** What a store has under the key of a file of a size. Objects whose SHA-256 it does not know are read. */
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
