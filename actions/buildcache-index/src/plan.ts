export type Step =
  | {
      readonly kind: 'change-index';
      readonly view: string | undefined;
      /** DAG hashes in the order in which they are added. */
      readonly add: readonly string[];
      readonly remove: readonly string[];
      /** The present index is unsigned and gets signed even if nothing else changes. */
      readonly signUnsigned: boolean;
    }
  | {
      readonly kind: 'replace-index';
      readonly view: string | undefined;
      /** DAG hashes in the new index, in order, and how many of them the present one lacks. */
      readonly members: readonly string[];
      readonly added: number;
      /** DAG hashes that only the present index has. */
      readonly remove: readonly string[];
    }
  | {
      readonly kind: 'roll-back';
      readonly view: string | undefined;
      readonly from: number;
      readonly to: number;
      readonly checksum: string;
    };

export interface Plan {
  readonly steps: readonly Step[];
}

export type Observation =
  | {
      readonly operation: 'update';
      readonly view: string | undefined;
      /** DAG hashes of the indexed entries. */
      readonly indexed: readonly string[];
      /** The key of each stored spec manifest, by DAG hash. */
      readonly stored: ReadonlyMap<string, string>;
      /** Entries to add: they belong in the index and are missing, or indexed in the wrong format. */
      readonly lacking: readonly string[];
      /** The present index is unsigned and was proven for this run's key. */
      readonly signUnsigned: boolean;
    }
  | {
      readonly operation: 'rebuild';
      readonly view: string | undefined;
      readonly indexed: readonly string[];
      /** The entries that belong in the index. */
      readonly readable: readonly string[];
    }
  | {
      readonly operation: 'rollback';
      readonly view: string | undefined;
      /** The present generation, and the earlier one with its index's checksum. */
      readonly from: number;
      readonly to: number;
      readonly checksum: string;
    };

/**
 * An update adds what the index lacks and removes what is no longer stored; a rebuild makes a new index; a rollback points
 * to an earlier one.
 */
export function plan(observation: Observation): Plan {
  const { view } = observation;
  switch (observation.operation) {
    case 'update': {
      const { lacking: add, stored, signUnsigned } = observation;
      const remove = observation.indexed.filter((hash) => !stored.has(hash));
      if (add.length === 0 && remove.length === 0 && !signUnsigned) return { steps: [] };
      return { steps: [{ kind: 'change-index', view, add, remove, signUnsigned }] };
    }
    case 'rebuild': {
      const { readable: members } = observation;
      const [before, after] = [new Set(observation.indexed), new Set(members)];
      const added = members.filter((hash) => !before.has(hash)).length;
      const remove = observation.indexed.filter((hash) => !after.has(hash));
      return { steps: [{ kind: 'replace-index', view, members, added, remove }] };
    }
    case 'rollback': {
      const { from, to, checksum } = observation;
      return { steps: [{ kind: 'roll-back', view, from, to, checksum }] };
    }
  }
}

/** How many entries the plan adds and removes; zero for a rollback. */
export function changesOf({ steps }: Plan): { readonly added: number; readonly removed: number } {
  const [step] = steps;
  if (step === undefined || step.kind === 'roll-back') return { added: 0, removed: 0 };
  const added = step.kind === 'change-index' ? step.add.length : step.added;
  return { added, removed: step.remove.length };
}
