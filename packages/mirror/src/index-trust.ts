import { mapConcurrently, type ObjectStore } from '@slipway/core';
import {
  classifyKey,
  historyKey,
  indexManifestKey,
  indexManifestPrefix,
  indexNameOf,
  maxIndexBytes,
} from '@slipway/spack-buildcache';
import { type Finding, finding } from './findings.ts';
import {
  type IndexPointer,
  type KeptPointer,
  listHistories,
  listHistory,
  readIndexPointer,
  readKeptPointer,
  readOrFind,
} from './index-pointer.ts';
import type { SignaturePolicy } from './signature-policy.ts';

/** What is planted in a history is read no further than this, of each index. */
const maxKeptReads = 100;
/** No mirror has so many views; what is beyond is not read. */
const maxViews = 1000;
const maxNoted = 20;
const concurrentReads = 16;

/** One index of a mirror, as its pointer and the pointers that were kept of it tell. */
export interface TrustedIndex {
  readonly view: string | undefined;
  /** Undefined where there is none, or none that can be read. */
  readonly pointer: IndexPointer | undefined;
  /** Whether no finding refuses it. A missing one is not refused unless it was there before. */
  readonly isTrusted: boolean;
  /** ETag of the pointer that is there, refused or not. */
  readonly presentEtag: string | undefined;
  /** The newest kept pointer that is what its name says and, on a signed mirror, signed by a trusted key. */
  readonly newestKept: { readonly generation: number; readonly pointer: KeptIndex } | undefined;
  readonly findings: readonly Finding[];
}

export type KeptIndex = Omit<IndexPointer, 'etag'>;

/** What the indexes of a mirror prove about each other. */
export interface IndexTrust {
  /** Some index is signed, or was: then each must be. */
  readonly mustBeSigned: boolean;
  /** What the mirror calls itself in its pointers; undefined where none says. */
  readonly mirrorId: string | undefined;
  readonly main: TrustedIndex;
  readonly views: readonly TrustedIndex[];
  /** Keys among the pointers that are none, because no view can have such a name. */
  readonly misnamed: readonly string[];
  /** What is wrong with none of them in particular. */
  readonly findings: readonly Finding[];
}

export interface TrustQuestion {
  readonly store: ObjectStore;
  readonly policy: SignaturePolicy;
  /** Indexes must be signed here, whatever they were before. */
  readonly requireSigned: boolean;
  /** The views to be looked at besides the main index; every one that is there, or was, without it. */
  readonly views?: readonly string[] | undefined;
}

/** The index of a view, or the main one, in an answer that has it. */
export function trustedIndex(trust: IndexTrust, view: string | undefined): TrustedIndex {
  if (view === undefined) return trust.main;
  return (
    trust.views.find((index) => index.view === view) ?? {
      view,
      pointer: undefined,
      isTrusted: true,
      presentEtag: undefined,
      newestKept: undefined,
      findings: [],
    }
  );
}

/**
 * Judges the pointers of a mirror's indexes: that each is signed where any of them is, is the index that its place says, of
 * this mirror, and was not replaced before (I4). What is kept of them is listed before they are read, so publishers at
 * work raise no finding. Reads no index. Where nothing can be listed, only the main pointer is looked at.
 */
export async function readIndexTrust(question: TrustQuestion): Promise<IndexTrust> {
  const { store, policy } = question;
  const findings: Finding[] = [];
  const histories = await listQuestioned(question);
  const misnamed: string[] = [];
  const views = await viewsOf(question, histories, findings, misnamed);
  const reads = await mapConcurrently([undefined, ...views], concurrentReads, (view) =>
    readPresent(store, view, policy),
  );
  const mustBeSigned =
    question.requireSigned ||
    reads.some(({ pointer }) => pointer?.signedBy !== undefined) ||
    (await wasSigned(store, histories, policy));
  const [readMain, ...readViews] = reads;
  if (readMain === undefined) throw new RangeError('the main index is always read');
  const judge = (read: PresentPointer, mirrorId: string | undefined): Promise<JudgedHistory> =>
    judgeHistory(read, histories.get(read.view) ?? [], { store, policy, mustBeSigned, mirrorId });
  const main = await judge(readMain, undefined);
  const mirrorId = mirrorIdOf(main, mustBeSigned);
  const others = await mapConcurrently(readViews, concurrentReads, (read) => judge(read, mirrorId));
  const conclude = (index: JudgedHistory): TrustedIndex => concluded(index, mirrorId, mustBeSigned);
  return { mustBeSigned, mirrorId, main: conclude(main), views: others.map(conclude), misnamed, findings };
}

type Histories = ReadonlyMap<string | undefined, readonly KeptPointer[]>;

async function listQuestioned({ store, views }: TrustQuestion): Promise<Histories> {
  if (!store.listable) return new Map();
  if (views === undefined) return listHistories(store);
  const histories = new Map<string | undefined, readonly KeptPointer[]>();
  for (const view of [undefined, ...views]) histories.set(view, await listHistory(store, view));
  return histories;
}

