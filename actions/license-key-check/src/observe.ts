import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { ActionContext } from '@slipway/runner';
import type { Inputs } from './inputs.ts';

/** The runner finds what a job leaves behind by `RUNNER_TRACKING_ID`. */
const ownVariables = ['PATH', 'HOME', 'RUNNER_TRACKING_ID'];
/** Windows starts no program without these. */
const windowsVariables = ['SystemRoot', 'PATHEXT', 'TEMP', 'USERPROFILE'];
const publicVariables = ['PATH', 'HOME'];
const maxSeed = 2 ** 31;

/** What a run depends on besides its inputs: this machine, its variables, and chance. */
export function observe(
  given: Pick<Inputs, 'workingDirectory' | 'seed' | 'environment'>,
  { clock, environment, workDirectory }: Pick<ActionContext, 'clock' | 'environment' | 'workDirectory'>,
  platform: NodeJS.Platform = process.platform,
) {
  const own = [...ownVariables, ...(platform === 'win32' ? windowsVariables : []), ...given.environment];
  const secretNames = given.environment.filter((name) => !publicVariables.includes(name));
  const variablesOf = (names: readonly string[]): Readonly<Record<string, string>> =>
    Object.fromEntries(
      names.flatMap((name) => {
        const value = environment[name];
        return value === undefined ? [] : [[name, value]];
      }),
    );
  return {
    directory: resolve(workDirectory, given.workingDirectory ?? ''),
    seed: given.seed ?? Math.floor(clock.random() * maxSeed),
    /** All variables that the programs get. Some are secret, so they are not part of the plan. */
    environment: variablesOf(own),
    secrets: Object.values(variablesOf(secretNames)),
    concurrency: availableParallelism(),
  };
}
