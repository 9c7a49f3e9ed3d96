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

export interface Observed {
  readonly directory: string;
  readonly seed: number;
  /** All variables that the programs get. Some are secret, so they are not part of the plan. */
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly processors: number;
}

/** What a run depends on besides its inputs: this machine, its variables, and chance. */
export function observe(
  given: Pick<Inputs, 'workingDirectory' | 'seed' | 'environment'>,
  { clock, environment, workDirectory }: Pick<ActionContext, 'clock' | 'environment' | 'workDirectory'>,
  platform: NodeJS.Platform = process.platform,
): Observed {
  const names = [...ownVariables, ...(platform === 'win32' ? windowsVariables : []), ...given.environment];
  const valuesOf = (some: readonly string[]): readonly (readonly [string, string])[] =>
    some.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value] as const];
    });
  const secretNames = given.environment.filter((name) => !publicVariables.includes(name));
  return {
    directory: resolve(workDirectory, given.workingDirectory ?? ''),
    seed: given.seed ?? Math.floor(clock.random() * maxSeed),
    environment: Object.fromEntries(valuesOf(names)),
    secrets: valuesOf(secretNames).map(([, value]) => value),
    processors: availableParallelism(),
  };
}
