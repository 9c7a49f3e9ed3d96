import type { Measurement } from './measure.ts';
import { copyWithoutIndex, requireIndexed } from './mirror-state.ts';
import { publishedUpdateIndex } from './peers.ts';
import { type Field, newEntryCount, type Plan, plan, running } from './plan.ts';
import { addFiles, linkedCopy } from './workspace.ts';

/**
 * Indexing, against `spack buildcache update-index`, which reads everything again and verifies nothing; on signed mirrors
 * Slipway verifies every signature besides, which is shown without a ratio.
 */
export function indexPlans(field: Field, entryCount: number): Plan[] {
  return [
    plan('rebuild', entryCount, () => rebuild(field, entryCount)),
    plan(`update with ${newEntryCount} new`, entryCount, () => update(field, entryCount)),
    plan('rebuild, signed', entryCount, () => signedRebuild(field, entryCount)),
    plan(`update with ${newEntryCount} new, signed`, entryCount, () => signedUpdate(field, entryCount)),
  ];
}

type Parts = Pick<Measurement, 'ours' | 'peer' | 'aim'>;

async function rebuild({ workspace, slipway, spack }: Field, entryCount: number): Promise<Parts> {
  const source = await workspace.unsignedMirror(entryCount);
  const ours = workspace.path('run-slipway');
  const theirs = workspace.path('run-spack');
  return {
    ours: {
      label: 'buildcache-index',
      prepare: () => copyWithoutIndex(source, ours),
      run: running(slipway.rebuildIndex(ours, undefined)),
      check: () => requireIndexed(ours, entryCount),
      pieces: 1,
    },
    peer:
      spack === undefined
        ? publishedUpdateIndex(entryCount)
        : {
            label: 'spack update-index',
            prepare: () => copyWithoutIndex(source, theirs),
            run: running(spack.updateIndex(theirs)),
            check: () => requireIndexed(theirs, entryCount),
            pieces: 1,
          },
    aim: { kind: 'ratio', atLeast: 60 },
  };
}

async function update({ workspace, slipway, spack }: Field, entryCount: number): Promise<Parts> {
  const source = await workspace.unsignedMirror(entryCount);
  const added = await workspace.staged(newEntryCount, entryCount);
  const ours = workspace.path('run-slipway');
  const theirs = workspace.path('run-spack');
  return {
    ours: {
      label: 'buildcache-index',
      prepare: () => {
        linkedCopy(source, ours);
        addFiles(added, ours);
      },
      run: running(slipway.updateIndex(ours, undefined)),
      check: () => requireIndexed(ours, entryCount + newEntryCount),
      pieces: 1,
    },
    peer:
      spack === undefined
        ? publishedUpdateIndex(entryCount)
        : {
            label: 'spack update-index',
            prepare: () => {
              // Spack may write into the pointer, which a linked copy would share.
              copyWithoutIndex(source, theirs);
              addFiles(added, theirs);
            },
            run: running(spack.updateIndex(theirs)),
            check: () => requireIndexed(theirs, entryCount + newEntryCount),
            pieces: 1,
          },
    aim: { kind: 'ratio', atLeast: 400 },
  };
}

async function signedRebuild({ workspace, slipway }: Field, entryCount: number): Promise<Parts> {
  const source = await workspace.signedMirror(entryCount);
  const key = await workspace.signingKey();
  const target = workspace.path('run-slipway');
  return {
    ours: {
      label: 'buildcache-index',
      prepare: () => copyWithoutIndex(source, target),
      run: running(slipway.rebuildIndex(target, key)),
      check: () => requireIndexed(target, entryCount),
      pieces: 1,
    },
    peer: undefined,
    aim: undefined,
  };
}

async function signedUpdate({ workspace, slipway }: Field, entryCount: number): Promise<Parts> {
  const source = await workspace.signedMirror(entryCount);
  const added = await workspace.signedStaged(newEntryCount, entryCount);
  const key = await workspace.signingKey();
  const target = workspace.path('run-slipway');
  return {
    ours: {
      label: 'buildcache-index',
      prepare: () => {
        linkedCopy(source, target);
        addFiles(added, target);
      },
      run: running(slipway.updateIndex(target, key)),
      check: () => requireIndexed(target, entryCount + newEntryCount),
      pieces: 1,
    },
    peer: undefined,
    aim: undefined,
  };
}
