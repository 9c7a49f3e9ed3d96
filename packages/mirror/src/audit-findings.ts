import { counted, type DigestMap, type ObjectStore } from '@slipway/core';
import { isRecordDamaged, pendingInvalidationsKey } from '@slipway/pending-invalidations';
import { blobKey } from '@slipway/spack-buildcache';
import { type Finding, finding } from './findings.ts';
import type { IndexSet } from './index-set.ts';
import type { NodeGraph } from './node-graph.ts';
import type { PendingPublish } from './pending.ts';
import { checkSize, missingBlob } from './tarball.ts';

/** Finds entries whose runtime dependencies are neither stored nor external. */
export function closureFindings(
  graph: NodeGraph,
  stored: ReadonlyMap<string, string>,
  isStoredElsewhere: (hash: string) => boolean = () => false,
): Finding[] {
  const findings: Finding[] = [];
  for (const [hash, key] of stored) {
    for (const missing of graph.missingDependencies(
      hash,
      (dependency) => stored.has(dependency) || isStoredElsewhere(dependency),
    )) {
      findings.push(
        finding('closure-incomplete', key, `it needs ${graph.describe(missing)}, which is not stored`),
      );
    }
  }
  return findings;
}

/** Compares the tarballs that entries refer to with the listed blobs. */
export function tarballFindings(tarballs: DigestMap, blobSizes: DigestMap): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [sha256, contentLength] of tarballs) {
    const sizeBytes = blobSizes.get(sha256);
    const found =
      sizeBytes === undefined
        ? missingBlob(blobKey(sha256), 'the tarball')
        : checkSize(blobKey(sha256), sizeBytes, contentLength);
    if (found !== undefined) findings.push(found);
  }
  return findings;
}

/** Reports publishes that left a note and have not finished. */
export function unfinishedFindings(
  pending: readonly PendingPublish[],
  main: IndexSet | undefined,
  stored: ReadonlyMap<string, string>,
): readonly Finding[] {
  return pending.flatMap((publish) => {
    const unindexed = publish.hashes.filter(
      (hash) => stored.has(hash) && main?.hasEntry(hash) !== true,
    ).length;
    const started = new Date(publish.startedAtMs).toISOString();
    return [
      finding(
        'publish-unfinished',
        `slipway/pending/${publish.publishId}.json`,
        `a publish of ${counted(publish.hashes.length, 'entry', 'entries')}, started ${started}, has not finished: ${unindexed} are stored and not indexed`,
        'If it was interrupted, run it again.',
      ),
    ];
  });
}

/** Reports a damaged record of what a CDN must invalidate. */
export async function recordFindings(store: ObjectStore): Promise<readonly Finding[]> {
  if (!(await isRecordDamaged(store))) return [];
  return [
    finding(
      'invalidations-malformed',
      pendingInvalidationsKey,
      'it does not list which paths a CDN must invalidate, so the next publish passes on "/*" for all of them',
      'With a CDN, run cloudfront-invalidate with this mirror as destination: it invalidates everything once and mends the record. Without one, delete it. Find out who else writes there.',
    ),
  ];
}
