import { hash as hashOnce } from 'node:crypto';
import {
  type Clock,
  InternalError,
  isConditionFailed,
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
import type { CurrentIndex } from './current-index.ts';
import { writeDocument } from './documents.ts';
import { readOrFind } from './index-pointer.ts';

/** Which index to move, and who signs it. */
export interface IndexPlace {
  readonly store: ObjectStore;
  readonly view: string | undefined;
  readonly signer: Signer | undefined;
  readonly clock: Clock;
}

export interface IndexMove {
  /** False if the index needed no change and nothing was written. */
  readonly moved: boolean;
  readonly pointerKey: string;
  /** SHA-256 of the present pointer, which a CDN must serve; undefined if there is none. */
  readonly pointerSha256: string | undefined;
  readonly checksum: string | undefined;
  readonly sizeBytes: number;
  readonly generation: number;
  readonly entryCount: number;
  /** How often another publisher moved the index first. */
  readonly retries: number;
}

/** The lineage of the next index. Throws `UserError` `mirror-refused` if no generation is left. */
export function nextLineage(seen: CurrentIndex, view: string | undefined, clock: Clock): IndexLineage {
  const generation = seen.newestGeneration + 1;
  if (generation > maxGeneration) {
    throw new UserError(
      'mirror-refused',
      `the index claims to be generation ${seen.newestGeneration}, which is the highest possible`,
      {
        hint: `No index appears there on its own. Delete the pointer ${indexManifestKey(view)} and ${historyPrefixOf(view)}, and run buildcache-index with operation: rebuild.`,
      },
    );
  }
  return {
    generation,
    index: indexNameOf(view),
    // A view takes the mirror's name from the main index.
    mirror: seen.mirrorId ?? (view === undefined ? newMirrorId(clock) : undefined),
    previous: seen.pointer?.record.checksum,
  };
}

function newMirrorId(clock: Clock): string {
  const digit = (): string => Math.floor(clock.random() * 16).toString(16);
  return Array.from({ length: 32 }, digit).join('');
}

/**
 * Keeps the old pointer, then replaces it with one conditional write; returns undefined if another publisher was
 * faster. The new pointer is kept only after it has moved. So a pointer older than the newest kept one was put back by
 * hand, and is not the work of an interrupted publish.
 */
export async function movePointer(
  { store, view, signer }: Omit<IndexPlace, 'clock'>,
  current: Pick<CurrentIndex, 'pointer' | 'others' | 'unreadableEtag'>,
  records: readonly BlobRecord[],
  lineage: IndexLineage,
): Promise<Pick<IndexMove, 'pointerSha256' | 'checksum'> | undefined> {
  const { pointer: replaced } = current;
  const etag = replaced?.etag ?? current.unreadableEtag;
  if (replaced !== undefined && etag === undefined) {
    throw new UserError(
      'not-supported',
      `${store.url} returns no ETags, and without them no index can be replaced safely`,
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
  // As in `IndexPointer`: any index if none has a known version.
  const named = records[0] ?? indexRecordsOf({ version: 3, data }).at(-1)?.record;
  if (named === undefined) throw new InternalError('a pointer without an index');
  const text = formatManifest({ version: 3, data, lineage });
  const bytes = Buffer.from(signer === undefined ? text : await signer.clearSign(text));
  try {
    await writeDocument(store, indexManifestKey(view), bytes, {
      condition: etag === undefined ? 'absent' : { etag },
      cache: 'pointer',
    });
  } catch (error) {
    if (isConditionFailed(error) || (error instanceof RemoteError && error.code === 'contention'))
      return undefined;
    throw error;
  }
  const isSigned = signer !== undefined;
  await keepPointer(store, historyKey(view, lineage.generation, named.checksum, isSigned), bytes);
  return { pointerSha256: hashOnce('sha256', bytes), checksum: named.checksum };
}

/** Replaces whatever else is stored under this pointer's name, since it cannot be that pointer. */
async function keepPointer(store: ObjectStore, key: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeDocument(store, key, bytes, { condition: 'absent', cache: 'immutable' });
  } catch (error) {
    if (!isConditionFailed(error)) throw error;
    const present = await readOrFind(store, key, maxManifestBytes, []);
    if (present !== undefined && Buffer.compare(present.body, bytes) === 0) return;
    await writeDocument(store, key, bytes, { condition: 'any', cache: 'immutable' });
  }
}
