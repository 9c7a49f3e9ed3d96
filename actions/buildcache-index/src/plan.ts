/** What is to become of an index. */
export type Step =
  | { readonly kind: 'read-entries'; readonly keys: readonly string[] }
  | {
      readonly kind: 'change-index';
      readonly view: string | undefined;
      /** DAG hashes, in the order in which they are added. */
      readonly add: readonly string[];
      readonly remove: readonly string[];
      /** The present index has no signature, and gets one even if nothing else changes. */
      readonly signUnsigned?: boolean;
    }
  | { readonly kind: 'replace-index'; readonly view: string | undefined; readonly members: readonly string[] }
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

export interface UpdateObservation {
  readonly view: string | undefined;
  /** DAG hashes of the entries that are indexed now. */
  readonly indexed: Iterable<string>;
  /** Those of them that some client does not find, though it may read them: they are read, and added where they belong. */
  readonly unsettled?: Iterable<string>;
  /** The key of each stored spec manifest, by DAG hash, in the order of keys. */
  readonly stored: ReadonlyMap<string, string>;
  /** Whether a stored entry belongs into this index. */
  readonly belongs: (hash: string, key: string) => boolean;
  /** SHA-256 of the present index, if it has no signature and was proven for the key of this run. */
  readonly provenIndex?: string | undefined;
}

/** Adds what is stored and not indexed, and takes out what is indexed and no longer stored. */
export function planUpdate(observation: UpdateObservation): Plan {
  const indexed = new Set(observation.indexed);
  const settled = new Set(indexed);
  for (const hash of observation.unsettled ?? []) settled.delete(hash);
  const add: string[] = [];
  const keys: string[] = [];
  for (const [hash, key] of observation.stored) {
    if (settled.has(hash) || !observation.belongs(hash, key)) continue;
    add.push(hash);
    keys.push(key);
  }
  const remove = [...indexed].filter((hash) => !observation.stored.has(hash));
  const signUnsigned = observation.provenIndex !== undefined;
  if (add.length === 0 && remove.length === 0 && !signUnsigned) return { steps: [] };
  return {
    steps: [
      { kind: 'read-entries', keys },
      {
        kind: 'change-index',
        view: observation.view,
        add,
        remove,
        ...(signUnsigned ? { signUnsigned } : {}),
      },
    ],
  };
}

/** Reads every entry that belongs into the index, and makes the index anew. */
export function planRebuild(
  observation: Omit<UpdateObservation, 'indexed' | 'unsettled' | 'provenIndex'>,
): Plan {
  const members = [...observation.stored].filter(([hash, key]) => observation.belongs(hash, key));
  return {
    steps: [
      { kind: 'read-entries', keys: members.map(([, key]) => key) },
      { kind: 'replace-index', view: observation.view, members: members.map(([hash]) => hash) },
    ],
  };
}
