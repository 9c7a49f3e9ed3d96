import { type Clock, counted, type ObjectStore, type ProgressPort, UserError } from '@slipway/core';
import { blobKey } from '@slipway/spack-buildcache';
import { EntryCollection } from './entry-collection.ts';
import type { EntryReport, TarballCheck } from './entry-reader.ts';
import type { ScanWorkers } from './entry-scan.ts';
import { type Finding, finding } from './findings.ts';
import { detectLayout } from './layout-v2/detect.ts';
import { type Listing, listBuildcache } from './listing.ts';
import { type OfferedKeys, readOfferedKeys } from './mirror-keys.ts';
import type { NodeGraph } from './node-graph.ts';
import { openPolicy, type TrustSource } from './trust.ts';

export interface StagedScan {
  readonly store: ObjectStore;
  readonly trustedKeys: string;
  /** Armored keys from the mirror that may match trusted fingerprints. */
  readonly otherKeys: readonly string[];
  readonly allowUnsigned: boolean;
  /** See `TrustSource.resigning`. */
  readonly resigning?: TrustSource['resigning'];
  readonly tarballs: TarballCheck;
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly workers?: ScanWorkers | undefined;
}

export interface StagedBuildcache {
  readonly listing: Listing;
  readonly keys: OfferedKeys;
  readonly entries: readonly EntryReport[];
  readonly graph: NodeGraph;
  readonly findings: readonly Finding[];
}

/**
 * Lists what is staged. Throws `UserError` `not-a-buildcache` unless the directory is a buildcache of layout v3, and
 * `buildcache-empty` if it has no entries.
 */
export async function listStaged(store: ObjectStore, findings: Finding[]): Promise<Listing> {
  const listing = await listBuildcache(store, findings, { keepKeys: true });
  if (listing.specManifests.length > 0 || findings.some((found) => found.severity === 'error'))
    return listing;
  if (listing.hasLayoutV2) {
    // Anything older than layout v2 is refused under its own name.
    await detectLayout(store);
    throw new UserError(
      'not-supported',
      `${store.url} is a buildcache of layout v2, which Slipway can only verify`,
      {
        hint: 'Convert it with "spack buildcache migrate", or stage it again with Spack 1.0 or later.',
      },
    );
  }
  if (listing.objectCount > 0 && listing.blobSizes.size === 0 && listing.views.length === 0) {
    throw new UserError('not-a-buildcache', `${store.url} holds files, but not a Spack buildcache`, {
      hint: 'Name the directory that was given to "spack buildcache push": it holds "v3" and "blobs".',
    });
  }
  throw new UserError('buildcache-empty', `${store.url} has no entries`, {
    hint: 'Stage some with "spack buildcache push --unsigned --without-build-dependencies DIRECTORY".',
  });
}

/** Reads and judges everything that is staged. Changes nothing. */
export async function readStaged(scan: StagedScan): Promise<StagedBuildcache> {
  const findings: Finding[] = [];
  scan.progress.start('Listing the staged buildcache');
  const listing = await listStaged(scan.store, findings);
  const keys = await readOfferedKeys(scan.store, listing.keyFingerprints, findings);
  const trust: TrustSource = {
    trustedKeys: scan.trustedKeys,
    offeredKeys: [...keys.keys.map((key) => key.armored), ...scan.otherKeys],
    allowUnsigned: scan.allowUnsigned,
    resigning: scan.resigning,
  };
  const { missingKeys } = await openPolicy(trust, scan.clock);
  for (const fingerprint of missingKeys) {
    findings.push(
      finding(
        'trusted-key-missing',
        undefined,
        `neither the staged buildcache nor the mirror holds the trusted key ${fingerprint}`,
        scan.resigning === undefined
          ? 'Give the armored key itself in trusted-keys, or sign with buildcache-sign, which adds it.'
          : 'Give the armored key itself in require-signed-by.',
      ),
    );
  }
  const entries: EntryReport[] = [];
  const count = listing.specManifests.length;
  const read = new EntryCollection(count);
  const label = `Checking ${counted(count, 'staged entry', 'staged entries')}`;
  await read.read(listing.specManifests, label, { ...scan, trust }, (entry) => entries.push(entry));
  findings.push(...read.findings);
  entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  findings.push(...blobSizeFindings(entries, listing));
  return { listing, keys, entries, graph: read.graph, findings };
}

/** Any further payloads that a manifest lists must be staged too. */
function blobSizeFindings(entries: readonly EntryReport[], listing: Listing): readonly Finding[] {
  const findings: Finding[] = [];
  for (const entry of entries) {
    for (const blob of entry.blobs) {
      if (blob === entry.tarball || listing.blobSizes.has(blob.checksum)) continue;
      const key = blobKey(blob.checksum);
      if (!entry.findings.some((found) => found.key === key)) {
        findings.push(finding('blob-missing', key, `a payload of ${entry.key} is not staged`));
      }
    }
  }
  return findings;
}
