import { counted, mapConcurrently, type ObjectStore, UserError } from '@slipway/core';
import type { AuditReport, MirrorAudit } from '../audit.ts';
import { closureFindings } from '../audit-findings.ts';
import { type Finding, finding } from '../findings.ts';
import type { SignaturePolicy } from '../signature-policy.ts';
import { StatisticsCollector } from '../statistics.ts';
import { openPolicy } from '../trust.ts';
import { readEntryV2 } from './entry-reader.ts';
import { auditIndexV2, maxChecksumBytes, type ReadIndexV2, readIndexV2 } from './index-audit.ts';
import type { IndexDatabase } from './index-database.ts';
import { type EntryNames, type ListingV2, listLayoutV2, specKeyOf } from './listing.ts';
import { classifyKeyV2, indexChecksumKeyV2, indexKeyV2, specKeyV2 } from './names.ts';
import { NodeCensus } from './node-census.ts';
import { readOfferedKeysV2 } from './public-keys.ts';
import { readDocument } from './stored-document.ts';

/** A publisher may move the index during the audit; after this many attempts the result stands. */
const maxObservations = 5;
const concurrentEntries = 16;
const maxOrphanFindings = 100;

/**
 * Audits a layout-v2 mirror, which Spack wrote before 1.0, and changes nothing. Problems with the mirror become findings;
 * throws `UserError` for unreadable trusted keys or if it is not such a mirror, and `RemoteError` if the store fails.
 */
export async function auditMirrorV2(audit: MirrorAudit): Promise<AuditReport> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await indexState(audit.store);
    const report = await observe(audit);
    const suspicious = report.findings.some(
      (found) => found.code.startsWith('index-') && found.severity === 'error',
    );
    if (!suspicious || attempt >= maxObservations) return report;
    if (before === (await indexState(audit.store))) return report;
    audit.progress.info('The index moved while it was being read. The mirror is read again.');
  }
}

/** Changes whenever the index does. An index and its checksum cannot be replaced together. */
async function indexState(store: ObjectStore): Promise<string> {
  const checksum = await readDocument(store, indexChecksumKeyV2, maxChecksumBytes, 'index-malformed', []);
  const text = checksum.kind === 'read' ? Buffer.from(checksum.body).toString('latin1') : checksum.kind;
  try {
    const index = await store.head(indexKeyV2);
    return JSON.stringify([text, index?.sizeBytes, index?.etag]);
  } catch (error) {
    // The audit itself reports what is refused here.
    if (error instanceof UserError) return text;
    throw error;
  }
}

async function observe(audit: MirrorAudit): Promise<AuditReport> {
  const { store, progress } = audit;
  const findings: Finding[] = [];
  progress.start('Reading the index, the keys and the listing');
  const read = await readIndexV2(store, findings);
  const index = read.kind === 'read' ? read.index : undefined;
  const listing = store.listable ? await listLayoutV2(store, findings) : undefined;
  const offeredKeys = await readOfferedKeysV2(store, listing?.keyFingerprints, findings);
  const { allowUnsigned, trustedKeys } = audit;
  const { policy, missingKeys } = await openPolicy({ trustedKeys, offeredKeys, allowUnsigned }, audit.clock);
  for (const fingerprint of missingKeys) {
    const why = `the mirror does not hold the trusted key ${fingerprint}`;
    findings.push(finding('trusted-key-missing', undefined, why, keyHint));
  }
  findings.push(...indexDemandFindings(audit, read));

  const names = listing?.entries ?? (await namesFromIndex(store, index, findings));
  if (names.length === 0 && read.kind === 'missing' && (listing?.tarballSizes.size ?? 0) === 0)
    throw notAMirror(store);
  const entries = await readEntries(audit, policy, names, listing);
  findings.push(...entries.findings);
  const { graph } = entries.census;
  const stored = new Map(names.map((entry) => [entry.dagHash, specKeyOf(entry)]));
  findings.push(...closureFindings(graph, stored));
  if (index !== undefined) {
    const listed = listing !== undefined;
    findings.push(...auditIndexV2({ index, graph, stored, listed, complete: entries.complete }));
  } else if (read.kind === 'missing' && names.length > 0) {
    const why = 'the mirror has entries, but no index';
    findings.push(
      finding('index-missing', indexKeyV2, why, 'Clients of an https:// mirror see none of them.'),
    );
  }
  const orphans = listing === undefined ? [] : orphansOf(listing);
  for (const orphan of orphans.slice(0, maxOrphanFindings))
    findings.push(finding('blob-orphaned', orphan, 'the mirror has no spec for this tarball'));
  const tarballSizes = listing?.tarballSizes ?? new Map<string, number>();
  return {
    layout: 'v2',
    findings,
    statistics: entries.statistics.statistics(graph, stored.keys(), tarballSizes, orphans),
    indexes:
      read.kind === 'read'
        ? [
            {
              view: undefined,
              checksum: read.checksum,
              generation: undefined,
              entries: read.index.entryCount,
              signedBy: undefined,
            },
          ]
        : [],
    listed: listing !== undefined,
  };
}