/** Views that have a pointer, and those that had one. */
async function viewsOf(
  { store, views }: TrustQuestion,
  histories: Histories,
  findings: Finding[],
  misnamed: string[],
): Promise<readonly string[]> {
  if (views !== undefined) return views;
  const found = new Set<string>();
  for (const view of histories.keys()) if (view !== undefined) found.add(view);
  if (store.listable) {
    for await (const { key } of store.list(indexManifestPrefix)) {
      const classified = classifyKey(key);
      if (classified.kind === 'index-manifest' && classified.view !== undefined) found.add(classified.view);
      if (classified.kind === 'unknown') misnamed.push(key);
    }
  }
  if (found.size > maxViews) {
    const what = `the mirror has ${found.size} views, of which only ${maxViews} are looked at`;
    findings.push(finding('index-views-flooded', undefined, what, floodHint));
  }
  return [...found].sort().slice(0, maxViews);
}

const floodHint = 'Find out who stored them, and delete what is not yours.';

interface PresentPointer {
  readonly view: string | undefined;
  readonly pointer: IndexPointer | undefined;
  readonly presentEtag: string | undefined;
  readonly findings: readonly Finding[];
}

async function readPresent(
  store: ObjectStore,
  view: string | undefined,
  policy: SignaturePolicy,
): Promise<PresentPointer> {
  const findings: Finding[] = [];
  const pointer = await readIndexPointer(store, view, policy, findings);
  // Only a refused one is asked for again: a missing one has no finding.
  const presentEtag = pointer?.etag ?? (findings.length === 0 ? undefined : await etagOf(store, view));
  const withHints = findings.map((found) => ({ ...found, hint: found.hint ?? rebuildHint }));
  return { view, pointer, presentEtag, findings: withHints };
}

const rebuildHint = 'Find out who wrote it, then run buildcache-index with operation: rebuild.';

async function etagOf(store: ObjectStore, view: string | undefined): Promise<string | undefined> {
  return (await readOrFind(store, indexManifestKey(view), maxIndexBytes, []))?.info.etag;
}

/**
 * Whether a trusted key signed any pointer that was kept. Their names say which claim to be, so this reads none where no
 * index was ever signed, and what others plant hides none.
 */
async function wasSigned(
  store: ObjectStore,
  histories: Histories,
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

interface JudgedHistory extends PresentPointer {
  readonly newestKept: TrustedIndex['newestKept'];
}

interface HistoryContext {
  readonly store: ObjectStore;
  readonly policy: SignaturePolicy;
  readonly mustBeSigned: boolean;
  /** Undefined where it is not known yet, or nothing says. */
  readonly mirrorId: string | undefined;
}

/** Finds the newest kept pointer that counts. On a signed mirror what is not signed counts for nothing. */
async function judgeHistory(
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
  let newestKept: TrustedIndex['newestKept'];
  let reads = 0;
  for (const kept of candidates.toReversed()) {
    if (reads === maxKeptReads) {
      const what = `more than ${maxKeptReads} files pretend to be pointers that were kept of it`;
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
        'it is not a pointer that this mirror kept, and counts for nothing',
        'Find out who stored it, and delete it. If it was signed by a key that is no longer among trusted-keys, it may be left.',
      ),
    );
  }
  return { ...present, findings, newestKept };
}

/** The kept pointer, if its text says what its name does. What another tool wrote has no place in a series. */
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
 * Whether a kept pointer is of the index, the generation and the signing that its name says. One without lineage, which
 * another tool wrote, says nothing that could contradict its name.
 */
export function isWhatItsNameSays(kept: KeptPointer, pointer: KeptIndex): boolean {
  const { view, generation, isSigned } = kept;
  const { lineage } = pointer.manifest;
  if ((pointer.signedBy !== undefined) !== isSigned) return false;
  if (kept.key !== historyKey(view, generation, pointer.record.checksum, isSigned)) return false;
  if (lineage === undefined) return !isSigned;
  return lineage.generation === generation && lineage.index === indexNameOf(view);
}

/** Whether a pointer says that it belongs to another mirror than this one. */
export function isOfAnother({ manifest }: KeptIndex, mirrorId: string | undefined): boolean {
  const said = manifest.lineage?.mirror;
  return said !== undefined && mirrorId !== undefined && said !== mirrorId;
}

/** What was kept of the main pointer says which mirror this is; where nothing was, the pointer itself. */
function mirrorIdOf(main: JudgedHistory, mustBeSigned: boolean): string | undefined {
  const { pointer, newestKept } = main;
  const kept = newestKept?.pointer.manifest.lineage?.mirror;
  if (kept !== undefined) return kept;
  const isAcceptable = pointer !== undefined && (!mustBeSigned || pointer.signedBy !== undefined);
  if (!isAcceptable || placeProblem(main, pointer) !== undefined) return undefined;
  return pointer.manifest.lineage?.mirror;
}

