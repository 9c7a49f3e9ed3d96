import { setEnvironmentData } from 'node:worker_threads';
import { asSlipwayError, type Clock, printable, Redactor } from '@slipway/core';
import {
  type ActionDefinition,
  failureStack,
  failureText,
  parseInputs,
  secretForms,
  version,
} from '@slipway/runner';
import { parseArguments } from './arguments.ts';
import { closest } from './closest.ts';
import { actionHelp, generalHelp } from './help.ts';
import { readInputTexts, type Sources } from './input-sources.ts';
import type { ActionRegistry } from './registry.ts';
import { showResult } from './show-result.ts';
import { lineWriter, type Terminal, terminalProgress } from './terminal.ts';

/** The key under which worker threads find the name of their action. */
export const workerActionKey = 'slipway-action';

export interface CommandSurroundings extends Terminal {
  readonly registry: ActionRegistry;
  readonly open: Sources['open'];
  readonly clock: Clock;
  readonly workDirectory: string;
  readonly workerEntry: string | undefined;
  /** Called with the redactor of the run, before any secret is read. */
  readonly onRedactor?: ((redactor: Redactor) => void) | undefined;
}

/** 0: done, 1: failed, 2: the arguments are wrong. */
export type ExitStatus = 0 | 1 | 2;

/** Runs `slipway` with `args` (without the program's name). */
export async function runCommand(
  args: readonly string[],
  surroundings: CommandSurroundings,
): Promise<ExitStatus> {
  const { registry, output, error } = surroundings;
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    (name === undefined ? error : output).write(
      generalHelp(Object.entries(registry).map(([action, { description }]) => [action, description])),
    );
    return name === undefined ? 2 : 0;
  }
  // No input has this name, and no flag takes a value that begins with a dash.
  if (args.includes('--version')) {
    output.write(`${version}\n`);
    return 0;
  }
  if (name.startsWith('-')) {
    error.write('Flags must come after the name of the action: slipway ACTION [--input value …]\n');
    return 2;
  }
  const entry = Object.hasOwn(registry, name) ? registry[name] : undefined;
  if (entry === undefined) {
    const match = closest(name, Object.keys(registry));
    const suggestion = match === undefined ? '"slipway --help" lists them' : `did you mean ${match}?`;
    error.write(`There is no action "${printable(name, 80)}" (${suggestion}).\n`);
    return 2;
  }
  const { action } = await entry.load();
  setEnvironmentData(workerActionKey, name);
  return runAction(action, rest, surroundings);
}

async function runAction(
  action: ActionDefinition,
  args: readonly string[],
  surroundings: CommandSurroundings,
): Promise<ExitStatus> {
  const { given, flags, writes, refused, problems } = parseArguments(args, action);
  if (flags.has('help')) {
    surroundings.output.write(actionHelp(action));
    return 0;
  }
  const redactor = new Redactor();
  surroundings.onRedactor?.(redactor);
  const mask = (secret: string): void => {
    for (const form of secretForms(secret)) redactor.add(form);
  };
  const sources = { environment: surroundings.environment, open: surroundings.open };
  const read = await readInputTexts(action.inputs, given, sources);
  for (const [name, text] of read.texts) {
    if (action.inputs[name]?.secret === true) mask(text);
  }
  const messages = lineWriter(surroundings.error, surroundings, redactor);
  const tell = (error: unknown): void => {
    const failure = asSlipwayError(error);
    messages.line(failureText(action.name, failure), 'red');
    if (flags.has('debug')) messages.line(failureStack(failure), 'dim');
  };
  let inputs: Awaited<ReturnType<typeof parseInputs>>;
  try {
    const texts = {
      textOf: (name: string) => read.texts.get(name),
      isRefused: (name: string) => refused.has(name) || read.refused.has(name),
      spell: (name: string) => `--${name}`,
      problems: [...problems, ...read.problems],
    };
    inputs = await parseInputs(action, texts, surroundings);
  } catch (error) {
    tell(error);
    messages.line(`"slipway ${action.name} --help" explains its inputs.`);
    return 2;
  }
  const progress = terminalProgress(surroundings, redactor, surroundings.clock, flags.has('debug'));
  try {
    const { clock, workDirectory, environment, workerEntry } = surroundings;
    const context = { progress, clock, workDirectory, environment, mask, workerEntry };
    const result = await action.run(inputs, context);
    progress.finish();
    const { output, error } = surroundings;
    const json = flags.has('json');
    const showing = { output, error, environment, workDirectory, redactor, json, writes };
    const failure = await showResult(action, result, showing);
    if (failure === undefined) return 0;
    tell(failure);
  } catch (error) {
    progress.finish();
    tell(error);
  }
  return 1;
}
