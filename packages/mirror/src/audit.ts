import {
  type Clock,
  counted,
  DigestMap,
  type ObjectStore,
  type ProgressPort,
  UserError,
} from '@slipway/core';
import {
  blobKey,
  classifyKey,
  indexManifestKey,
  layoutKey,
  type NodeTable,
  specManifestKey,
} from '@slipway/spack-buildcache';
import { EntryFormats } from './entry-formats.ts';
import type { EntryReport, TarballCheck } from './entry-reader.ts';
import { type ScanWorkers, scanEntries } from './entry-scan.ts';
import { expectationFindings } from './expected-index.ts';
import { type Finding, finding } from './findings.ts';
import { foreignIndexFindings } from './foreign-indexes.ts';
import { auditIndex } from './index-audit.ts';
import { type IndexPointer, readIndexSet } from './index-pointer.ts';
import type { IndexSet } from './index-set.ts';
import { streamPackageIndex } from './index-stream.ts';
import { type IndexTrust, readIndexTrust } from './index-trust.ts';
import { findLeftovers } from './leftovers.ts';
import { listBuildcache } from './listing.ts';
import { readOfferedKeys } from './mirror-keys.ts';
import { surroundingFindings } from './mirror-surroundings.ts';
import { NodeGraph } from './node-graph.ts';
import { excusedHashes, type PendingPublish, readPendingPublishes } from './pending.ts';
import { confirmStored, unindexedFindings } from './standing.ts';
import { type MirrorStatistics, StatisticsCollector } from './statistics.ts';
import { checkSize, missingBlob } from './tarball.ts';
import { openPolicy, pinnedFingerprints, type TrustSource } from './trust.ts';

export interface MirrorAudit {
  readonly store: ObjectStore;
  readonly trustedKeys: string;
  readonly allowUnsigned: boolean;
  /** The index itself must be signed by a trusted key. */
  readonly requireSignedIndex: boolean;
  /** See `Surroundings`. */
  readonly allowUnpinnedKeys?: boolean | undefined;
  readonly allowLayoutV2?: boolean | undefined;
  /** SHA-256 that the main index must have, or have had since; undefined: any. */
  readonly expectedIndex: string | undefined;
  readonly level: 'metadata' | 'full';
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly workers?: ScanWorkers | undefined;
}

export interface AuditReport {
  readonly layout: 'v3' | 'v2';
  readonly findings: readonly Finding[];
  readonly statistics: MirrorStatistics;
  readonly indexes: readonly {
    readonly view: string | undefined;
    /** SHA-256 of the first index that the pointer lists, by which it is known. */
    readonly checksum: string;
    readonly generation: number | undefined;
    readonly entries: number;
    readonly signedBy: string | undefined;
  }[];
  /** Whether the mirror could be listed; without, unindexed entries and orphans cannot be seen. */
  readonly listed: boolean;
}

/**
 * Judges a layout-v3 mirror as a whole and changes nothing. Everything wrong with the mirror is a finding; it throws
 * `UserError` for trusted keys that cannot be read and `RemoteError` for a store that fails.
 */
