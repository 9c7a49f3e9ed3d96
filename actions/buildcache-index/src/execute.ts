import { InternalError } from '@slipway/core';
import {
  type EntryCollection,
  type IndexedEntry,
  type IndexMove,
  IndexSet,
  moveIndex,
  pointTo,
  unmovedIndex,
} from '@slipway/mirror';
import type { Observed, Ports } from './observe.ts';
import type { Plan } from './plan.ts';

/** Carries out a plan. Returns undefined, having moved nothing, if another publisher moved the index first. */
export async function execute(plan: Plan, observed: Observed, ports: Ports): Promise<IndexMove | undefined> {
  const { current, observation } = observed;
  const { view } = observation;
  const [step] = plan.steps;
  switch (step?.kind) {
    case undefined:
      return unmovedIndex(view, current);
    case 'change-index': {
      const { index } = current;
      for (const hash of step.remove) index.remove(hash);
      for (const entry of indexedEntries(step.add, observed)) index.add(entry, collected(observed).graph);
      return moveIndex({ ...ports, view }, current, index, observed);
    }
    case 'replace-index': {
      const entries = indexedEntries(step.members, observed);
      const index = IndexSet.of(entries, current.index.versions, collected(observed).graph);
      return moveIndex({ ...ports, view }, current, index, { isRebuilt: true });
    }
    case 'roll-back': {
      if (observed.earlier === undefined) throw new InternalError('a rollback without its target');
      const { index, pointer } = observed.earlier;
      const records = pointer.indexes.map(({ record }) => record);
      const target = { records, entryCount: index.entryCount, rolledBackTo: step.to };
      return pointTo({ ...ports, view }, current, target);
    }
  }
}

function collected({ entries }: Observed): EntryCollection {
  if (entries === undefined) throw new InternalError('a change of an index without entries');
  return entries;
}

function indexedEntries(hashes: readonly string[], observed: Observed): readonly IndexedEntry[] {
  return hashes.map((hash) => {
    const specfileVersion = collected(observed).formats.indexableVersion(hash);
    if (specfileVersion === undefined) throw new InternalError(`no index can have the entry ${hash}`);
    return { hash, specfileVersion };
  });
}
