import { DigestMap, type ObjectStore, UserError } from '@slipway/core';
import {
  blobKey,
  classifyKey,
  indexManifestKey,
  layoutKey,
  type NodeTable,
  specManifestKey,
} from '@slipway/spack-buildcache';
import { type AuditedEntries, type EntryAudit, readAuditedEntries } from './audit-entries.ts';
import { closureFindings, recordFindings, tarballFindings, unfinishedFindings } from './audit-findings.ts';
import type { EntryFormats } from './entry-formats.ts';
import { expectationFindings } from './expected-index.ts';
import { type Finding, finding } from './findings.ts';
import { foreignIndexFindings } from './foreign-indexes.ts';
import { auditIndex } from './index-audit.ts';
import { type IndexPointer, readIndexSet } from './index-pointer.ts';
import type { IndexSet } from './index-set.ts';
import { streamPackageIndex } from './index-stream.ts';
import { type IndexTrust, readIndexTrust } from './index-trust.ts';
import { findLeftovers } from './leftovers.ts';
import { type Listing, listBuildcache } from './listing.ts';
import { type OfferedKeys, readOfferedKeys } from './mirror-keys.ts';
import { confirmStored, unindexedFindings } from './mirror-state.ts';
import { surroundingFindings } from './mirror-surroundings.ts';
import { excusedHashes, readPendingPublishes } from './pending.ts';
import type { SignaturePolicy } from './signature-policy.ts';
import type { MirrorStatistics } from './statistics.ts';
import { openPolicy, pinnedFingerprints, type TrustSource } from './trust.ts';

export interface MirrorAudit extends EntryAudit {
  readonly trustedKeys: string;
  readonly allowUnsigned: boolean;
  readonly requireSignedIndex: boolean;
  /** See `Surroundings`. */
  readonly allowUnpinnedKeys?: boolean | undefined;
  readonly allowLayoutV2?: boolean | undefined;
  /** SHA-256 that the main index must have, or must have had before it moved on; undefined accepts any. */
  readonly expectedIndex: string | undefined;
}

export interface AuditReport {
  readonly layout: 'v3' | 'v2';
  readonly findings: readonly Finding[];
  readonly statistics: MirrorStatistics;
  readonly indexes: readonly {
    readonly view: string | undefined;
    /** SHA-256 of the first index that the pointer lists, which identifies it. */
    readonly checksum: string;
    readonly generation: number | undefined;
    readonly entries: number;
    readonly signedBy: string | undefined;
  }[];
  /** False if the mirror could not be listed; unindexed entries and orphans then go unnoticed. */
  readonly listed: boolean;
}

/**
 * Audits a layout-v3 mirror as a whole and changes nothing. Problems with the mirror become findings; throws
 * `UserError` for unreadable trusted keys and `RemoteError` if the store fails.
 */
