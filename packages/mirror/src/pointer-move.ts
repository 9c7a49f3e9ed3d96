import { hash as hashOnce } from 'node:crypto';
import { type Clock, InternalError, type ObjectStore, RemoteError, UserError } from '@slipway/core';
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
import { readOrFind } from './index-pointer.ts';

interface PointerPlace {
  readonly store: ObjectStore;
  readonly view: string | undefined;
  readonly signer: Signer | undefined;
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
  advance: PointerPlace,
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
