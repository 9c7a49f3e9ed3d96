import { mapConcurrently, type ObjectStore } from '@slipway/core';
import { classifyKey, indexManifestKey, indexManifestPrefix, maxIndexBytes } from '@slipway/spack-buildcache';
import { type Finding, finding } from './findings.ts';
import {
  floodHint,
  type JudgedHistory,
  judgeHistory,
  type NewestKept,
  type PresentPointer,
  wasSigned,
} from './index-history.ts';
import {
  lineageFinding,
  mirrorIdOf,
  misplacedFinding,
  missingFinding,
  unsignedFinding,
} from './index-place.ts';
import {
  type IndexPointer,
  type KeptPointer,
  listHistories,
  listHistory,
  readIndexPointer,
  readOrFind,
} from './index-pointer.ts';
import type { SignaturePolicy } from './signature-policy.ts';

/** Limits how many views are read; no mirror has so many. */
const maxViews = 1000;
const concurrentReads = 16;

/** One index of a mirror, judging by its pointer and the kept ones. */
export interface TrustedIndex {
  readonly view: string | undefined;
  /** Undefined if there is none that can be read. */
  readonly pointer: IndexPointer | undefined;
  /** True if no finding refuses it. A missing one is refused only if it existed before. */
  readonly isTrusted: boolean;
  /** ETag of the present pointer, refused or not. */
  readonly presentEtag: string | undefined;
  /** The newest kept pointer that matches its name and, on a signed mirror, has a trusted signature. */
  readonly newestKept: NewestKept | undefined;
  readonly findings: readonly Finding[];
}

/** What the indexes of a mirror prove about each other. */
export interface IndexTrust {
  /** If any index is or was signed, all of them must be. */
  readonly mustBeSigned: boolean;
  /** The mirror's name in its pointers; undefined if none states it. */
  readonly mirrorId: string | undefined;
  readonly main: TrustedIndex;
  readonly views: readonly TrustedIndex[];
  /** Keys of files beside the pointers that cannot be pointers, because views cannot have such names. */
  readonly misnamed: readonly string[];
  /** Problems that do not belong to a single index. */
  readonly findings: readonly Finding[];
}

export interface TrustQuestion {
  readonly store: ObjectStore;
  readonly policy: SignaturePolicy;
  /** Require signed indexes, whatever they were before. */
  readonly requireSigned: boolean;
  /** The views to read besides the main index; by default, all that exist or existed. */
  readonly views?: readonly string[] | undefined;
}

/** The index of a view, or the main one, from an answer that includes it. */
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
 * Judges the pointers of a mirror: each must be signed if any is, be the index that its place says, belong to this mirror,
 * and not have been replaced before (I4). Kept pointers are listed before the present ones are read, so that publishers at
 * work cause no finding. Reads no index. If nothing can be listed, only the main pointer is judged.
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

/** Views that have, or had, a pointer. */
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
    const what = `the mirror has ${found.size} views, and only ${maxViews} of them are checked`;
    findings.push(finding('index-views-flooded', undefined, what, floodHint));
  }
  return [...found].sort().slice(0, maxViews);
}

async function readPresent(
  store: ObjectStore,
  view: string | undefined,
  policy: SignaturePolicy,
): Promise<PresentPointer> {
  const findings: Finding[] = [];
  const pointer = await readIndexPointer(store, view, policy, findings);
  // Only a refused one is read again: a missing one has no finding.
  const presentEtag = pointer?.etag ?? (findings.length === 0 ? undefined : await etagOf(store, view));
  const withHints = findings.map((found) => ({ ...found, hint: found.hint ?? rebuildHint }));
  return { view, pointer, presentEtag, findings: withHints };
}

const rebuildHint = 'Find out who wrote it, then run buildcache-index with operation: rebuild.';

async function etagOf(store: ObjectStore, view: string | undefined): Promise<string | undefined> {
  return (await readOrFind(store, indexManifestKey(view), maxIndexBytes, []))?.info.etag;
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