export async function auditMirror(audit: MirrorAudit): Promise<AuditReport> {
  const { store, progress, clock } = audit;
  const findings: Finding[] = [];
  progress.start('Reading the listing and the keys');
  // In this order, publishers at work cause no findings; see `judgeMirror`.
  const listing = store.listable ? await listBuildcache(store, findings, { keepKeys: false }) : undefined;
  const offered = await readOfferedKeys(store, listing?.keyFingerprints, findings);
  const { trust, policy } = await openTrust(audit, offered, findings);
  // Entries come first, so that index nodes already known from them need not be kept again.
  const listedEntries = listing && (await readAuditedEntries(audit, trust, listing.specManifests));
  const pending = store.listable ? await readPendingPublishes(store, policy, findings) : [];
  if (store.listable) findings.push(...(await recordFindings(store)));
  const indexTrust = await readIndexTrust({ store, policy, requireSigned: audit.requireSignedIndex });
  const { mustBeSigned } = indexTrust;
  const findingsBefore = findings.length;
  const indexes = await readIndexes(store, indexTrust, listedEntries?.graph.tables, findings);
  const indexRefused = findings.length > findingsBefore;
  const main = indexes.find((index) => index.view === undefined);
  const expected = audit.expectedIndex;
  if (main !== undefined) {
    const { pointer } = main;
    findings.push(...(await expectationFindings({ store, expected, pointer, policy, mustBeSigned })));
  } else if (expected !== undefined) {
    findings.push(
      finding(
        'index-not-expected',
        indexManifestKey(undefined),
        'there is no index, although one is expected',
      ),
    );
  }

  const specKeys = listing?.specManifests ?? keysFromIndex(main?.index);
  const entries = listedEntries ?? (await readAuditedEntries(audit, trust, specKeys));
  findings.push(...entries.findings);
  const stored = new Map(specKeys.map((key) => [dagHashOf(key), key]));
  const confirmed = listing === undefined ? stored : await confirmStored(store, indexes, stored);
  findings.push(...closureFindings(entries.graph, confirmed));
  if (listing !== undefined) findings.push(...tarballFindings(entries.tarballs, listing.blobSizes));
  const excused = excusedHashes(pending, { nowMs: clock.nowMs(), requireSigned: mustBeSigned });
  const { graph, formats } = entries;
  const common = { graph, formats, stored: indexable(confirmed, formats), excused, mustBeSigned };
  for (const { view, pointer, index } of indexes) {
    findings.push(...auditIndex({ ...common, pointer, index, mayOmit: view !== undefined || !listing }));
  }
  findings.push(...unfinishedFindings(pending, main?.index, stored));
  if (indexes.length === 0 && !indexRefused) findings.push(...unindexedFindings(stored, excused));

  const orphans =
    listing === undefined
      ? []
      : await orphansOf(audit, listing, entries, offered, indexes, mustBeSigned, findings);
  const isEmpty = stored.size === 0 && indexes.length === 0 && (listing?.blobSizes.size ?? 0) === 0;
  if (isEmpty && !(await store.head(layoutKey))) throw notAMirror(store);
  const blobSizes = listing?.blobSizes ?? new DigestMap();
  return {
    layout: 'v3',
    findings,
    statistics: entries.statistics.statistics(graph, stored.keys(), blobSizes, orphans),
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

async function openTrust(
  audit: MirrorAudit,
  { keys }: OfferedKeys,
  findings: Finding[],
): Promise<{ readonly trust: TrustSource; readonly policy: SignaturePolicy }> {
  const trust: TrustSource = {
    trustedKeys: audit.trustedKeys,
    offeredKeys: keys.map((key) => key.armored),
    allowUnsigned: audit.allowUnsigned,
  };
  const { policy, missingKeys } = await openPolicy(trust, audit.clock);
  findings.push(
    ...(await surroundingFindings(audit.store, {
      offeredKeys: keys.map((key) => key.fingerprint),
      pinnedKeys: await pinnedFingerprints(audit.trustedKeys),
      allowUnpinnedKeys: audit.allowUnpinnedKeys ?? false,
      allowUnsigned: audit.allowUnsigned,
      allowLayoutV2: audit.allowLayoutV2 ?? false,
    })),
    ...missingKeys.map((fingerprint) =>
      finding(
        'trusted-key-missing',
        undefined,
        `the mirror does not hold the trusted key ${fingerprint}`,
        keyHint,
      ),
    ),
  );
  return { trust, policy };
}

/** The blobs that nothing refers to. Adds findings for some of them, and for history whose indexes are gone. */
async function orphansOf(
  { store }: MirrorAudit,
  listing: Listing,
  { blobs }: AuditedEntries,
  offered: OfferedKeys,
  indexes: readonly ReadIndex[],
  mustBeSigned: boolean,
  findings: Finding[],
): Promise<readonly string[]> {
  const indexBlobs = indexes.flatMap(({ pointer }) => pointer.manifest.data.map(({ checksum }) => checksum));
  const others = [...offered.blobs, ...indexBlobs];
  const leftovers = await findLeftovers(store, listing, blobs, others, mustBeSigned);
  const named = leftovers.orphans.slice(0, maxOrphanFindings);
  findings.push(
    ...leftovers.findings,
    ...named.map((orphan) => finding('blob-orphaned', blobKey(orphan), 'nothing refers to it')),
  );
  return leftovers.orphans;
}

function notAMirror(store: ObjectStore): UserError {
  return new UserError(
    'not-a-buildcache',
    `${store.url} is not a Spack mirror: it has no entries, no index and no layout.json`,
    { hint: 'Check the URL: it is the directory that holds "v3" and "blobs".' },
  );
}

const maxOrphanFindings = 100;
const keyHint = 'Publish the key with the entries it signed, or give the armored key itself in trusted-keys.';

interface ReadIndex {
  readonly view: string | undefined;
  readonly pointer: IndexPointer;
  readonly index: IndexSet;
}

/** Reads every index whose pointer is readable, even if it is refused, to report all that is wrong with it. */
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

/** The stored entries whose format belongs in some index. */
function indexable(stored: ReadonlyMap<string, string>, formats: EntryFormats): ReadonlyMap<string, string> {
  return formats.hasNewer ? new Map([...stored].filter(([hash]) => !formats.isNewer(hash))) : stored;
}
