import { setEnvironmentData } from 'node:worker_threads';
import { asSlipwayError, type Clock, counted, printable, Redactor, type SlipwayError } from '@slipway/core';
import {
  type ActionDefinition,
  type ActionResult,
  collectOutputs,
  contentsText,
  failureStack,
  failureText,
  parseInputs,
  problemText,
  secretForms,
  version,
  writeResultFile,
} from '@slipway/runner';
import { parseArguments } from './arguments.ts';
import { closest } from './closest.ts';
import { actionHelp, generalHelp } from './help.ts';
import { readInputTexts, type Sources } from './input-sources.ts';
import type { ActionRegistry } from './registry.ts';
import { lineWriter, type Style, type Terminal, terminalProgress } from './terminal.ts';
import { outputLines, textBlocks } from './text-layout.ts';

/** Where worker threads of the CLI find which action they belong to. */
export const workerActionKey = 'slipway-action';

const maxShownProblems = 100;

export interface CommandSurroundings extends Terminal {
  readonly registry: ActionRegistry;
  readonly open: Sources['open'];
  readonly clock: Clock;
  readonly workDirectory: string;
  readonly workerEntry: string | undefined;
  /** Called with what knows the secrets, before any is read. */
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
  // No input is called so, and no flag takes what begins with a dash for its value.
  if (args.includes('--version')) {
    output.write(`${version}\n`);
    return 0;
  }
  if (name.startsWith('-')) {
    error.write('Flags stand after the name of the action: slipway ACTION [--input value …]\n');
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
  const { given, flags, refused, problems } = parseArguments(args, action.inputs);
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
    const failure = await showResult(action, result, flags.has('json'), redactor, surroundings);
    if (failure === undefined) return 0;
    tell(failure);
  } catch (error) {
    progress.finish();
    tell(error);
  }
  return 1;
}

/** Writes the files that the user named, and shows the result. Returns the first failure. */
async function showResult(
  action: ActionDefinition,
  result: ActionResult,
  json: boolean,
  redactor: Redactor,
  surroundings: CommandSurroundings,
): Promise<SlipwayError | undefined> {
  const failures: unknown[] = result.failure === undefined ? [] : [result.failure];
  const paths = new Map<string, string>();
  for (const file of result.files.filter(({ path }) => path !== undefined)) {
    try {
      const directories = { workDirectory: surroundings.workDirectory, temporaryDirectory: '' };
      paths.set(file.output, await writeResultFile(file, directories, redactor));
    } catch (error) {
      failures.push(error);
    }
  }
  try {
    const { values } = collectOutputs(action, result.outputs, paths, Number.POSITIVE_INFINITY);
    const outputs = [...values].filter(([, value]) => value !== '');
    if (json) {
      const report = result.files.find(({ output }) => output === 'report');
      const text =
        (report && contentsText(report.contents)) ??
        JSON.stringify({ outputs: Object.fromEntries(outputs) }, undefined, 2);
      surroundings.output.write(`${redactor.redact(text).trimEnd()}\n`);
    } else {
      showReadably(result, outputs, redactor, surroundings);
    }
  } catch (error) {
    failures.push(error);
  }
  showProblems(result, json, redactor, surroundings);
  return failures.length === 0 ? undefined : asSlipwayError(failures[0]);
}

function showReadably(
  result: ActionResult,
  outputs: readonly (readonly [string, string])[],
  redactor: Redactor,
  surroundings: CommandSurroundings,
): void {
  const writer = lineWriter(surroundings.output, surroundings, redactor);
  const redact = (text: string): string => redactor.redact(text);
  const lines = [...textBlocks(result.summary, redact), ''];
  if (outputs.length > 0) {
    lines.push(...outputLines(outputs.map(([name, value]) => [name, redact(value)])), '');
  }
  let blank = true;
  for (const line of lines) {
    if (line !== '' || !blank) writer.line(line);
    blank = line === '';
  }
}

function showProblems(
  result: ActionResult,
  json: boolean,
  redactor: Redactor,
  surroundings: CommandSurroundings,
): void {
  const writer = lineWriter(json ? surroundings.error : surroundings.output, surroundings, redactor);
  const styles: Readonly<Record<string, Style>> = { error: 'red', warning: 'yellow', notice: 'cyan' };
  const ranks = { error: 0, warning: 1, notice: 2 } as const;
  const worstFirst = result.problems.toSorted((a, b) => ranks[a.severity] - ranks[b.severity]);
  for (const problem of worstFirst.slice(0, maxShownProblems)) {
    writer.line(`${problem.severity} ${problem.code}: ${problemText(problem)}`, styles[problem.severity]);
  }
  const more = result.problems.length - maxShownProblems;
  if (more > 0) writer.line(`… and ${counted(more, 'more problem')}; --json shows all of them.`);
}
