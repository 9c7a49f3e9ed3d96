import { type ObjectStore, UserError } from '@slipway/core';
import {
  type CurrentIndex,
  type Finding,
  type IndexPointer,
  type KeptPointer,
  listHistory,
  readKeptPointer,
  readPackageIndex,
  type SignaturePolicy,
} from '@slipway/mirror';
import { classifyKey } from '@slipway/spack-buildcache';
import type { Selection } from './selection.ts';

/** Name and version of an entry by its key, for selections. The version is as file names have it. */
export function entryOfKey(key: string): {
  readonly name: string;
  readonly version: string;
  readonly hash: string;
} {
  const classified = classifyKey(key);
  if (classified.kind !== 'spec-manifest') return { name: '', version: '', hash: '' };
  const { packageName: name, fileStem, dagHash: hash } = classified;
  return { name, version: fileStem.slice(name.length + 1, -(hash.length + 1)), hash };
}

/** Which stored entries belong into an index: all into the main one; into a view, the selected or its present members. */
export function membership(
  view: string | undefined,
  selection: Selection | undefined,
  current: CurrentIndex,
): (hash: string, key: string) => boolean {
  if (selection !== undefined) return (_, key) => selection(entryOfKey(key));
  if (view === undefined) return () => true;
  return (hash) => current.index.hasEntry(hash);
}

/** An earlier index that a rollback may bring back, checked. */
export interface RollbackTarget {
  readonly generation: number;
  readonly pointer: Omit<IndexPointer, 'etag'>;
}

/**
 * The kept pointer of generation `to`. Without it, of the one before the present index; where that was brought back
 * itself, before the one that it stands for, so that rolling back twice goes back twice. Throws `UserError` `history-missing`
 * when there is none, `mirror-refused` when its index is damaged or names what is no longer stored.
 */
export async function findRollbackTarget(
  store: ObjectStore,
  view: string | undefined,
  to: number | undefined,
  current: CurrentIndex,
  stored: ReadonlyMap<string, string>,
  policy: SignaturePolicy,
): Promise<RollbackTarget> {
  const history = await listHistory(store, view);
  const kept = chooseGeneration(history, to ?? (await generationBefore(store, history, current, policy)), to);
  const findings: Finding[] = [];
  const pointer = await readKeptPointer(store, kept.key, policy, findings);
  const index = pointer && (await readPackageIndex(store, pointer.record, findings));
  const [problem] = findings;
  if (pointer === undefined || index === undefined || problem !== undefined) {
    throw new UserError(
      'mirror-refused',
      `generation ${kept.generation} cannot be brought back: ${problem?.message ?? ''}`,
      {
        hint: 'Choose another generation; operation: list shows them.',
      },
    );
  }
  const gone = [...index.entries()].filter((hash) => !stored.has(hash));
  if (gone.length > 0) {
    throw new UserError(
      'mirror-refused',
      `generation ${kept.generation} offers ${gone.length} entries that are no longer stored, ${gone[0]} among them`,
      { hint: 'Publish them again first, or choose another generation.' },
    );
  }
  return { generation: kept.generation, pointer };
}

/** The newest kept generation before the one that the present index stands for; undefined when there is none. */
async function generationBefore(
  store: ObjectStore,
  history: readonly KeptPointer[],
  current: CurrentIndex,
  policy: SignaturePolicy,
): Promise<number | undefined> {
  let lineage = current.pointer?.manifest.lineage;
  let generation = lineage?.generation ?? Number.POSITIVE_INFINITY;
  // Each is older than the one before, so this ends.
  while (lineage?.rolledBackTo !== undefined && lineage.rolledBackTo < generation) {
    generation = lineage.rolledBackTo;
    const kept = history.find((candidate) => candidate.generation === generation);
    lineage = (kept && (await readKeptPointer(store, kept.key, policy, [])))?.manifest.lineage;
  }
  return history.findLast((candidate) => candidate.generation < generation)?.generation;
}

function chooseGeneration(
  history: readonly KeptPointer[],
  generation: number | undefined,
  asked: number | undefined,
): KeptPointer {
  const kept = history.find((candidate) => candidate.generation === generation);
  if (kept !== undefined) return kept;
  const known = history.map((candidate) => candidate.generation).join(', ');
  throw new UserError(
    'history-missing',
    asked === undefined ? 'there is no earlier index' : `generation ${asked} is not kept`,
    {
      hint:
        known === ''
          ? 'No index of this view was ever replaced by Slipway.'
          : `Kept are the generations ${known}.`,
    },
  );
}
