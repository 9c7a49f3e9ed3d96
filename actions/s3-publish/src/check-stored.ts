import { mapConcurrently, type ObjectStore, printable, RemoteError, unreachable } from '@slipway/core';
import { listedPerWanted } from './listing.ts';
import { readDigest } from './stored-digest.ts';

/** How it is proven that an object is stored: by what the store says of it, by reading it back, or by the answer to the write. */
export type Verification = 'head' | 'get' | 'none';

interface Expected {
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly contentEncoding?: string | undefined;
}

/**
 * Checks that an object which was just stored is there as it was sent. Throws `RemoteError` `unexpected-response` when it is
 * not.
 */
export async function checkStored(store: ObjectStore, expected: Expected, how: Verification): Promise<void> {
  switch (how) {
    case 'none':
      return;
    case 'head': {
      const info = await store.head(expected.key);
      if (info === undefined) throw notAsSent(expected.key, 'it is not there');
      if (info.sizeBytes !== expected.sizeBytes)
        throw notAsSent(expected.key, `it has ${info.sizeBytes} bytes`);
      // A directory does not know it without reading.
      if (info.sha256 !== undefined && info.sha256 !== expected.sha256)
        throw notAsSent(expected.key, 'it has another SHA-256');
      // A directory keeps no headers.
      if (info.headers !== undefined && info.headers.contentEncoding !== expected.contentEncoding)
        throw notAsSent(expected.key, 'it has another Content-Encoding');
      return;
    }
    case 'get': {
      const digest = await readDigest(store, expected.key, expected.sizeBytes);
      if (digest === undefined) throw notAsSent(expected.key, 'it is not there');
      if (digest.sha256 !== expected.sha256) throw notAsSent(expected.key, 'its bytes have another SHA-256');
      return;
    }
    default:
      unreachable(how);
  }
}

/** Fewer are asked for one by one. */
const minToList = 32;

/**
 * Checks objects that were just stored as `checkStored` does with `head`. Where a listing takes fewer requests than asking
 * for each, it is what tells: an object that has the ETag of our write and its size is the one that we wrote, and the server
 * took that only with our SHA-256. `listedCount` is how many objects the destination had before, if that is known.
 */
export async function checkManyStored(
  store: ObjectStore,
  objects: readonly (Expected & { readonly etag: string })[],
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

/** Whether the store has exactly these bytes under a key, by its word or else by reading them. */
export async function hasSameBytes(
  store: ObjectStore,
  { key, sizeBytes, sha256 }: Expected,
): Promise<boolean> {
  const info = await store.head(key);
  if (info === undefined || info.sizeBytes !== sizeBytes) return false;
  return (info.sha256 ?? (await readDigest(store, key, sizeBytes))?.sha256) === sha256;
}

function notAsSent(key: string, what: string): RemoteError {
  return new RemoteError('unexpected-response', `"${printable(key)}" was stored, but then ${what}.`, {
    hint: 'Another publisher may have stored the same key at the same time: let one at a time publish there, and run again.',
  });
}
