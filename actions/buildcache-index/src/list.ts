import { mapConcurrently, type ObjectStore } from '@slipway/core';
import {
  type Finding,
  finding,
  isOfAnother,
  isWhatItsNameSays,
  type KeptIndex,
  listHistory,
  readIndexTrust,
  readKeptPointer,
  type SignaturePolicy,
  trustedIndex,
} from '@slipway/mirror';
import { areIndexesStored } from './observe.ts';

const concurrentReads = 16;

/** One index of the series, as `list` shows it. */
export interface ListedIndex {
  readonly generation: number | undefined;
  readonly checksum: string;
  readonly sizeBytes: number;
  readonly rolledBackTo: number | undefined;
  readonly signedBy: string | undefined;
  readonly current: boolean;
  /** Whether the index itself is still there: some tools delete what nothing under `v3/` names. */
  readonly stored: boolean;
  /** Whether a rollback may go there: it is what its name says and, where indexes must be signed, signed. */
  readonly counts: boolean;
}

export interface ListedIndexes {
  readonly indexes: readonly ListedIndex[];
  readonly currentChecksum: string;
  readonly findings: readonly Finding[];
}

/** The present index of a view and those that are kept, oldest first, with what is wrong with them. */
export async function listIndexes(
  store: ObjectStore,
  view: string | undefined,
  policy: SignaturePolicy,
): Promise<ListedIndexes> {
  const views = view === undefined ? [] : [view];
  const trust = await readIndexTrust({ store, policy, requireSigned: false, views });
  const { pointer: present, findings } = trustedIndex(trust, view);
  const found = [...findings];
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
  return { indexes, currentChecksum: present?.record.checksum ?? '', findings: found };
}

/** Whoever can write to a mirror can store a file there. It counts for nothing, so it is no error. */
function unproven({ key, message }: Finding): Finding {
  return finding('index-history-unproven', key, `it counts for nothing: ${message}`);
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

/** What there is to say of a listed index beside its numbers, in words. */
export function remarksOf(index: ListedIndex): readonly string[] {
  return [
    ...(index.current ? ['current'] : []),
    ...(index.rolledBackTo === undefined ? [] : [`brought back generation ${index.rolledBackTo}`]),
    ...(index.stored ? [] : ['its index is not stored any more']),
    ...(index.counts ? [] : ['not proven, counts for nothing']),
  ];
}

/** A listed index as a line of the log. */
export function describeIndex(index: ListedIndex): string {
  const remarks = remarksOf(index);
  const after = remarks.length === 0 ? '' : ` (${remarks.join(', ')})`;
  return `generation ${index.generation ?? '-'}: ${index.checksum}${after}`;
}
