import { mapConcurrently, type ObjectStore, printable, RemoteError, unreachable } from '@slipway/core';
import { readDigest } from './stored-digest.ts';

/** How to check that an object is stored: ask the store about it, read it back, or trust its answer to the write. */
export type Verification = 'head' | 'get' | 'none';

export interface ExpectedObject {
  readonly key: string;
  /** The key as messages show it, where it is secret. */
  readonly shownKey?: string | undefined;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly contentEncoding?: string | undefined;
}

/** Checks that an object is stored as it was sent. Throws `RemoteError` `unexpected-response` when it is not. */
export async function checkStored(
  store: ObjectStore,
  expected: ExpectedObject,
  how: Verification,
): Promise<void> {
  switch (how) {
    case 'none':
      return;
    case 'head': {
      const info = await store.head(expected.key);
      if (info === undefined) throw notAsSent(expected, 'it is missing');
      if (info.sizeBytes !== expected.sizeBytes) throw notAsSent(expected, `it has ${info.sizeBytes} bytes`);
      // A directory does not know it, and keeps no headers.
      if (info.sha256 !== undefined && info.sha256 !== expected.sha256)
        throw notAsSent(expected, 'it has another SHA-256');
      if (info.headers !== undefined && info.headers.contentEncoding !== expected.contentEncoding)
        throw notAsSent(expected, 'it has another Content-Encoding');
      return;
    }
    case 'get': {
      const digest = await readDigest(store, expected.key, expected.sizeBytes);
      if (digest === undefined) throw notAsSent(expected, 'it is missing');
      if (digest.sha256 !== expected.sha256) throw notAsSent(expected, 'its bytes have another SHA-256');
      return;
    }
    default:
      unreachable(how);
  }
}

/** Fewer objects are asked for one by one. */
const minToList = 32;
/** A page of a listing has 1,000 objects and must wait for the one before; requests for single objects go out together. */
export const listedPerWanted = 20;

/**
 * Checks objects that were just stored as `checkStored` does with `head`, by a listing where that takes fewer requests: an
 * object with the ETag of our write and its size is the one that we wrote, and the server accepted that only with our SHA-256.
 * `listedCount` is how many objects the destination had before, if that is known.
 */
export async function checkManyStored(
  store: ObjectStore,
  objects: readonly (ExpectedObject & { readonly etag: string })[],
  { listedCount, concurrency }: { readonly listedCount: number | undefined; readonly concurrency: number },
): Promise<void> {
  const unseen = new Map(objects.map((object) => [object.key, object]));
  const isFewPages =
    listedCount !== undefined && listedCount + objects.length <= objects.length * listedPerWanted;
  // A directory lists no ETags, and asking it takes no request.
  if (isFewPages && objects.length >= minToList && store.fileSource === undefined) {
    for await (const { key, sizeBytes, etag } of store.list('')) {
      const expected = unseen.get(key);
      if (expected?.etag === etag && expected?.sizeBytes === sizeBytes) unseen.delete(key);
    }
  }
  await mapConcurrently(unseen.values(), concurrency, (object) => checkStored(store, object, 'head'));
}

/** Whether the store has exactly these bytes under a key: by the SHA-256 that it keeps, or else by reading them. */
export async function hasSameBytes(
  store: ObjectStore,
  { key, sizeBytes, sha256 }: ExpectedObject,
): Promise<boolean> {
  const info = await store.head(key);
  if (info === undefined || info.sizeBytes !== sizeBytes) return false;
  return (info.sha256 ?? (await readDigest(store, key, sizeBytes))?.sha256) === sha256;
}

function notAsSent({ key, shownKey = printable(key) }: ExpectedObject, what: string): RemoteError {
  return new RemoteError('unexpected-response', `"${shownKey}" was stored, but afterwards ${what}.`, {
    hint: 'Another publisher may have replaced or removed it at the same time: let only one publish at a time, and run again.',
  });
}
