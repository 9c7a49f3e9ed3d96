import { mkdirSync, rmSync } from 'node:fs';
import type { Measurement } from './measure.ts';
import { copyWithoutIndex, requireIndexed } from './mirror-state.ts';
import { type Field, newEntryCount, type Plan, plan, running } from './plan.ts';
import { linkedCopy } from './workspace.ts';

/** Publishing signed buildcaches, everything verified, against copying and indexing with nothing verified. */
export function publishPlans(field: Field, entryCount: number): Plan[] {
  return [
    plan('publish onto an empty mirror', entryCount, () => publishAll(field, entryCount)),
    plan(`publish ${newEntryCount} new`, entryCount, () => publishNew(field, entryCount)),
  ];
}

type Parts = Pick<Measurement, 'ours' | 'peer' | 'aim'>;

async function publishAll({ workspace, slipway, spack }: Field, entryCount: number): Promise<Parts> {
  const staged = workspace.path('run-staged');
  copyWithoutIndex(await workspace.signedMirror(entryCount), staged);
  const key = await workspace.signingKey();
  const target = workspace.path('run-target');
  const prepare = (): void => {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
  };
  return {
    ours: {
      label: 'buildcache-publish',
      prepare,
      run: running(slipway.publish(staged, target, key)),
      check: () => requireIndexed(target, entryCount),
      pieces: 1,
    },
    peer:
      spack === undefined
        ? undefined
        : {
            label: 'cp, then spack update-index',
            prepare,
            run: running(spack.copyAndUpdateIndex(staged, target)),
            check: () => requireIndexed(target, entryCount),
            pieces: 1,
          },
    aim: undefined,
  };
}

async function publishNew({ workspace, slipway, spack }: Field, entryCount: number): Promise<Parts> {
  const source = await workspace.signedMirror(entryCount);
  const staged = await workspace.signedStaged(newEntryCount, entryCount);
  const key = await workspace.signingKey();
  const ours = workspace.path('run-slipway');
  const theirs = workspace.path('run-spack');
  return {
    ours: {
      label: 'buildcache-publish',
      prepare: () => linkedCopy(source, ours),
      run: running(slipway.publish(staged, ours, key)),
      check: () => requireIndexed(ours, entryCount + newEntryCount),
      pieces: 1,
    },
    peer:
      spack === undefined
        ? undefined
        : {
            label: 'cp, then spack update-index',
            // Spack may write into the pointer, which a linked copy would share.
            prepare: () => copyWithoutIndex(source, theirs),
            run: running(spack.copyAndUpdateIndex(staged, theirs)),
            check: () => requireIndexed(theirs, entryCount + newEntryCount),
            pieces: 1,
          },
    aim: undefined,
  };
}
