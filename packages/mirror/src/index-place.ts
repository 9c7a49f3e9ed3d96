import { indexManifestKey, indexNameOf } from '@slipway/spack-buildcache';
import { type Finding, finding } from './findings.ts';
import {
  isOfAnother,
  type JudgedHistory,
  type KeptIndex,
  type NewestKept,
  type PresentPointer,
} from './index-history.ts';
import type { IndexPointer } from './index-pointer.ts';

/** The mirror's own name: from the kept main pointers, or from the main pointer if none was kept. */
export function mirrorIdOf(main: JudgedHistory, mustBeSigned: boolean): string | undefined {
  const { pointer, newestKept } = main;
  const kept = newestKept?.pointer.manifest.lineage?.mirror;
  if (kept !== undefined) return kept;
  const isAcceptable = pointer !== undefined && (!mustBeSigned || pointer.signedBy !== undefined);
  if (!isAcceptable || placeProblem(main, pointer) !== undefined) return undefined;
  return pointer.manifest.lineage?.mirror;
}

/** Explains what is wrong with where a pointer says it belongs, if anything. */
function placeProblem(index: PresentPointer, pointer: IndexPointer): string | undefined {
  const { lineage } = pointer.manifest;
  const wanted = indexNameOf(index.view);
  if (pointer.signedBy !== undefined && (lineage?.index === undefined || lineage.mirror === undefined)) {
    return 'it is signed, but does not say which index of which mirror it is';
  }
  if (lineage?.index === undefined || lineage.index === wanted) return undefined;
  return `it says that it is the pointer of ${described(lineage.index)}`;
}

function described(indexName: string): string {
  return indexName === '@main' ? 'the main index' : `the view ${indexName}`;
}

export function missingFinding(view: string | undefined): Finding {
  const isMain = view === undefined;
  return finding(
    'index-missing',
    indexManifestKey(view),
    isMain
      ? 'the index was there before, and its pointer is gone'
      : `the index of the view ${view} was there before, and its pointer is gone`,
    isMain
      ? 'Find out who removed it, then run buildcache-index with operation: rebuild.'
      : `Find out who removed it. To restore it, run buildcache-index with operation: rebuild and view: ${view}. To remove the view, delete ${`slipway/index-history/${view}/`} as well.`,
  );
}

export function unsignedFinding(pointer: IndexPointer): Finding {
  return finding(
    'index-unsigned',
    pointer.key,
    'the index is not signed, but must be',
    'Find out who wrote it, then run buildcache-index with operation: rebuild and a signing-key.',
  );
}

export function misplacedFinding(
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
  // The mirror alone does not show which of the two was put there.
  return finding(
    'index-misplaced',
    pointer.key,
    `it does not belong to the same mirror as the newest earlier pointer, ${newestKept.pointer.key}`,
    'Somebody put one of the two there. Find out which. Delete it if it is the earlier pointer; otherwise run buildcache-index with operation: rebuild.',
  );
}

/**
 * Publishers keep the exact bytes of each pointer they sign, so one of two pointers of the same generation is not from
 * this series.
 */
function isAnotherOfItsGeneration(
  pointer: IndexPointer,
  kept: { readonly generation: number; readonly pointer: KeptIndex },
): boolean {
  if (pointer.signedBy === undefined || pointer.manifest.lineage?.generation !== kept.generation)
    return false;
  return Buffer.compare(pointer.bytes, kept.pointer.bytes) !== 0;
}

/**
 * Whether somebody put an old pointer back: its generation was already replaced, or belongs to another signed pointer.
 * One without lineage comes from another tool, which is worth a note if Slipway wrote earlier ones.
 */
export function lineageFinding(
  pointer: IndexPointer,
  newestKept: NewestKept | undefined,
): Finding | undefined {
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
    ? `it is generation ${generation} of the index, which generation ${newestKept.generation} had already replaced`
    : `it is not the generation ${generation} of the index that was kept`;
  return finding(
    'index-frozen',
    pointer.key,
    what,
    'Somebody put an old index back. Find out who, then run buildcache-index with operation: rebuild.',
  );
}
