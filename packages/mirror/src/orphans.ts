import type { ObjectStore } from '@slipway/core';
import { listHistory, readKeptPointer } from './index-pointer.ts';
import type { Listing } from './listing.ts';
import { unverifiedText } from './signature-policy.ts';

/** Blobs that no manifest, key, index or kept index refers to. */
export async function findOrphans(
  store: ObjectStore,
  listing: Listing,
  referenced: readonly Iterable<string>[],
): Promise<readonly string[]> {
  const reachable = new Set<string>();
  for (const blobs of referenced) for (const sha256 of blobs) reachable.add(sha256);
  for (const view of [undefined, ...listing.views]) {
    for (const kept of await listHistory(store, view)) {
      const pointer = await readKeptPointer(store, kept.key, unverifiedText, []);
      if (pointer !== undefined) reachable.add(pointer.record.checksum);
    }
  }
  return [...listing.blobSizes.keys()].filter((sha256) => !reachable.has(sha256)).sort();
}