const keyHint =
  'Store the key with "spack gpg publish" of a Spack before 1.0, or give the armored key itself in trusted-keys.';

function notAMirror(store: ObjectStore): UserError {
  return new UserError(
    'not-a-buildcache',
    `${store.url} is not a Spack mirror of layout v2: it has no specs, no tarballs and no index`,
    { hint: 'Check the URL: it is the directory that holds "build_cache".' },
  );
}

/** Checks the demands that the audit makes on the index. This layout has no signed indexes. */
function indexDemandFindings(audit: MirrorAudit, read: ReadIndexV2): readonly Finding[] {
  const findings: Finding[] = [];
  if (audit.requireSignedIndex && read.kind === 'read') {
    const why = 'the index is not signed; in layout v2 it cannot be';
    findings.push(finding('index-unsigned', indexKeyV2, why, 'Convert the mirror to layout v3.'));
  }
  const { expectedIndex } = audit;
  if (expectedIndex === undefined) return findings;
  if (read.kind === 'missing') {
    findings.push(finding('index-not-expected', indexKeyV2, 'there is no index, although one is expected'));
  } else if (read.kind === 'read' && read.checksum !== expectedIndex) {
    const why = `its SHA-256 is ${read.checksum}, but ${expectedIndex} was expected`;
    const hint = 'Somebody put another index there, or a cache serves an old one.';
    findings.push(finding('index-not-expected', indexKeyV2, why, hint));
  }
  return findings;
}

/** The entries that the index offers and that are stored, for a mirror that cannot be listed. */
async function namesFromIndex(
  store: ObjectStore,
  index: IndexDatabase | undefined,
  findings: Finding[],
): Promise<readonly EntryNames[]> {
  const found = await mapConcurrently(
    index?.locations() ?? [],
    concurrentEntries,
    async ({ stem, dagHash }): Promise<EntryNames | undefined> => {
      const keys = [specKeyV2(stem, true), specKeyV2(stem, false)] as const;
      if (classifyKeyV2(keys[0]).kind !== 'spec') {
        const why = `its record ${dagHash} cannot be the name of a spec`;
        findings.push(finding('name-invalid', indexKeyV2, why));
        return undefined;
      }
      const [signed, unsigned] = await Promise.all(
        keys.map(async (key) => (await store.head(key)) !== undefined),
      );
      if (signed !== true && unsigned !== true) return undefined;
      return { stem, dagHash, signed: signed === true, unsigned: unsigned === true };
    },
  );
  return found.filter((names) => names !== undefined);
}

interface ReadEntriesV2 {
  readonly census: NodeCensus;
  readonly findings: readonly Finding[];
  readonly statistics: StatisticsCollector;
  readonly complete: boolean;
}

async function readEntries(
  audit: MirrorAudit,
  policy: SignaturePolicy,
  names: readonly EntryNames[],
  listing: ListingV2 | undefined,
): Promise<ReadEntriesV2> {
  const { store, level, progress } = audit;
  const options = { store, policy, level, tarballSizes: listing?.tarballSizes };
  const census = new NodeCensus();
  const findings: Finding[] = [];
  const statistics = new StatisticsCollector();
  let complete = true;
  progress.start(`Checking ${counted(names.length, 'entry', 'entries')}`, names.length, 'entries');
  await mapConcurrently(names, concurrentEntries, async (entry) => {
    const { root, nodes, signedBy, tarballBytes, findings: found } = await readEntryV2(entry, options);
    progress.advance(1);
    findings.push(...found, ...census.add(nodes, specKeyOf(entry)));
    if (root === undefined) complete = false;
    const tarball = tarballBytes === undefined ? undefined : { contentLength: tarballBytes };
    statistics.addEntry({ spec: root, signedBy, tarball, blobs: [] });
  });
  return { census, findings, statistics, complete };
}

/** Keys of tarballs that have no spec, judging by names. */
function orphansOf(listing: ListingV2): readonly string[] {
  const stems = new Set(listing.entries.map(({ stem }) => stem));
  return [...listing.tarballSizes.keys()]
    .filter((key) => {
      const classified = classifyKeyV2(key);
      return classified.kind === 'tarball' && !stems.has(classified.stem);
    })
    .sort();
}
