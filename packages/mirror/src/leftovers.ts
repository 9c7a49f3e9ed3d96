import { counted, type DigestMap, type ObjectStore } from '@slipway/core';
import { indexNameOf } from '@slipway/spack-buildcache';
import { type Finding, finding } from './findings.ts';
import { type KeptPointer, listHistories, readKeptPointer } from './index-pointer.ts';
import type { Listing } from './listing.ts';
import { unverifiedText } from './signature-policy.ts';

const maxNamedGenerations = 10;

/** What is stored but no longer needed, and findings about kept pointers that no longer work. */
export interface Leftovers {
  /** SHA-256 of each blob that no manifest, key, index or kept index refers to, sorted. */
  readonly orphans: readonly string[];
  readonly findings: readonly Finding[];
}

/**
 * Finds blobs that nothing refers to, and kept pointers whose index is gone, as after pruning by a tool that looks only
 * under `v3/`. Where indexes must be signed, unsigned pointers do not matter.
 */
export async function findLeftovers(
  store: ObjectStore,
  listing: Listing,
  referenced: DigestMap,
  others: Iterable<string>,
  mustBeSigned: boolean,
): Promise<Leftovers> {
  const reachable = new Set(others);
  const findings: Finding[] = [];
  for (const [view, history] of await listHistories(store)) {
    const gone: KeptPointer[] = [];
    for (const kept of history) {
      const pointer = await readKeptPointer(store, kept.key, unverifiedText, []);
      if (pointer === undefined) continue;
      for (const { checksum } of pointer.manifest.data) reachable.add(checksum);
      const isGone = pointer.indexes.some(({ record }) => !listing.blobSizes.has(record.checksum));
      if (isGone && (kept.isSigned || !mustBeSigned)) gone.push(kept);
    }
    findings.push(...goneFindings(view, gone));
  }
  const orphans: string[] = [];
  for (const sha256 of listing.blobSizes.keys()) {
    if (!referenced.has(sha256) && !reachable.has(sha256)) orphans.push(sha256);
  }
  return { orphans: orphans.sort(), findings };
}

function goneFindings(view: string | undefined, gone: readonly KeptPointer[]): readonly Finding[] {
  const [first] = gone;
  if (first === undefined) return [];
  const named = gone.slice(-maxNamedGenerations).map(({ generation }) => generation);
  const more = gone.length > named.length ? ', and others' : '';
  return [
    finding(
      'index-history-gone',
      first.key,
      `the indexes of ${counted(gone.length, 'earlier generation')} of ${indexNameOf(view)} are no longer stored (${named.join(', ')}${more}), so no rollback can bring them back`,
      'Some tool deleted them, such as "spack buildcache prune", which does not know earlier indexes. To stop this warning, delete their pointers under slipway/index-history.',
    ),
  ];
}
