import type { DigestMap, ObjectStore } from '@slipway/core';
import { listHistory, readKeptPointer } from './index-pointer.ts';
import type { Listing } from './listing.ts';
import { unverifiedText } from './signature-policy.ts';

/** Blobs that no manifest, key, index or kept index refers to. */
export async function findOrphans(
  store: ObjectStore,
  listing: Listing,
  referenced: DigestMap,
  others: Iterable<string>,
): Promise<readonly string[]> {
  const reachable = new Set(others);
  for (const view of [undefined, ...listing.views]) {
    for (const kept of await listHistory(store, view)) {
      const pointer = await readKeptPointer(store, kept.key, unverifiedText, []);
      if (pointer !== undefined) reachable.add(pointer.record.checksum);
    }
  }
  const orphans: string[] = [];
  for (const sha256 of listing.blobSizes.keys()) {
    if (!referenced.has(sha256) && !reachable.has(sha256)) orphans.push(sha256);
  }
  return orphans.sort();
}
