import type { Contender } from './measure.ts';
import type { Plan } from './plan.ts';
import { runProcess } from './process.ts';
import { actionBundles } from './slipway.ts';

/** From the start of each bundled action to its first line, against Node printing a line. */
export function startPlans(): Plan[] {
  const node = (label: string, args: readonly string[], exitCodes: readonly number[]): Contender => ({
    label,
    run: () => runProcess({ program: process.execPath, args }, exitCodes),
    pieces: 1,
  });
  return [...actionBundles()].map(([action, bundle]): Plan => {
    const name = `first line of ${action}`;
    return {
      name,
      minRuns: 15,
      prepare: async () => ({
        name,
        entryCount: undefined,
        clock: 'first-line',
        // Without its inputs an action fails, after it has printed its first line.
        ours: node(action, [bundle], [0, 1]),
        peer: node('node -p 0', ['-p', '0'], [0]),
        aim: { kind: 'extra-ms', atMost: 150 },
      }),
    };
  });
}
