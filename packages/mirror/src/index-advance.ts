import { hash as hashOnce } from 'node:crypto';
import {
  backoffMs,
  type Clock,
  InternalError,
  type ObjectStore,
  RemoteError,
  UserError,
} from '@slipway/core';
import type { Signer } from '@slipway/signing';
import {
  type BlobRecord,
  formatManifest,
  historyKey,
  historyPrefixOf,
  type IndexLineage,
  indexManifestKey,
  indexNameOf,
  indexRecordsOf,
  maxGeneration,
  maxManifestBytes,
} from '@slipway/spack-buildcache';
import { storeIndex } from './index-blob.ts';
import { type IndexPointer, readIndexSet, readOrFind } from './index-pointer.ts';
import { IndexSet } from './index-set.ts';
import { type IndexTrust, readIndexTrust, trustedIndex } from './index-trust.ts';
import { refuseOnErrors } from './refusal.ts';
import type { SignaturePolicy } from './signature-policy.ts';

const contentionDeadlineMs = 10 * 60_000;
const contentionBaseMs = 20;
const contentionCapMs = 2_000;

export interface IndexAdvance {
  readonly store: ObjectStore;
  readonly view: string | undefined;
  readonly policy: SignaturePolicy;
  readonly signer: Signer | undefined;
  readonly clock: Clock;
  /** The pointer and index as they were just read, to spare reading them again. */
  readonly seed?: CurrentIndex | undefined;
  /** A rebuild replaces whatever is there, even what is refused. */
  readonly replaceUnreadable?: boolean | undefined;
  /** What an unsigned pointer says, if `proveUnsignedIndex` accepted that: it may be signed with what is added to it. */
  readonly provenIndex?: string | undefined;
  /** A pointer without a signature is replaced even if nothing else changes: it is to be signed. */
  readonly signUnsigned?: boolean | undefined;
  /**
   * The indexes to point to instead of the present ones (which may be changed and returned), or undefined when nothing is to
   * be changed. It is called again, on a newer index, whenever somebody else moved the pointer in between, so it must
   * not assume what it saw before.
   */
  change(current: CurrentIndex): Promise<IndexSet | undefined> | IndexSet | undefined;
}

/** What a new pointer must carry on from. */
export interface IndexSeries {
  /** See `IndexTrust`. */
  readonly mustBeSigned: boolean;
  readonly mirrorId: string | undefined;
  /** The highest generation that counts, present or kept; 0 where there is none. */
  readonly newestGeneration: number;
}

export interface CurrentIndex extends IndexSeries {
  readonly pointer: IndexPointer | undefined;
  readonly index: IndexSet;
  /** What a new pointer has to list besides its indexes; see `IndexPointer`. */
  readonly others: readonly BlobRecord[];
  /** Set instead of `pointer` when the object there is refused and about to be replaced: its ETag. */
  readonly unreadableEtag?: string | undefined;
}

export interface IndexMove {
  /** False when the index was already as wanted, and nothing was written. */
  readonly moved: boolean;
  readonly pointerKey: string;
  /** SHA-256 of the pointer itself, as it stands now: what a CDN must serve of it. Undefined where there is none. */
  readonly pointerSha256: string | undefined;
  readonly checksum: string | undefined;
  readonly sizeBytes: number;
  readonly generation: number;
  readonly entryCount: number;
  /** How often somebody else was faster. */
  readonly retries: number;
}

/**
 * Moves the pointer of a view to a changed index, by compare-and-swap: the new index blob is stored first, the replaced
 * pointer is kept, and only then is the pointer replaced, if it is still the one that was read (I1, I3). Throws
 * `UserError` `mirror-refused` when the present index is refused, `input-invalid` when it must be signed and there is no
 * signer, `RemoteError` `contention` after ten minutes.
 */
export async function advanceIndex(advance: IndexAdvance): Promise<IndexMove> {
  const { store, view, clock } = advance;
  const deadlineMs = clock.nowMs() + contentionDeadlineMs;
  for (let retries = 0; ; retries += 1) {
    const seen = retries === 0 && advance.seed !== undefined ? advance.seed : await readCurrentIndex(advance);
    const { pointer } = seen;
    const toBeSigned =
      advance.signUnsigned === true && pointer !== undefined && pointer.signedBy === undefined;
    const index = (await advance.change(seen)) ?? (toBeSigned ? seen.index : undefined);
    if (index === undefined) {
      return {
        moved: false,
        pointerKey: indexManifestKey(view),
        pointerSha256: pointer && hashOnce('sha256', pointer.bytes),
        checksum: pointer?.record.checksum,
        sizeBytes: totalBytes(pointer?.indexes.map(({ record }) => record) ?? []),
        generation: pointer?.manifest.lineage?.generation ?? 0,
        entryCount: seen.index.entryCount,
        retries,
      };
    }
    assertMayMove(advance, seen);
    const entryCount = index.entryCount;
    const records = await storeIndexes(store, index);
    const lineage = nextLineage(seen, view, clock);
    const pointerSha256 = await movePointer(advance, seen, records, lineage);
    if (pointerSha256 !== undefined) {
      return {
        moved: true,
        pointerKey: indexManifestKey(view),
        pointerSha256,
        checksum: records[0]?.checksum,
        sizeBytes: totalBytes(records),
        generation: lineage.generation,
        entryCount,
        retries,
      };
    }
    if (clock.nowMs() > deadlineMs) {
      throw new RemoteError('contention', 'other publishers kept moving the index for ten minutes', {
        hint: 'Run this step again when fewer publishers are at work. Everything but the index is already stored.',
      });
    }
    await clock.sleep(backoffMs(clock, retries, contentionBaseMs, contentionCapMs));
  }
}

