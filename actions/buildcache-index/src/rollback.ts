import { mapConcurrently, type ObjectStore, UserError } from '@slipway/core';
import {
  type CurrentIndex,
  type Finding,
  type IndexSet,
  isOfAnother,
  isWhatItsNameSays,
  type KeptIndex,
  type KeptPointer,
  listHistory,
  readIndexSet,
  readKeptPointer,
  type SignaturePolicy,
} from '@slipway/mirror';
import { blobKey } from '@slipway/spack-buildcache';

const maxOffered = 50;
const concurrentReads = 16;

/** An earlier index that a rollback may bring back, after checks. */
export interface RollbackTarget {
  readonly generation: number;
  readonly pointer: KeptIndex;
  readonly index: IndexSet;
}

/**
 * The kept pointer of generation `to`, or of the one before the present index. If that index was itself brought back,
 * counts from the generation it restored, so that two rollbacks go back twice. Throws `UserError` `history-missing` if
 * there is none, `mirror-refused` if its index is damaged or names what is no longer stored.
 */
export async function findRollbackTarget(
  store: ObjectStore,
  view: string | undefined,
  to: number | undefined,
  current: CurrentIndex,
  stored: ReadonlyMap<string, string>,
  policy: SignaturePolicy,
): Promise<RollbackTarget> {
  const history = (await listHistory(store, view)).filter(
    ({ isSigned }) => isSigned || !current.mustBeSigned,
  );
  const series = { store, policy, mirrorId: current.mirrorId };
  const generation = to ?? (await generationBefore(history, current, series));
  const { kept, pointer, findings } = await readGeneration(history, generation, to, series);
  const index = pointer && (await readIndexSet(store, pointer, findings));
  if (pointer === undefined || index === undefined) {
    const why = findings[0]?.message ?? 'the file kept under its name is not that pointer';
    throw new UserError('mirror-refused', `generation ${kept.generation} cannot be brought back: ${why}`, {
      hint: await otherGenerations(history, kept, current, series),
    });
  }
  const gone = [...index.entries()].filter((hash) => !stored.has(hash));
  if (gone.length > 0) {
    throw new UserError(
      'mirror-refused',
      `generation ${kept.generation} offers ${gone.length} entries that are no longer stored, such as ${gone[0]}`,
      { hint: 'Publish them again first, or choose another generation.' },
    );
  }
  return { generation: kept.generation, pointer, index };
}

interface Series {
  readonly store: ObjectStore;
  readonly policy: SignaturePolicy;
  readonly mirrorId: string | undefined;
}

/** A kept pointer, if it matches its name and belongs to this mirror. */
async function readProven(
  kept: KeptPointer,
  { store, policy, mirrorId }: Series,
  findings: Finding[],
): Promise<KeptIndex | undefined> {
  const pointer = await readKeptPointer(store, kept.key, policy, findings);
  if (pointer === undefined || !isWhatItsNameSays(kept, pointer)) return undefined;
  return isOfAnother(pointer, mirrorId) ? undefined : pointer;
}

/** Suggests what else could be brought back. */
async function otherGenerations(
  history: readonly KeptPointer[],
  refused: KeptPointer,
  current: CurrentIndex,
  series: Series,
): Promise<string> {
  const present = current.pointer?.record.checksum;
  const others = await mapConcurrently(history.slice(-maxOffered), concurrentReads, async (kept) => {
    const pointer = kept.key === refused.key ? undefined : await readProven(kept, series, []);
    if (pointer === undefined || pointer.record.checksum === present) return [];
    return (await areIndexesStored(series.store, pointer)) ? [kept.generation] : [];
  });
  const generations = [...new Set(others.flat())];
  if (generations.length > 0)
    return `Choose another generation: the indexes of ${generations.join(', ')} are stored.`;
  return 'No earlier index is stored any longer. To index what is stored now, run operation: rebuild.';
}

/** Whether the indexes that a pointer names are still stored. */
export async function areIndexesStored(store: ObjectStore, pointer: KeptIndex): Promise<boolean> {
  for (const { record } of pointer.indexes) {
    if ((await store.head(blobKey(record.checksum)))?.sizeBytes !== record.contentLength) return false;
  }
  return true;
}

/** The newest kept generation before the one that the present index stands for, if any. */
async function generationBefore(
  history: readonly KeptPointer[],
  current: CurrentIndex,
  series: Series,
): Promise<number | undefined> {
  let lineage = current.pointer?.manifest.lineage;
  let generation = lineage?.generation ?? Number.POSITIVE_INFINITY;
  // Each is older than the last, so this ends.
  while (lineage?.rolledBackTo !== undefined && lineage.rolledBackTo < generation) {
    generation = lineage.rolledBackTo;
    if (!history.some((candidate) => candidate.generation === generation)) break;
    lineage = (await readGeneration(history, generation, undefined, series)).pointer?.manifest.lineage;
  }
  return history.findLast((candidate) => candidate.generation < generation)?.generation;
}

interface ReadGeneration {
  readonly kept: KeptPointer;
  /** Undefined if no proven pointer is kept for this generation. */
  readonly pointer: KeptIndex | undefined;
  readonly findings: Finding[];
}

/** The proven pointer of a generation, among everything stored under such a name. */
async function readGeneration(
  history: readonly KeptPointer[],
  generation: number | undefined,
  asked: number | undefined,
  series: Series,
): Promise<ReadGeneration> {
  let refused: ReadGeneration | undefined;
  for (const kept of history.filter((candidate) => candidate.generation === generation).slice(-maxOffered)) {
    const findings: Finding[] = [];
    const pointer = await readProven(kept, series, findings);
    if (pointer !== undefined) return { kept, pointer, findings };
    refused ??= { kept, pointer, findings };
  }
  if (refused !== undefined) return refused;
  const known = [...new Set(history.map((candidate) => candidate.generation))].join(', ');
  throw new UserError(
    'history-missing',
    asked === undefined ? 'there is no earlier index' : `generation ${asked} is not kept`,
    {
      hint:
        known === ''
          ? 'Slipway has never replaced an index of this view.'
          : `The kept generations are ${known}.`,
    },
  );
}
