import { hash as hashOnce } from 'node:crypto';
import { backoffMs, type Clock, type ObjectStore, RemoteError, UserError } from '@slipway/core';
import type { Signer } from '@slipway/signing';
import { type BlobRecord, indexManifestKey } from '@slipway/spack-buildcache';
import { type CurrentIndex, type IndexSeries, readCurrentIndex } from './current-index.ts';
import { storeIndex } from './index-blob.ts';
import type { IndexPointer } from './index-pointer.ts';
import type { IndexSet } from './index-set.ts';
import { movePointer, nextLineage } from './pointer-move.ts';
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