export async function auditMirror(audit: MirrorAudit): Promise<AuditReport> {
  const { store, progress } = audit;
  const findings: Finding[] = [];
  progress.start('Reading the listing and the keys');
  // Read in this order, publishers at work raise no finding; see `readStanding`.
  const listing = store.listable ? await listBuildcache(store, findings, { keepKeys: false }) : undefined;
  const offered = await readOfferedKeys(store, listing?.keyFingerprints, findings);
  const trust: TrustSource = {
    trustedKeys: audit.trustedKeys,
    offeredKeys: offered.keys.map((key) => key.armored),
    allowUnsigned: audit.allowUnsigned,
  };
  const { policy, missingKeys } = await openPolicy(trust, audit.clock);
  findings.push(
    ...(await surroundingFindings(store, {
      offeredKeys: offered.keys.map((key) => key.fingerprint),
      pinnedKeys: await pinnedFingerprints(audit.trustedKeys),
      allowUnpinnedKeys: audit.allowUnpinnedKeys ?? false,
      allowUnsigned: audit.allowUnsigned,
      allowLayoutV2: audit.allowLayoutV2 ?? false,
    })),
  );
  for (const fingerprint of missingKeys) {
    findings.push(
      finding(
        'trusted-key-missing',
        undefined,
        `the mirror does not hold the trusted key ${fingerprint}`,
        keyHint,
      ),
    );
  }
  // Before the indexes, so that of these nothing need be kept that is known from the entries.
  const listedEntries = listing && (await readEntries(audit, trust, listing.specManifests));
  const pending = store.listable ? await readPendingPublishes(store, policy, findings) : [];
  const indexTrust = await readIndexTrust({ store, policy, requireSigned: audit.requireSignedIndex });
  const { mustBeSigned } = indexTrust;
  const findingsBefore = findings.length;
  const indexes = await readIndexes(store, indexTrust, listedEntries?.graph.tables, findings);
  const indexRefused = findings.length > findingsBefore;
  const main = indexes.find((index) => index.view === undefined);
  if (main !== undefined) {
    const { pointer } = main;
    const expected = audit.expectedIndex;
    findings.push(...(await expectationFindings({ store, expected, pointer, policy, mustBeSigned })));
  } else if (audit.expectedIndex !== undefined) {
    findings.push(
      finding('index-not-expected', indexManifestKey(undefined), 'there is no index, and one was expected'),
    );
  }

  const specKeys = listing?.specManifests ?? keysFromIndex(main?.index);
  const entries = listedEntries ?? (await readEntries(audit, trust, specKeys));
  findings.push(...entries.findings);

  const stored = new Map(specKeys.map((key) => [dagHashOf(key), key]));
  const confirmed = listing === undefined ? stored : await confirmStored(store, indexes, stored);
  findings.push(...closureFindings(entries.graph, confirmed));
  if (listing !== undefined) findings.push(...tarballFindings(entries.tarballs, listing.blobSizes));
  const excused = excusedHashes(pending, {
    nowMs: audit.clock.nowMs(),
    requireSigned: mustBeSigned,
  });
  for (const { view, pointer, index } of indexes) {
    findings.push(
      ...auditIndex({
        pointer,
        index,
        graph: entries.graph,
        formats: entries.formats,
        stored: indexable(confirmed, entries.formats),
        excused,
        mustBeSigned,
        mayOmit: view !== undefined || !listing,
      }),
    );
  }
  findings.push(...unfinishedFindings(pending, main?.index, stored));
  if (indexes.length === 0 && !indexRefused) findings.push(...unindexedFindings(stored, excused));

  const leftovers =
    listing === undefined
      ? undefined
      : await findLeftovers(
          store,
          listing,
          entries.blobs,
          [
            ...offered.blobs,
            ...indexes.flatMap(({ pointer }) => pointer.manifest.data.map(({ checksum }) => checksum)),
          ],
          mustBeSigned,
        );
  const orphans = leftovers?.orphans ?? [];
  findings.push(...(leftovers?.findings ?? []));
  for (const orphan of orphans.slice(0, maxOrphanFindings)) {
    findings.push(finding('blob-orphaned', blobKey(orphan), 'nothing refers to it'));
  }
  if (
    stored.size === 0 &&
    indexes.length === 0 &&
    (listing?.blobSizes.size ?? 0) === 0 &&
    !(await store.head(layoutKey))
  ) {
    throw new UserError(
      'not-a-buildcache',
      `${store.url} is no Spack mirror: it has no entries, no index and no layout.json`,
      {
        hint: 'Check the URL: it is the directory that holds "v3" and "blobs".',
      },
    );
  }
  return {
    layout: 'v3',
    findings,
    statistics: entries.statistics.statistics(
      entries.graph,
      stored.keys(),
      listing?.blobSizes ?? new DigestMap(),
      orphans,
    ),
    indexes: indexes.map(({ view, pointer, index }) => ({
      view,
      checksum: pointer.record.checksum,
      generation: pointer.manifest.lineage?.generation,
      entries: index.entryCount,
      signedBy: pointer.signedBy,
    })),
    listed: listing !== undefined,
  };
}

const maxOrphanFindings = 100;
const keyHint = 'Publish the key with the entries it signed, or give the armored key itself in trusted-keys.';

