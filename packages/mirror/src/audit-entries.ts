import { type Clock, counted, DigestMap, type ObjectStore, type ProgressPort } from '@slipway/core';
import { EntryCollection } from './entry-collection.ts';
import type { TarballCheck } from './entry-reader.ts';
import type { ScanWorkers } from './entry-scan.ts';
import { finding } from './findings.ts';
import { StatisticsCollector } from './statistics.ts';
import type { TrustSource } from './trust.ts';

/** How to read the entries of a mirror, and how thoroughly. */
export interface EntryAudit {
  readonly store: ObjectStore;
  readonly level: 'metadata' | 'full';
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly workers?: ScanWorkers | undefined;
}

export interface AuditedEntries extends Pick<EntryCollection, 'graph' | 'formats' | 'findings'> {
  readonly statistics: StatisticsCollector;
  /** SHA-256 of every blob that an entry refers to. */
  readonly blobs: DigestMap;
  /** Sizes, by SHA-256, of the tarballs to look up in the listing. */
  readonly tarballs: DigestMap;
}

/** Reads the entries of these manifests. Problems with them become findings; it throws only if the store fails. */
export async function readAuditedEntries(
  { store, clock, progress, workers, level }: EntryAudit,
  trust: TrustSource,
  keys: readonly string[],
): Promise<AuditedEntries> {
  const entries = new EntryCollection(keys.length);
  const statistics = new StatisticsCollector();
  const tarballs = new DigestMap();
  const tarballCheck: TarballCheck = level === 'full' ? 'read' : store.listable ? 'none' : 'head';
  const label = `Checking ${counted(keys.length, 'entry', 'entries')}`;
  await entries.read(
    keys,
    label,
    { store, trust, tarballs: tarballCheck, clock, progress, workers },
    (entry) => {
      statistics.addEntry(entry);
      if (tarballCheck === 'none' && entry.tarball !== undefined)
        tarballs.set(entry.tarball.checksum, entry.tarball.contentLength);
    },
  );
  const { graph, formats, findings } = entries;
  const unproven = graph.unproven();
  if (unproven.length > 0) {
    const what = `the DAG hash of ${counted(unproven.length, 'spec')} (${unproven[0]} first) is not the one that Spack 1.x computes: another version of Spack made it, or the spec was changed`;
    findings.push(finding('dag-hash-unproven', undefined, what));
  }
  return { graph, formats, findings, statistics, blobs: statistics.referenced, tarballs };
}
