import type { ObjectStore } from '@slipway/core';
import { historyKey, indexManifestKey, indexNameOf } from '@slipway/spack-buildcache';
import { type Finding, finding } from './findings.ts';
import { type IndexPointer, type KeptPointer, readKeptPointer } from './index-pointer.ts';
import type { SignaturePolicy } from './signature-policy.ts';

/** Limits how many kept pointers of each index are read, since anyone could plant more. */
const maxKeptReads = 100;
const maxNoted = 20;
export const floodHint = 'Find out who stored them, and delete what does not belong there.';

export type KeptIndex = Omit<IndexPointer, 'etag'>;

export interface NewestKept {
  readonly generation: number;
  readonly pointer: KeptIndex;
}

export interface PresentPointer {
  readonly view: string | undefined;
  readonly pointer: IndexPointer | undefined;
  readonly presentEtag: string | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Whether a trusted key signed any kept pointer. Reads only those whose names claim a signature: none if no index was
 * ever signed, and planted ones cannot hide a real one.
 */
export async function wasSigned(
  store: ObjectStore,
  histories: ReadonlyMap<string | undefined, readonly KeptPointer[]>,
  policy: SignaturePolicy,
): Promise<boolean> {
  if (policy.keyring === undefined) return false;
  for (const history of histories.values()) {
    const claimed = history.filter(({ isSigned }) => isSigned).slice(-maxKeptReads);
    for (const kept of claimed.reverse()) {
      if ((await readKeptPointer(store, kept.key, policy, []))?.signedBy !== undefined) return true;
    }
  }
  return false;
}

/** A pointer and what its history says about it. */
export interface JudgedHistory extends PresentPointer {
  readonly newestKept: NewestKept | undefined;
}

interface HistoryContext {
  readonly store: ObjectStore;
  readonly policy: SignaturePolicy;
  readonly mustBeSigned: boolean;
  /** Undefined if it is not known yet or nothing says so. */
  readonly mirrorId: string | undefined;
}

/** Finds the newest kept pointer that counts. On a signed mirror, unsigned ones do not count. */
export async function judgeHistory(
  present: PresentPointer,
  history: readonly KeptPointer[],
  context: HistoryContext,
): Promise<JudgedHistory> {
  const { view, pointer } = present;
  const findings = [...present.findings];
  const current = pointer?.manifest.lineage?.generation ?? 0;
  const candidates = history.filter(({ isSigned }) => isSigned || !context.mustBeSigned);
  const unbelieved = history.filter(
    ({ isSigned, generation }) => context.mustBeSigned && !isSigned && generation > current,
  );
  let newestKept: NewestKept | undefined;
  let reads = 0;
  for (const kept of candidates.toReversed()) {
    if (reads === maxKeptReads) {
      const what = `more than ${maxKeptReads} files pretend to be earlier pointers of it`;
      findings.push(finding('index-history-flooded', indexManifestKey(view), what, floodHint));
      break;
    }
    reads += 1;
    const believed = await readBelieved(kept, context);
    if (believed !== undefined) {
      newestKept = { generation: kept.generation, pointer: believed };
      break;
    }
    unbelieved.push(kept);
  }
  for (const { key } of unbelieved.slice(0, maxNoted)) {
    findings.push(
      finding(
        'index-history-unproven',
        key,
        'it is not a pointer that this mirror kept, and is ignored',
        'Find out who stored it, and delete it. If a key that is no longer in trusted-keys signed it, it can stay.',
      ),
    );
  }
  return { ...present, findings, newestKept };
}

/** The kept pointer, if its content matches its name. Pointers by other tools have no place in the series. */
async function readBelieved(
  kept: KeptPointer,
  { store, policy, mirrorId }: HistoryContext,
): Promise<KeptIndex | undefined> {
  const pointer = await readKeptPointer(store, kept.key, policy, []);
  if (pointer === undefined || !isWhatItsNameSays(kept, pointer) || isOfAnother(pointer, mirrorId)) {
    return undefined;
  }
  return pointer.manifest.lineage === undefined ? undefined : pointer;
}

/**
 * Whether a kept pointer has the index, generation and signature that its name claims. Pointers by other tools have no
 * lineage that could contradict the name.
 */
export function isWhatItsNameSays(kept: KeptPointer, pointer: KeptIndex): boolean {
  const { view, generation, isSigned } = kept;
  const { lineage } = pointer.manifest;
  if ((pointer.signedBy !== undefined) !== isSigned) return false;
  if (kept.key !== historyKey(view, generation, pointer.record.checksum, isSigned)) return false;
  if (lineage === undefined) return !isSigned;
  return lineage.generation === generation && lineage.index === indexNameOf(view);
}

/** Whether a pointer says that it belongs to another mirror. */
export function isOfAnother({ manifest }: KeptIndex, mirrorId: string | undefined): boolean {
  const said = manifest.lineage?.mirror;
  return said !== undefined && mirrorId !== undefined && said !== mirrorId;
}