/** Stores the indexes that were changed, and gives the records of all, newest version first. */
async function storeIndexes(store: ObjectStore, set: IndexSet): Promise<readonly BlobRecord[]> {
  const records: BlobRecord[] = [];
  for (const index of set.indexes)
    records.push(set.storedRecord(index.databaseVersion) ?? (await storeIndex(store, index)));
  return records;
}

function totalBytes(records: readonly BlobRecord[]): number {
  return records.reduce((sum, { contentLength }) => sum + contentLength, 0);
}

/**
 * The pointer and index as they are now. Throws `UserError` `mirror-refused` when they are refused, or, to replace them
 * all the same, leaves them out.
 */
export async function readCurrentIndex(
  advance: Pick<IndexAdvance, 'store' | 'view' | 'policy' | 'replaceUnreadable'>,
): Promise<CurrentIndex> {
  const { store, view, policy } = advance;
  const views = view === undefined ? [] : [view];
  const trust = await readIndexTrust({ store, policy, requireSigned: false, views });
  return readTrustedIndex(store, trust, view, advance.replaceUnreadable);
}

/** The index of a view as `trust` has judged it. Throws as `readCurrentIndex` does. */
export async function readTrustedIndex(
  store: ObjectStore,
  trust: IndexTrust,
  view: string | undefined,
  replaceUnreadable = false,
): Promise<CurrentIndex> {
  const { pointer, isTrusted, presentEtag, newestKept, findings } = trustedIndex(trust, view);
  const problems = findings.filter(({ severity }) => severity === 'error');
  const index =
    pointer === undefined || (!isTrusted && replaceUnreadable)
      ? new IndexSet()
      : await readIndexSet(store, pointer, problems);
  const isUsable = isTrusted && index !== undefined;
  const generation = isUsable ? (pointer?.manifest.lineage?.generation ?? 0) : 0;
  const series = {
    mustBeSigned: trust.mustBeSigned,
    mirrorId: trust.mirrorId,
    newestGeneration: Math.max(generation, newestKept?.generation ?? 0),
  };
  const others = (isTrusted ? pointer : newestKept?.pointer)?.others ?? [];
  if (isUsable) return { ...series, pointer, index, others };
  if (!replaceUnreadable) {
    const advised = problems.map((problem) => ({ ...problem, hint: problem.hint ?? rebuildHint }));
    refuseOnErrors(advised, 'mirror-refused', `the index of ${store.url} is not usable`);
  }
  return { ...series, pointer: undefined, index: new IndexSet(), others, unreadableEtag: presentEtag };
}

const rebuildHint = 'Find out who damaged it, then run buildcache-index with operation: rebuild.';

/**
 * Throws `UserError` where the new index of a view would be signed and the others not, or the other way about:
 * `input-invalid` without a key where indexes are signed, for clients and verifiers would take it for a forgery, and
 * `mirror-refused` with one for a view of a mirror whose main index is not signed.
 */
export function assertSignerFor(
  series: IndexSeries,
  view: string | undefined,
  signer: Signer | undefined,
): void {
  if (series.mustBeSigned && signer === undefined) {
    throw new UserError(
      'input-invalid',
      'the indexes of this mirror are signed, and there is no signing-key',
      { hint: 'Give a signing-key whose fingerprint is among trusted-keys; it signs the new index.' },
    );
  }
  if (signer === undefined || view === undefined || series.mustBeSigned) return;
  throw new UserError(
    'mirror-refused',
    `the view ${view} cannot be signed before the main index of the mirror is`,
    { hint: 'First run buildcache-index with operation: rebuild and the signing-key, without view.' },
  );
}

/** The checksums of all indexes of a pointer: what it says, but for its place in the series. */
export function claimOf(pointer: Pick<IndexPointer, 'indexes'>): string {
  return pointer.indexes.map(({ record }) => record.checksum).join(' ');
}

