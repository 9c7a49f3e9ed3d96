import type { Environment } from '@slipway/core';
import type { RunProgram } from './ask.ts';
import { runProcess } from './process.ts';

/** By `RUNNER_TRACKING_ID` the runner finds and ends what a job leaves behind; Windows starts nothing without its own. */
const ownVariables = ['PATH', 'HOME', 'RUNNER_TRACKING_ID'];
const windowsVariables = ['SystemRoot', 'PATHEXT', 'TEMP', 'USERPROFILE'];

export interface ProgramSurroundings {
  readonly directory: string;
  readonly environment: Environment;
  /** Names of further variables that programs get. */
  readonly variables: readonly string[];
  readonly timeoutMs: number;
  readonly interrupt: AbortSignal;
}

/** Runs programs with nothing of this step's variables but what they need and what is named: no token of the runner. */
export function programRunner(surroundings: ProgramSurroundings): RunProgram {
  const { directory, environment, variables, timeoutMs, interrupt } = surroundings;
  const names = [...ownVariables, ...(process.platform === 'win32' ? windowsVariables : []), ...variables];
  const passed = Object.fromEntries(
    names.flatMap((name): [string, string][] => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  return ({ command, stdin, maxStdoutBytes, variables: own }) =>
    runProcess({
      command,
      directory,
      environment: { ...passed, ...own },
      stdin,
      timeoutMs,
      maxStdoutBytes,
      interrupt,
    });
}
