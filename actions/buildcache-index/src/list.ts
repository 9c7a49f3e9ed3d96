import { type Clock, mapConcurrently, type ObjectStore } from '@slipway/core';
import {
  type Finding,
  finding,
  isOfAnother,
  isWhatItsNameSays,
  type KeptIndex,
  listHistory,
  openPolicy,
  readIndexTrust,
  readKeptPointer,
  readMirrorKeys,
  trustedIndex,
} from '@slipway/mirror';
import type { Inputs } from './inputs.ts';
import { areIndexesStored } from './rollback.ts';

const concurrentReads = 16;

/** One index of the history in the `list` output. */
export interface ListedIndex {
  readonly generation: number | undefined;
  readonly checksum: string;
  readonly sizeBytes: number;
  readonly rolledBackTo: number | undefined;
  readonly signedBy: string | undefined;
  readonly current: boolean;
  /** Whether the index itself is still stored: some tools delete whatever nothing under `v3/` names. */
  readonly stored: boolean;
  /** Whether a rollback may bring it back: it matches its name and is signed if indexes must be. */
  readonly counts: boolean;
}

export interface ListedIndexes {
  readonly indexes: readonly ListedIndex[];
  readonly currentChecksum: string;
  readonly currentGeneration: number;
  readonly findings: readonly Finding[];
}

/** The present index of a view and the kept ones, oldest first, with their problems. Refuses nothing. */
export async function listIndexes(
  { view, trustedKeys }: Pick<Inputs, 'view' | 'trustedKeys'>,
  store: ObjectStore,
  clock: Clock,
): Promise<ListedIndexes> {
  const keyFindings: Finding[] = [];
  const offeredKeys = (await readMirrorKeys(store, keyFindings)).map((key) => key.armored);
  // Listing decides nothing, so without trusted keys the mirror's own keys show who signed what.
  const shown = trustedKeys.trim() === '' ? offeredKeys.join('\n') : trustedKeys;
  const { policy } = await openPolicy({ trustedKeys: shown, offeredKeys, allowUnsigned: true }, clock);
  const views = view === undefined ? [] : [view];
  const trust = await readIndexTrust({ store, policy, requireSigned: false, views });
  const { pointer: present, findings } = trustedIndex(trust, view);
  const found = [...keyFindings, ...findings];
  const kept = await mapConcurrently(await listHistory(store, view), concurrentReads, async (name) => {
    const problems: Finding[] = [];
    const pointer = await readKeptPointer(store, name.key, policy, problems);
    if (pointer === undefined) return { problems: problems.map(unproven) };
    const counts =
      isWhatItsNameSays(name, pointer) &&
      !isOfAnother(pointer, trust.mirrorId) &&
      (name.isSigned || !trust.mustBeSigned);
    const current = present !== undefined && Buffer.compare(present.bytes, pointer.bytes) === 0;
    return { problems, index: await listed(store, pointer, name.generation, { current, counts }) };
  });
  const known = new Set(found.map(({ key }) => key));
  found.push(...kept.flatMap(({ problems }) => problems).filter(({ key }) => !known.has(key)));
  const indexes = kept.map(({ index }) => index).filter((index) => index !== undefined);
  if (present !== undefined && !indexes.some((index) => index.current)) {
    const generation = present.manifest.lineage?.generation;
    indexes.push(await listed(store, present, generation, { current: true, counts: true }));
  }
  return {
    indexes,
    currentChecksum: present?.record.checksum ?? '',
    currentGeneration: present?.manifest.lineage?.generation ?? 0,
    findings: found,
  };
}

/** Anyone who can write to a mirror can store such a file. It has no effect, so it is not an error. */
function unproven({ key, message }: Finding): Finding {
  return finding('index-history-unproven', key, `it is ignored: ${message}`);
}

async function listed(
  store: ObjectStore,
  pointer: KeptIndex,
  generation: number | undefined,
  state: Pick<ListedIndex, 'current' | 'counts'>,
): Promise<ListedIndex> {
  const { checksum, contentLength: sizeBytes } = pointer.record;
  const stored = await areIndexesStored(store, pointer);
  const { rolledBackTo } = pointer.manifest.lineage ?? {};
  return { generation, checksum, sizeBytes, rolledBackTo, signedBy: pointer.signedBy, stored, ...state };
}

/** Remarks about a listed index. */
export function remarksOf(index: ListedIndex): readonly string[] {
  return [
    ...(index.current ? ['current'] : []),
    ...(index.rolledBackTo === undefined ? [] : [`brought back generation ${index.rolledBackTo}`]),
    ...(index.stored ? [] : ['its index is no longer stored']),
    ...(index.counts ? [] : ['not proven, ignored']),
  ];
}

/** A listed index as a line of the log. */
export function describeIndex(index: ListedIndex): string {
  const remarks = remarksOf(index);
  const after = remarks.length === 0 ? '' : ` (${remarks.join(', ')})`;
  return `generation ${index.generation ?? '-'}: ${index.checksum}${after}`;
}
