import { type Clock, mapConcurrently, type ObjectStore } from '@slipway/core';
import {
  classifyKey,
  indexManifestKey,
  type PackageIndex,
  specManifestKey,
  specManifestPrefix,
} from '@slipway/spack-buildcache';
import { parsed, storeFinding } from './entry-reader.ts';
import { type Finding, finding } from './findings.ts';
import { type CurrentIndex, readCurrentIndex } from './index-advance.ts';
import { indexNameFindings } from './index-audit.ts';
import {
  isHistorySigned,
  type KeptPointer,
  lineageFinding,
  listHistory,
  unsignedIndexFinding,
} from './index-pointer.ts';
import { excusedHashes, type PendingPublish, readPendingPublishes } from './pending.ts';
import type { SignaturePolicy } from './signature-policy.ts';

/** Where a mirror stands, by its index and its names: what a writer must know before it adds to it. */
export interface MirrorStanding {
  readonly current: CurrentIndex;
  /** The key of each stored spec manifest, by DAG hash. */
  readonly stored: ReadonlyMap<string, string>;
  readonly history: readonly KeptPointer[];
  readonly pending: readonly PendingPublish[];
  readonly findings: readonly Finding[];
}

/**
 * Reads the main index and compares it with the names of what is stored, without reading any entry. Publishers may be at
 * work meanwhile and raise no finding: a publisher announces, stores, moves the pointer, keeps it, and takes its note
 * back, and what it did is read in the opposite order. Throws `UserError` `mirror-refused` for an index that cannot be
 * used at all.
 */
export async function readStanding(
  store: ObjectStore,
  policy: SignaturePolicy,
  clock: Clock,
): Promise<MirrorStanding> {
  const findings: Finding[] = [];
  const history = await listHistory(store, undefined);
  const listed = await listStoredEntries(store);
  const pending = await readPendingPublishes(store, policy, findings);
  const current = await readCurrentIndex({ store, view: undefined, policy });
  const { pointer, index } = current;
  const stored = await confirmStored(store, index, listed);
  if (pointer !== undefined) {
    const lineage = lineageFinding(pointer, history);
    if (lineage !== undefined) findings.push(lineage);
    const mustBeSigned = pointer.signedBy !== undefined || (await isHistorySigned(store, history, policy));
    if (mustBeSigned && pointer.signedBy === undefined) findings.push(unsignedIndexFinding(pointer));
    const excused = excusedHashes(pending, { nowMs: clock.nowMs(), requireSigned: mustBeSigned });
    findings.push(...indexNameFindings({ pointer, index, stored, excused, mayOmit: false, mustBeSigned }));
  } else if (history.length > 0) {
    findings.push(
      finding('index-missing', undefined, 'the index was there before, and its pointer is gone', rebuildHint),
    );
  }
  return { current, stored, history, pending, findings };
}

const rebuildHint = 'Find out who removed it, then run buildcache-index with operation: rebuild.';

/** The key of each spec manifest of a mirror, by DAG hash. Names of another form are left out. */
export async function listStoredEntries(store: ObjectStore): Promise<ReadonlyMap<string, string>> {
  const keys: string[] = [];
  for await (const { key } of store.list(specManifestPrefix)) keys.push(key);
  const stored = new Map<string, string>();
  for (const key of keys.sort()) {
    const classified = classifyKey(key);
    if (classified.kind === 'spec-manifest') stored.set(classified.dagHash, key);
  }
  return stored;
}

const concurrentConfirmations = 32;
const maxConfirmations = 10_000;

/**
 * `stored` together with what the index offers beyond it and is there all the same: entries that were published between
 * the listing and the reading of the index.
 */
export async function confirmStored(
  store: ObjectStore,
  index: PackageIndex,
  stored: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const unlisted = [...index.entries()].filter((hash) => !stored.has(hash)).slice(0, maxConfirmations);
  if (unlisted.length === 0) return stored;
  const confirmed = new Map(stored);
  await mapConcurrently(unlisted, concurrentConfirmations, async (hash) => {
    const node = parsed(indexManifestKey(undefined), 'index-malformed', [], () => index.node(hash));
    if (node === undefined) return;
    const key = specManifestKey(node);
    if (await isThere(store, key)) confirmed.set(hash, key);
  });
  return confirmed;
}

/** Also true for what is there and refused, of which the listing has told. */
async function isThere(store: ObjectStore, key: string): Promise<boolean> {
  try {
    return (await store.head(key)) !== undefined;
  } catch (error) {
    if (storeFinding(error, key, 'file-unreadable', 'it is too large') === undefined) throw error;
    return true;
  }
}
