import { hash as hashOnce } from 'node:crypto';
import { backoffMs, type Clock, type ObjectStore, RemoteError, UserError } from '@slipway/core';
import type { Signer } from '@slipway/signing';
import {
  type BlobRecord,
  formatManifest,
  historyKey,
  type IndexLineage,
  indexManifestKey,
  maxIndexBytes,
  mediaTypes,
  PackageIndex,
  singleBlobManifest,
} from '@slipway/spack-buildcache';
import type { Finding } from './findings.ts';
import { writeUnlessConflicting } from './immutable.ts';
import { storeIndex } from './index-blob.ts';
import {
  type IndexPointer,
  listHistory,
  readIndexPointer,
  readOrFind,
  readPackageIndex,
} from './index-pointer.ts';
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
  /** A rebuild replaces whatever is there, even what cannot be read. */
  readonly replaceUnreadable?: boolean | undefined;
  /**
   * The index to point to instead of the present one (which may be changed and returned), or undefined when nothing is to
   * be changed. It is called again, on a newer index, whenever somebody else moved the pointer in between, so it must
   * not assume what it saw before.
   */
  change(current: CurrentIndex): Promise<PackageIndex | undefined> | PackageIndex | undefined;
}

export interface CurrentIndex {
  readonly pointer: IndexPointer | undefined;
  readonly index: PackageIndex;
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
 * `UserError` `mirror-refused` when the present index cannot be read, `RemoteError` `contention` after ten minutes.
 */
export async function advanceIndex(advance: IndexAdvance): Promise<IndexMove> {
  const { store, view, clock } = advance;
  const deadlineMs = clock.nowMs() + contentionDeadlineMs;
  for (let retries = 0; ; retries += 1) {
    const seen = retries === 0 && advance.seed !== undefined ? advance.seed : await readCurrentIndex(advance);
    const { pointer } = seen;
    const index = await advance.change(seen);
    const current = pointer?.manifest.lineage?.generation;
    if (index === undefined) {
      return {
        moved: false,
        pointerKey: indexManifestKey(view),
        pointerSha256: pointer && hashOnce('sha256', pointer.bytes),
        checksum: pointer?.record.checksum,
        sizeBytes: pointer?.record.contentLength ?? 0,
        generation: current ?? 0,
        entryCount: seen.index.entryCount,
        retries,
      };
    }
    const entryCount = index.entryCount;
    const record = await storeIndex(store, index);
    const generation = Math.max(current ?? 0, await newestGeneration(store, view)) + 1;
    const lineage: IndexLineage = { generation, previous: pointer?.record.checksum };
    const pointerSha256 = await movePointer(advance, seen, record, lineage);
    if (pointerSha256 !== undefined) {
      return {
        moved: true,
        pointerKey: indexManifestKey(view),
        pointerSha256,
        checksum: record.checksum,
        sizeBytes: record.contentLength,
        generation,
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

/** The pointer and index as they are now. Throws `UserError` `mirror-refused` when they are not usable. */
export async function readCurrentIndex(
  advance: Pick<IndexAdvance, 'store' | 'view' | 'policy' | 'replaceUnreadable'>,
): Promise<CurrentIndex> {
  const { store, view, policy } = advance;
  const findings: Finding[] = [];
  const pointer = await readIndexPointer(store, view, policy, findings);
  const index =
    pointer === undefined ? new PackageIndex() : await readPackageIndex(store, pointer.record, findings);
  const [problem] = findings;
  if (problem === undefined && index !== undefined) return { pointer, index };
  if (advance.replaceUnreadable !== true) {
    const why = problem === undefined ? '' : `: ${problem.message} (${problem.code})`;
    throw new UserError('mirror-refused', `the index of ${store.url} is not usable${why}`, {
      hint: 'Run buildcache-verify to see all that is wrong, then buildcache-index with operation: rebuild.',
    });
  }
  const present = pointer ?? (await readOrFind(store, indexManifestKey(view), maxIndexBytes, []))?.info;
  return { pointer, index: new PackageIndex(), unreadableEtag: present?.etag };
}

/**
 * Throws `UserError` `input-invalid` when a signed index is to be replaced without a key to sign the new one: clients and
 * verifiers would take it for a forgery.
 */
export function assertSignerFor(current: CurrentIndex, signer: Signer | undefined): void {
  const signedBy = current.pointer?.signedBy;
  if (signedBy === undefined || signer !== undefined) return;
  throw new UserError(
    'input-invalid',
    `the index of this mirror is signed by ${signedBy}, and there is no signing-key`,
    { hint: 'Give a signing-key whose fingerprint is among trusted-keys; it signs the new index.' },
  );
}

async function newestGeneration(store: ObjectStore, view: string | undefined): Promise<number> {
  return (await listHistory(store, view)).at(-1)?.generation ?? 0;
}

/**
 * One conditional write: keeps the replaced pointer, then replaces it. Gives the SHA-256 of the new pointer, or undefined
 * when somebody else was faster. The new pointer is kept as well, but only after it moved: so a pointer older than the newest kept one was put back by hand,
 * and one that was about to be replaced when its publisher was killed was not.
 */
export async function movePointer(
  advance: Pick<IndexAdvance, 'store' | 'view' | 'signer'>,
  current: Pick<CurrentIndex, 'pointer' | 'unreadableEtag'>,
  record: BlobRecord,
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
    await keepPointer(store, historyKey(view, generation, replaced.record.checksum), replaced.bytes);
  }
  const text = formatManifest(
    singleBlobManifest(mediaTypes.index, record.contentLength, record.checksum, lineage),
  );
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
  await keepPointer(store, historyKey(view, lineage.generation, record.checksum), bytes);
  return sha256;
}

/** A pointer of the same generation to the same index that is kept already is as good, whoever wrote it. */
async function keepPointer(store: ObjectStore, key: string, bytes: Uint8Array): Promise<void> {
  const sha256 = hashOnce('sha256', bytes);
  await writeUnlessConflicting(store, key, { kind: 'bytes', bytes }, 'application/json', sha256);
}
