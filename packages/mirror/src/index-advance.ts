import { hash as hashOnce } from 'node:crypto';
import { type Clock, type ObjectStore, RemoteError, retrying, UserError } from '@slipway/core';
import type { Signer } from '@slipway/signing';
import { type BlobRecord, indexManifestKey } from '@slipway/spack-buildcache';
import { type CurrentIndex, type IndexSeries, readCurrentIndex } from './current-index.ts';
import { storeIndex } from './index-blob.ts';
import type { IndexPointer } from './index-pointer.ts';
import type { IndexSet } from './index-set.ts';
import { type IndexMove, type IndexPlace, movePointer, nextLineage } from './pointer-move.ts';
import type { SignaturePolicy } from './signature-policy.ts';

const contentionDeadlineMs = 10 * 60_000;
const contentionBackoff = { baseMs: 20, capMs: 2_000 };

export interface IndexAdvance extends IndexPlace {
  readonly policy: SignaturePolicy;
  /** The pointer and index that were just read, which saves the first attempt from reading them again. */
  readonly seed?: CurrentIndex | undefined;
  /** What an unsigned pointer claims, once `proveUnsignedIndex` has accepted it; the new index may then be signed. */
  readonly provenIndex?: string | undefined;
  /** Replace an unsigned pointer with a signed one even if nothing else changes. */
  readonly signUnsigned?: boolean | undefined;
  /**
   * Returns the indexes to point to, or undefined if nothing is to change; it may modify and return the present ones. It is
   * called again each time another publisher moves the pointer first, so it must not keep state from earlier calls.
   */
  change(current: CurrentIndex): Promise<IndexSet | undefined> | IndexSet | undefined;
}

export interface StoredIndexes {
  readonly records: readonly BlobRecord[];
  readonly entryCount: number;
  /** The generation they had before, if this is a rollback. */
  readonly rolledBackTo?: number;
}

/**
 * Moves the pointer of a view to a changed index, retrying when another publisher was faster (I3). Throws `UserError`
 * `mirror-refused` if the present index is refused, `input-invalid` if it must be signed and there is no signer, and
 * `RemoteError` `contention` after ten minutes.
 */
export async function advanceIndex(advance: IndexAdvance): Promise<IndexMove> {
  return untilNotOvertaken(advance.clock, async (retries) => {
    const seen = retries === 0 && advance.seed !== undefined ? advance.seed : await readCurrentIndex(advance);
    const { pointer } = seen;
    const toBeSigned =
      advance.signUnsigned === true && pointer !== undefined && pointer.signedBy === undefined;
    const index = (await advance.change(seen)) ?? (toBeSigned ? seen.index : undefined);
    if (index === undefined) return { ...unmovedIndex(advance.view, seen), retries };
    const move = await moveIndex(advance, seen, index, { provenIndex: advance.provenIndex });
    return move && { ...move, retries };
  });
}

/**
 * Calls `attempt` until it returns something; it returns undefined when another publisher moved the index first. Throws
 * `RemoteError` `contention` after ten minutes.
 */
export async function untilNotOvertaken<Result>(
  clock: Clock,
  attempt: (retries: number) => Promise<Result | undefined>,
): Promise<Result> {
  const rule = {
    clock,
    deadlineMs: contentionDeadlineMs,
    backoff: contentionBackoff,
    // The store has retried already.
    isTransient: () => false,
    isTooEarly: (result: Result | undefined) => result === undefined,
  };
  const result = await retrying(rule, ({ number }) => attempt(number));
  if (result !== undefined) return result;
  throw new RemoteError('contention', 'other publishers kept moving the index for ten minutes', {
    hint: 'Run this step again when fewer publishers are at work. Everything but the index is already stored.',
  });
}

