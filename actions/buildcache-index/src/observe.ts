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
 * The kept pointer of generation `to` (or of the newest before the present one). Throws `UserError` `history-missing`
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
  const kept = chooseGeneration(history, to, current);
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

function chooseGeneration(
  history: readonly KeptPointer[],
  to: number | undefined,
  current: CurrentIndex,
): KeptPointer {
  const present = current.pointer?.manifest.lineage?.generation ?? Number.POSITIVE_INFINITY;
  const kept =
    to === undefined
      ? history.findLast((candidate) => candidate.generation < present)
      : history.find((candidate) => candidate.generation === to);
  if (kept !== undefined) return kept;
  const known = history.map((candidate) => candidate.generation).join(', ');
  throw new UserError(
    'history-missing',
    to === undefined ? 'there is no earlier index' : `generation ${to} is not kept`,
    {
      hint:
        known === ''
          ? 'No index of this view was ever replaced by Slipway.'
          : `Kept are the generations ${known}.`,
    },
  );
}