interface ReadIndex {
  readonly view: string | undefined;
  readonly pointer: IndexPointer;
  readonly index: IndexSet;
}

/** Reads the index of each pointer that can be read, refused or not, to tell all that is wrong with it. */
async function readIndexes(
  store: ObjectStore,
  trust: IndexTrust,
  known: readonly NodeTable[] | undefined,
  findings: Finding[],
): Promise<readonly ReadIndex[]> {
  const indexes: ReadIndex[] = [];
  findings.push(...trust.findings);
  for (const { view, pointer, findings: found } of [trust.main, ...trust.views]) {
    findings.push(...found);
    if (pointer === undefined) continue;
    const index =
      known === undefined
        ? await readIndexSet(store, pointer, findings)
        : await readIndexSet(store, pointer, findings, (_, listed, problems) =>
            streamPackageIndex(store, listed, known, problems),
          );
    if (index !== undefined) indexes.push({ view, pointer, index });
    findings.push(...(await foreignIndexFindings(store, pointer)));
  }
  return indexes;
}

function keysFromIndex(index: IndexSet | undefined): readonly string[] {
  const keys: string[] = [];
  for (const hash of index?.entries() ?? []) {
    const node = index?.node(hash);
    if (node !== undefined) keys.push(specManifestKey(node));
  }
  return keys.sort();
}

function dagHashOf(key: string): string {
  const classified = classifyKey(key);
  return classified.kind === 'spec-manifest' ? classified.dagHash : '';
}

/** Entries that are of a format that an index can have. */
function indexable(stored: ReadonlyMap<string, string>, formats: EntryFormats): ReadonlyMap<string, string> {
  return formats.hasNewer ? new Map([...stored].filter(([hash]) => !formats.isNewer(hash))) : stored;
}

interface ReadEntries {
  readonly graph: NodeGraph;
  readonly formats: EntryFormats;
  readonly findings: readonly Finding[];
  readonly statistics: StatisticsCollector;
  /** SHA-256 of every blob that an entry refers to. */
  readonly blobs: DigestMap;
  readonly tarballs: DigestMap;
}

async function readEntries(
  audit: MirrorAudit,
  trust: TrustSource,
  keys: readonly string[],
): Promise<ReadEntries> {
  const graph = new NodeGraph(keys.length);
  const formats = new EntryFormats();
  const findings: Finding[] = [];
  const statistics = new StatisticsCollector();
  const blobs = statistics.referenced;
  const tarballs = new DigestMap();
  const tarballCheck: TarballCheck = audit.level === 'full' ? 'read' : audit.store.listable ? 'none' : 'head';
  audit.progress.start(`Checking ${counted(keys.length, 'entry', 'entries')}`, keys.length, 'entries');
  await scanEntries(keys, {
    store: audit.store,
    trust,
    tarballs: tarballCheck,
    clock: audit.clock,
    workers: audit.workers,
    nodes: graph.tables,
    onEntry: (entry: EntryReport) => {
      audit.progress.advance(1);
      findings.push(...entry.findings);
      formats.note(entry);
      statistics.addEntry(entry);
      if (tarballCheck === 'none' && entry.tarball !== undefined) {
        tarballs.set(entry.tarball.checksum, entry.tarball.contentLength);
      }
    },
  });
  const unproven = graph.unproven();
  if (unproven.length > 0) {
    const what = `the DAG hash of ${counted(unproven.length, 'spec')} (${unproven[0]} first) is not what Spack 1.x computes of the spec: made by another version, or changed`;
    findings.push(finding('dag-hash-unproven', undefined, what));
  }
  return { graph, formats, findings, statistics, blobs, tarballs };
}

/** Entries whose runtime dependencies are neither stored nor external. */
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

function tarballFindings(tarballs: DigestMap, blobSizes: DigestMap): readonly Finding[] {
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

function unfinishedFindings(
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
        `a publish of ${counted(publish.hashes.length, 'entry', 'entries')}, begun ${started}, has not finished: ${unindexed} are stored and not indexed`,
        'If it was killed, run it again.',
      ),
    ];
  });
}
