import { hash } from 'node:crypto';
import { mapConcurrently, type ObjectStore, RemoteError, UserError } from '@slipway/core';
import { hashFiles } from '@slipway/local-files';
import { readDigest } from '@slipway/publishing';
import { contentDigest, type Inventory, keyDigest, stateDigest } from './inventory.ts';
import type { ListedObject, Listing } from './listing.ts';
import type { LocalObject, RemoteObject } from './plan.ts';

const concurrentRequests = 32;
const maxPointerBytes = 256 * 2 ** 20;

/** Marks headers that are known to differ: no digest is all zeros. */
const otherHeaders = '0'.repeat(16);

export interface LookOptions {
  readonly store: ObjectStore;
  readonly local: readonly LocalObject[];
  readonly listing: Listing;
  readonly inventory: Inventory;
  readonly workerEntry: string | undefined;
  readonly onLooked: () => void;
}

/**
 * The objects of the destination under the keys of the files. Objects whose listing matches the inventory need no request; for the
 * others, the SHA-256 is requested or read, but only if the sizes are equal.
 */
export async function lookAtObjects(options: LookOptions): Promise<ReadonlyMap<string, RemoteObject>> {
  const { store, local, listing } = options;
  const found = new Map<string, RemoteObject>();
  const toAsk: LocalObject[] = [];
  for (const object of local) {
    const listed = listing.objects.get(object.key);
    if (listed === undefined) {
      if (listing.extent !== 'whole') toAsk.push(object);
      continue;
    }
    const known = fromInventory(object, listed, options.inventory) ?? fromSize(object, listed);
    if (known !== undefined) found.set(object.key, known);
    else toAsk.push(object);
  }
  const asked = store.fileSource === undefined ? toAsk : await lookAtFiles(options, toAsk, found);
  await mapConcurrently(asked, concurrentRequests, async (object) => {
    const remote = await ask(object, options);
    if (remote !== undefined) found.set(object.key, remote);
    options.onLooked();
  });
  return found;
}

/** The recorded object, if its ETag and size have not changed. */
function fromInventory(
  { key, sha256 }: LocalObject,
  { sizeBytes, etag }: ListedObject,
  inventory: Inventory,
): RemoteObject | undefined {
  const record = etag === undefined ? undefined : inventory.get(keyDigest(key));
  if (record === undefined || etag === undefined) return undefined;
  if (record.state !== stateDigest(key, sizeBytes, etag)) return undefined;
  // The record only confirms or denies the SHA-256 of the file.
  const isRecorded = record.content === contentDigest(key, sha256);
  return { sizeBytes, etag, sha256: isRecorded ? sha256 : undefined, headers: record.headers, isRecorded };
}

/** An object of another size has other bytes. The ETag of a pointer is still needed. */
function fromSize(object: LocalObject, { sizeBytes, etag }: ListedObject): RemoteObject | undefined {
  if (sizeBytes === object.sizeBytes || (object.cache === 'pointer' && etag === undefined)) return undefined;
  return { sizeBytes, etag, sha256: undefined, headers: undefined };
}

/** Objects that are local files are hashed like those of the source. Returns those that must still be requested. */
async function lookAtFiles(
  { store, workerEntry, onLooked }: LookOptions,
  objects: readonly LocalObject[],
  found: Map<string, RemoteObject>,
): Promise<readonly LocalObject[]> {
  const plain = objects.filter(({ cache }) => cache !== 'pointer');
  const sources = await mapConcurrently(
    plain,
    concurrentRequests,
    ({ key }) => store.fileSource?.(key) ?? Promise.resolve(undefined),
  );
  const present = plain.flatMap((object, index) => {
    const source = sources[index];
    return source === undefined ? [] : [{ key: object.key, path: source.path, sizeBytes: source.sizeBytes }];
  });
  const digests = await hashFiles(present, { workerEntry, onBytes: () => undefined });
  for (const [index, { key }] of present.entries()) {
    const digest = digests[index];
    onLooked();
    if (digest?.kind !== 'digest') continue;
    found.set(key, {
      sizeBytes: digest.sizeBytes,
      etag: undefined,
      sha256: digest.sha256,
      headers: undefined,
    });
  }
  return objects.filter(({ key, cache }) => cache === 'pointer' || !found.has(key));
}

async function ask(object: LocalObject, options: LookOptions): Promise<RemoteObject | undefined> {
  const { store, listing, inventory } = options;
  const info = await headUnlessHidden(store, object.key, listing.extent === 'denied');
  if (info === undefined) return undefined;
  const { sizeBytes, etag } = info;
  const record = etag === undefined ? undefined : fromInventory(object, { sizeBytes, etag }, inventory);
  if (record !== undefined) return record;
  if (object.cache === 'pointer' && etag === undefined) return readPointer(store, object.key);
  if (sizeBytes !== object.sizeBytes) return { sizeBytes, etag, sha256: undefined, headers: undefined };
  if (info.sha256 !== undefined) {
    // Without this header, readers cannot use the bytes; the others matter less.
    const isEncodedSo = info.headers === undefined || info.headers.contentEncoding === object.contentEncoding;
    return { sizeBytes, etag, sha256: info.sha256, headers: isEncodedSo ? undefined : otherHeaders };
  }
  // Another tool stored it. Storing it again costs little and sets its headers, but an immutable object must be proven to be the
  // same.
  if (object.cache !== 'immutable') return { sizeBytes, etag, sha256: undefined, headers: undefined };
  const read = await readDigest(store, object.key, sizeBytes);
  return read && { ...read, headers: undefined };
}

/** Without the permission to list, S3 answers 403 for a missing object. */
async function headUnlessHidden(
  store: ObjectStore,
  key: string,
  isHidden: boolean,
): ReturnType<ObjectStore['head']> {
  try {
    return await store.head(key);
  } catch (error) {
    if (isHidden && error instanceof RemoteError && error.code === 'access-denied') return undefined;
    throw error;
  }
}

/** For stores that report the ETag only when reading, such as directories. */
async function readPointer(store: ObjectStore, key: string): Promise<RemoteObject | undefined> {
  const stored = await store.read(key, { maxBytes: maxPointerBytes });
  if (stored === undefined) return undefined;
  const { sizeBytes, etag } = stored.info;
  if (etag === undefined) {
    throw new UserError(
      'not-supported',
      'The destination does not report ETags, so pointers cannot be replaced safely.',
      {
        hint: 'Leave pointers empty, or publish to s3:// or file://.',
      },
    );
  }
  return { sizeBytes, etag, sha256: hash('sha256', stored.body), headers: undefined };
}