/** The result for an index that needed no change. */
export function unmovedIndex(view: string | undefined, { pointer, index }: CurrentIndex): IndexMove {
  return {
    moved: false,
    pointerKey: indexManifestKey(view),
    pointerSha256: pointer && hashOnce('sha256', pointer.bytes),
    checksum: pointer?.record.checksum,
    sizeBytes: totalBytes(pointer?.indexes.map(({ record }) => record) ?? []),
    generation: pointer?.manifest.lineage?.generation ?? 0,
    entryCount: index.entryCount,
    retries: 0,
  };
}

/**
 * Stores `index` and points to it, if the pointer is still the one that was `seen`; otherwise returns undefined. An
 * index that is `isRebuilt` from the entries is signed whatever the present one claims.
 */
export async function moveIndex(
  place: IndexPlace,
  seen: CurrentIndex,
  index: IndexSet,
  vouchedFor: { readonly provenIndex?: string | undefined; readonly isRebuilt?: boolean },
): Promise<IndexMove | undefined> {
  assertSignerFor(seen, place.view, place.signer);
  if (vouchedFor.isRebuilt !== true) assertVouchedFor(place, seen, vouchedFor.provenIndex);
  const { entryCount } = index;
  return pointTo(place, seen, { records: await storeIndexes(place.store, index), entryCount });
}

/**
 * Points to stored indexes by compare-and-swap: keeps the old pointer, then replaces it if it is still the one that was
 * `seen` (I1, I3); otherwise returns undefined.
 */
export async function pointTo(
  place: IndexPlace,
  seen: CurrentIndex,
  { records, entryCount, rolledBackTo }: StoredIndexes,
): Promise<IndexMove | undefined> {
  const next = nextLineage(seen, place.view, place.clock);
  const lineage = rolledBackTo === undefined ? next : { ...next, rolledBackTo };
  const moved = await movePointer(place, seen, records, lineage);
  if (moved === undefined) return undefined;
  return {
    ...moved,
    moved: true,
    pointerKey: indexManifestKey(place.view),
    sizeBytes: totalBytes(records),
    generation: lineage.generation,
    entryCount,
    retries: 0,
  };
}

/** Stores the changed indexes and returns the records of all of them, newest version first. */
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
 * Throws `UserError` if only some of a mirror's indexes would be signed: `input-invalid` without a key if its indexes
 * are signed, since clients and verifiers would see a forgery; `mirror-refused` with a key for a view whose main index
 * is not signed.
 */
export function assertSignerFor(
  series: IndexSeries,
  view: string | undefined,
  signer: Signer | undefined,
): void {
  if (series.mustBeSigned && signer === undefined) {
    throw new UserError('input-invalid', 'the indexes of this mirror are signed, but no signing-key is set', {
      hint: 'Set signing-key to a key whose fingerprint is in trusted-keys; it signs the new index.',
    });
  }
  if (signer === undefined || view === undefined || series.mustBeSigned) return;
  throw new UserError(
    'mirror-refused',
    `the view ${view} cannot be signed before the main index of the mirror is`,
    { hint: 'First run buildcache-index with operation: rebuild and the signing-key, without view.' },
  );
}

/** The checksums of all indexes of a pointer: what it says, apart from its generation. */
export function claimOf(pointer: Pick<IndexPointer, 'indexes'>): string {
  return pointer.indexes.map(({ record }) => record.checksum).join(' ');
}

/** Throws `UserError` if the key would sign an index that nobody vouches for. */
function assertVouchedFor(
  { signer }: IndexPlace,
  { pointer }: CurrentIndex,
  provenIndex: string | undefined,
): void {
  if (signer === undefined || pointer === undefined || pointer.signedBy !== undefined) return;
  if (claimOf(pointer) === provenIndex) return;
  throw new UserError(
    'mirror-refused',
    'the present index is not signed, so nobody vouches for what it says about its entries',
    {
      hint: 'Run buildcache-index with operation: rebuild and the signing-key: it reads every entry and makes a new index.',
    },
  );
}
