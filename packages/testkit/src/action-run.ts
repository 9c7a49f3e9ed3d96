import { type Clock, silentProgress, systemClock } from '@slipway/core';
import {
  type ActionDefinition,
  type ActionResult,
  contentsText,
  type InputDeclarations,
  parseInputs,
} from '@slipway/runner';
import { temporaryDirectory } from './fixtures.ts';

export interface ActionRunOptions<Declarations extends InputDeclarations = InputDeclarations> {
  readonly clock?: Clock;
  /** The base of relative paths; by default, a new empty directory. */
  readonly workDirectory?: string;
  /** The variables that the action sees; none when not given. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Runs in place of the action's own `run`, for example on a store that is already open. */
  readonly run?: ActionDefinition<Declarations>['run'];
}

/** The result of an action and the lines that it printed. */
export interface ActionRunResult extends ActionResult {
  readonly log: readonly string[];
  /** Secrets that the action asked to mask. */
  readonly masked: readonly string[];
  /** The JSON of the file that an output names. */
  json(output: string): unknown;
}

/**
 * Runs an action in this process, with its inputs as a workflow writes them. Throws what the action throws; a run that
 * failed after it had something to report returns that, with `failure`.
 */
export async function runAction<Declarations extends InputDeclarations>(
  action: ActionDefinition<Declarations>,
  inputs: Readonly<Record<string, string | boolean | undefined>>,
  options: ActionRunOptions<Declarations> = {},
): Promise<ActionRunResult> {
  const unknown = Object.keys(inputs).filter((name) => !(name in action.inputs));
  if (unknown.length > 0) throw new Error(`${action.name} has no input ${unknown.join(', ')}`);
  const workDirectory = options.workDirectory ?? temporaryDirectory('work');
  const environment = options.environment ?? {};
  const texts = {
    textOf: (name: string) => inputs[name]?.toString(),
    spell: (name: string) => `input "${name}"`,
  };
  const parsed = await parseInputs(action, texts, { workDirectory, environment });
  const log: string[] = [];
  const masked: string[] = [];
  const run = options.run ?? action.run;
  const result = await run(parsed, {
    progress: { ...silentProgress, info: (line) => void log.push(line) },
    clock: options.clock ?? systemClock,
    workDirectory,
    environment,
    mask: (secret) => void masked.push(secret),
  });
  return {
    ...result,
    log,
    masked,
    json(output) {
      const file = result.files.find((candidate) => candidate.output === output);
      if (file === undefined) throw new Error(`${action.name} did not write ${output}`);
      return JSON.parse(contentsText(file.contents));
    },
  };
}

/** The error that a run ends with, whether it is thrown or part of the result. Throws when the run succeeds. */
export async function failureOf(run: Promise<ActionResult>): Promise<Error> {
  let failure: Error | undefined;
  try {
    ({ failure } = await run);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  if (failure === undefined) throw new Error('the run succeeded');
  return failure;
}
