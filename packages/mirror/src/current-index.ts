import type { ObjectStore } from '@slipway/core';
import type { BlobRecord } from '@slipway/spack-buildcache';
import { type IndexPointer, readIndexSet } from './index-pointer.ts';
import { IndexSet } from './index-set.ts';
import { type IndexTrust, readIndexTrust, trustedIndex } from './index-trust.ts';
import { refuseOnErrors } from './refusal.ts';
import type { SignaturePolicy } from './signature-policy.ts';

/** What a new pointer continues. */
export interface IndexSeries {
  /** See `IndexTrust`. */
  readonly mustBeSigned: boolean;
  readonly mirrorId: string | undefined;
  /** The highest generation that counts, present or kept; 0 if there is none. */
  readonly newestGeneration: number;
}

export interface CurrentIndex extends IndexSeries {
  readonly pointer: IndexPointer | undefined;
  readonly index: IndexSet;
  /** Other payloads that a new pointer must keep listing; see `IndexPointer`. */
  readonly others: readonly BlobRecord[];
  /** ETag of a refused pointer that is about to be replaced; set instead of `pointer`. */
  readonly unreadableEtag?: string | undefined;
}

interface CurrentQuestion {
  readonly store: ObjectStore;
  readonly view: string | undefined;
  readonly policy: SignaturePolicy;
}

/** The current pointer and index. Throws `UserError` `mirror-refused` if they are refused. */
export async function readCurrentIndex({ store, view, policy }: CurrentQuestion): Promise<CurrentIndex> {
  const views = view === undefined ? [] : [view];
  return readTrustedIndex(store, await readIndexTrust({ store, policy, requireSigned: false, views }), view);
}

/**
 * The index of a view as `trust` judged it. Throws `UserError` `mirror-refused` if it is refused, or leaves it out if
 * it is about to be replaced.
 */
export async function readTrustedIndex(
  store: ObjectStore,
  trust: IndexTrust,
  view: string | undefined,
  replaceUnreadable = false,
): Promise<CurrentIndex> {
  const { pointer, isTrusted, presentEtag, newestKept, findings } = trustedIndex(trust, view);
  const problems = findings.filter(({ severity }) => severity === 'error');
  const index =
    pointer === undefined || (!isTrusted && replaceUnreadable)
      ? new IndexSet()
      : await readIndexSet(store, pointer, problems);
  const isUsable = isTrusted && index !== undefined;
  const generation = isUsable ? (pointer?.manifest.lineage?.generation ?? 0) : 0;
  const series = {
    mustBeSigned: trust.mustBeSigned,
    mirrorId: trust.mirrorId,
    newestGeneration: Math.max(generation, newestKept?.generation ?? 0),
  };
  const others = (isTrusted ? pointer : newestKept?.pointer)?.others ?? [];
  if (isUsable) return { ...series, pointer, index, others };
  if (!replaceUnreadable) {
    const advised = problems.map((problem) => ({ ...problem, hint: problem.hint ?? rebuildHint }));
    refuseOnErrors(advised, 'mirror-refused', `the index of ${store.url} is not usable`);
  }
  return { ...series, pointer: undefined, index: new IndexSet(), others, unreadableEtag: presentEtag };
}

const rebuildHint = 'Find out who damaged it, then run buildcache-index with operation: rebuild.';
