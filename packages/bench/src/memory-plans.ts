import type { Contender } from './measure.ts';
import { copyWithoutIndex, requireIndexed } from './mirror-state.ts';
import { type Field, newEntryCount, type Plan, plan, running } from './plan.ts';
import { addFiles, linkedCopy } from './workspace.ts';

const belowBytes = 512e6;

/** Memory with this many entries, unsigned so that the mirror is made in minutes; one run each. */
export function memoryPlans({ workspace, slipway }: Field, entryCount: number): Plan[] {
  const target = workspace.path('run-memory');
  const once = (name: string, ours: () => Promise<Omit<Contender, 'label' | 'pieces'>>): Plan => ({
    ...plan(`memory: ${name}`, entryCount, async () => ({
      ours: { label: name, pieces: 1, ...(await ours()) },
      peer: undefined,
      aim: { kind: 'peak-rss', belowBytes },
    })),
    maxRuns: 1,
  });
  return [
    once('rebuild', async () => {
      const source = await workspace.unsignedMirror(entryCount);
      return {
        prepare: () => copyWithoutIndex(source, target),
        run: running(slipway.rebuildIndex(target, undefined)),
        check: () => requireIndexed(target, entryCount),
      };
    }),
    once(`update with ${newEntryCount} new`, async () => {
      const source = await workspace.unsignedMirror(entryCount);
      const added = await workspace.staged(newEntryCount, entryCount);
      return {
        prepare: () => {
          linkedCopy(source, target);
          addFiles(added, target);
        },
        run: running(slipway.updateIndex(target, undefined)),
        check: () => requireIndexed(target, entryCount + newEntryCount),
      };
    }),
    once('verify full', async () => {
      const mirror = await workspace.unsignedMirror(entryCount);
      return { run: running(slipway.verify(mirror, 'full', undefined)) };
    }),
  ];
}