/** What is wrong with a pointer by what it says of its own place, if anything is. */
function placeProblem(index: PresentPointer, pointer: IndexPointer): string | undefined {
  const { lineage } = pointer.manifest;
  const wanted = indexNameOf(index.view);
  if (pointer.signedBy !== undefined && (lineage?.index === undefined || lineage.mirror === undefined)) {
    return 'it is signed, and does not say which index of which mirror it is';
  }
  if (lineage?.index === undefined || lineage.index === wanted) return undefined;
  return `by what it says it is the pointer of ${described(lineage.index)}`;
}

function described(indexName: string): string {
  return indexName === '@main' ? 'the main index' : `the view ${indexName}`;
}

function concluded(index: JudgedHistory, mirrorId: string | undefined, mustBeSigned: boolean): TrustedIndex {
  const { view, presentEtag, newestKept } = index;
  const findings = [...index.findings];
  const add = (...found: readonly (Finding | undefined)[]): void => {
    findings.push(...found.filter((one) => one !== undefined));
  };
  const { pointer } = index;
  if (pointer === undefined) {
    const isGone = findings.every(({ severity }) => severity !== 'error') && newestKept !== undefined;
    add(isGone ? missingFinding(view) : undefined);
  } else if (mustBeSigned && pointer.signedBy === undefined) add(unsignedFinding(pointer));
  else add(misplacedFinding(index, pointer, mirrorId) ?? lineageFinding(pointer, newestKept));
  const isTrusted = findings.every(({ severity }) => severity !== 'error');
  return { view, pointer, isTrusted, presentEtag, newestKept, findings };
}

function missingFinding(view: string | undefined): Finding {
  const isMain = view === undefined;
  return finding(
    'index-missing',
    indexManifestKey(view),
    isMain
      ? 'the index was there before, and its pointer is gone'
      : `the index of the view ${view} was there before, and its pointer is gone`,
    isMain
      ? 'Find out who removed it, then run buildcache-index with operation: rebuild.'
      : `Find out who removed it. To have it back, run buildcache-index with operation: rebuild and view: ${view}. To be rid of the view, delete ${`slipway/index-history/${view}/`} as well.`,
  );
}

function unsignedFinding(pointer: IndexPointer): Finding {
  return finding(
    'index-unsigned',
    pointer.key,
    'the index is not signed, and it must be',
    'Find out who wrote it, then run buildcache-index with operation: rebuild and a signing-key.',
  );
}

function misplacedFinding(
  index: JudgedHistory,
  pointer: IndexPointer,
  mirrorId: string | undefined,
): Finding | undefined {
  const hint =
    'Somebody put a pointer from elsewhere here. Find out who, then run buildcache-index with operation: rebuild.';
  const problem = placeProblem(index, pointer);
  if (problem !== undefined) return finding('index-misplaced', pointer.key, problem, hint);
  if (!isOfAnother(pointer, mirrorId)) return undefined;
  const { newestKept } = index;
  if (index.view !== undefined || newestKept === undefined)
    return finding('index-misplaced', pointer.key, 'it belongs to another mirror', hint);
  // Which of the two was put there, nobody can tell from the mirror.
  return finding(
    'index-misplaced',
    pointer.key,
    `it belongs to another mirror than the newest that was kept of it, ${newestKept.pointer.key}`,
    'Somebody put one of the two here. Find out which: a kept one has to be deleted, and for a pointer run buildcache-index with operation: rebuild.',
  );
}

/** A publisher keeps the very bytes of the pointer that it signed, so two of a generation were not written one after the other. */
function isAnotherOfItsGeneration(
  pointer: IndexPointer,
  kept: { readonly generation: number; readonly pointer: KeptIndex },
): boolean {
  if (pointer.signedBy === undefined || pointer.manifest.lineage?.generation !== kept.generation)
    return false;
  return Buffer.compare(pointer.bytes, kept.pointer.bytes) !== 0;
}

/**
 * Whether a pointer was put back by hand: its generation was already replaced, or is that of another signed pointer. A
 * pointer without lineage was written by another tool, which is worth a word when ours were there before.
 */
function lineageFinding(pointer: IndexPointer, newestKept: TrustedIndex['newestKept']): Finding | undefined {
  if (newestKept === undefined) return undefined;
  const generation = pointer.manifest.lineage?.generation;
  if (generation === undefined) {
    return finding(
      'index-foreign',
      pointer.key,
      'another tool replaced the index that Slipway wrote',
      'Use buildcache-index, not "spack buildcache update-index", on this mirror.',
    );
  }
  const isOlder = generation < newestKept.generation;
  if (!isOlder && !isAnotherOfItsGeneration(pointer, newestKept)) return undefined;
  const what = isOlder
    ? `it is generation ${generation} of the index, which generation ${newestKept.generation} had replaced already`
    : `it is another generation ${generation} of the index than the one that was kept`;
  return finding(
    'index-frozen',
    pointer.key,
    what,
    'Somebody put an old index back. Find out who, then run buildcache-index with operation: rebuild.',
  );
}