/** Throws `UserError` where a key would sign what nobody vouches for, or leave the mirror signed in part. */
function assertMayMove(advance: IndexAdvance, seen: CurrentIndex): void {
  const { view, signer, provenIndex } = advance;
  assertSignerFor(seen, view, signer);
  const { pointer } = seen;
  const isAddedTo = pointer !== undefined && advance.replaceUnreadable !== true;
  if (signer === undefined || !isAddedTo || pointer.signedBy !== undefined) return;
  if (claimOf(pointer) === provenIndex) return;
  throw new UserError(
    'mirror-refused',
    'the present index is not signed, so nobody vouches for what it says of its entries',
    {
      hint: 'Run buildcache-index with operation: rebuild and the signing-key: it reads every entry and makes the index anew.',
    },
  );
}

/** The place of the index that follows. Throws `UserError` `mirror-refused` where no generation is left. */
export function nextLineage(seen: CurrentIndex, view: string | undefined, clock: Clock): IndexLineage {
  const generation = seen.newestGeneration + 1;
  if (generation > maxGeneration) {
    throw new UserError(
      'mirror-refused',
      `the index claims to be generation ${seen.newestGeneration}, and there is no higher one`,
      {
        hint: `No index comes to that by itself. Delete the pointer ${indexManifestKey(view)} and ${historyPrefixOf(view)}, and run buildcache-index with operation: rebuild.`,
      },
    );
  }
  return {
    generation,
    index: indexNameOf(view),
    // A view has the name of the mirror from the main index, and none where that has none.
    mirror: seen.mirrorId ?? (view === undefined ? newMirrorId(clock) : undefined),
    previous: seen.pointer?.record.checksum,
  };
}

/** 32 hex digits of chance. */
function newMirrorId(clock: Clock): string {
  const digit = (): string => Math.floor(clock.random() * 16).toString(16);
  return Array.from({ length: 32 }, digit).join('');
}

/**
 * One conditional write: keeps the replaced pointer, then replaces it. Gives the SHA-256 of the new pointer, or undefined
 * when somebody else was faster. The new pointer is kept as well, but only after it moved: so a pointer older than the newest kept one was put back by hand,
 * and one that was about to be replaced when its publisher was killed was not.
 */
export async function movePointer(
  advance: Pick<IndexAdvance, 'store' | 'view' | 'signer'>,
  current: Pick<CurrentIndex, 'pointer' | 'others' | 'unreadableEtag'>,
  records: readonly BlobRecord[],
  lineage: IndexLineage,
): Promise<string | undefined> {
  const { store, view, signer } = advance;
  const { pointer: replaced } = current;
  const etag = replaced?.etag ?? current.unreadableEtag;
  if (replaced !== undefined && etag === undefined) {
    throw new UserError(
      'not-supported',
      `${store.url} gives no ETags, without which no index can be replaced safely`,
    );
  }
  if (replaced !== undefined) {
    const generation = replaced.manifest.lineage?.generation ?? lineage.generation - 1;
    const isSigned = replaced.signedBy !== undefined;
    await keepPointer(
      store,
      historyKey(view, generation, replaced.record.checksum, isSigned),
      replaced.bytes,
    );
  }
  const data = [...records, ...current.others];
  // As `IndexPointer` has it: where no index is of a known version, any is.
  const named = records[0] ?? indexRecordsOf({ version: 3, data }).at(-1)?.record;
  if (named === undefined) throw new InternalError('a pointer without an index');
  const text = formatManifest({ version: 3, data, lineage });
  const bytes = Buffer.from(signer === undefined ? text : await signer.clearSign(text));
  const sha256 = hashOnce('sha256', bytes);
  try {
    await store.write(
      indexManifestKey(view),
      { kind: 'bytes', bytes },
      {
        condition: etag === undefined ? 'absent' : { etag },
        contentType: 'application/json',
        cache: 'pointer',
        sha256,
      },
    );
  } catch (error) {
    if (error instanceof RemoteError && (error.code === 'condition-failed' || error.code === 'contention'))
      return undefined;
    throw error;
  }
  const isSigned = signer !== undefined;
  await keepPointer(store, historyKey(view, lineage.generation, named.checksum, isSigned), bytes);
  return sha256;
}

/** Whatever else is under the name of a pointer that was there is not that pointer, and gives way to it. */
async function keepPointer(store: ObjectStore, key: string, bytes: Uint8Array): Promise<void> {
  const sha256 = hashOnce('sha256', bytes);
  const source = { kind: 'bytes', bytes } as const;
  const options = { contentType: 'application/json', cache: 'immutable', sha256 } as const;
  try {
    await store.write(key, source, { ...options, condition: 'absent' });
  } catch (error) {
    if (!(error instanceof RemoteError) || error.code !== 'condition-failed') throw error;
    const present = await readOrFind(store, key, maxManifestBytes, []);
    if (present !== undefined && Buffer.compare(present.body, bytes) === 0) return;
    await store.write(key, source, { ...options, condition: 'any' });
  }
}
