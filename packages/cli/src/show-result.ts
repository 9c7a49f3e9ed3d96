import { asSlipwayError, counted, type Redactor, type SlipwayError } from '@slipway/core';
import {
  type ActionDefinition,
  type ActionResult,
  collectOutputs,
  contentsText,
  type OutputDeclaration,
  outputValues,
  problemText,
  type ResultFile,
  writeResultFile,
} from '@slipway/runner';
import { standardOutput } from './arguments.ts';
import { lineWriter, type Stream, type Style, type Terminal } from './terminal.ts';
import { outputLines, textBlocks } from './text-layout.ts';

const maxShownProblems = 100;

export interface Showing extends Terminal {
  readonly workDirectory: string;
  readonly redactor: Redactor;
  /** Whether standard output gets the report and all outputs as JSON, and nothing else. */
  readonly json: boolean;
  /** Where outputs are written, as `ParsedArguments.writes`. */
  readonly writes: ReadonlyMap<string, string>;
}

/**
 * Writes the files and outputs that the user named, and shows the result. If something fails, the rest is still written
 * and shown. Returns the first failure.
 */
export async function showResult(
  action: ActionDefinition,
  result: ActionResult,
  showing: Showing,
): Promise<SlipwayError | undefined> {
  const failures: unknown[] = result.failure === undefined ? [] : [result.failure];
  const attempt = async (work: () => void | Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failures.push(error);
    }
  };
  const paths = new Map<string, string>();
  for (const { file, isAnOutput } of filesToWrite(action, result, showing)) {
    await attempt(async () => {
      const directories = { workDirectory: showing.workDirectory, temporaryDirectory: '' };
      const secret = action.outputs[file.output]?.secret === true;
      const path = await writeResultFile(file, directories, showing.redactor, secret);
      if (isAnOutput) paths.set(file.output, path);
    });
  }
  const isTaken = [...showing.writes.values()].includes(standardOutput);
  const readable = isTaken || showing.json ? showing.error : showing.output;
  await attempt(() => {
    if (showing.json) showing.output.write(`${jsonText(action, result, paths, showing.redactor)}\n`);
    else showReadably(action, result, paths, readable, showing);
  });
  await attempt(() => writeToStandardOutput(action, result, showing));
  showProblems(result, readable, showing);
  return failures.length === 0 ? undefined : asSlipwayError(failures[0]);
}

interface FileToWrite {
  readonly file: ResultFile;
  /** Whether its path is the value of the output; otherwise the file contains the value. */
  readonly isAnOutput: boolean;
}

function filesToWrite(
  action: ActionDefinition,
  result: ActionResult,
  showing: Showing,
): readonly FileToWrite[] {
  const placed = result.files
    .filter(({ path }) => path !== undefined)
    .map((file) => ({ file, isAnOutput: true }));
  const asked = [...showing.writes]
    .filter(([, path]) => path !== standardOutput)
    .flatMap(([output, path]): readonly FileToWrite[] => {
      const file = fileOf(action, result, output);
      if (file === undefined) {
        lineWriter(showing.error, showing, showing.redactor).line(
          `This run has no output ${output}, so ${path} is not written.`,
          'yellow',
        );
        return [];
      }
      return [{ file: { ...file, path }, isAnOutput: action.outputs[output]?.kind === 'file' }];
    });
  return [...placed, ...asked];
}

/** The file of an output, or one with its value. Undefined where this run has neither. */
function fileOf(action: ActionDefinition, result: ActionResult, output: string): ResultFile | undefined {
  if (action.outputs[output]?.kind === 'file') return result.files.find((file) => file.output === output);
  const value = result.outputs[output];
  if (value === undefined) return undefined;
  return { output, path: undefined, defaultName: output, contents: value === '' ? '' : `${value}\n` };
}

function writeToStandardOutput(action: ActionDefinition, result: ActionResult, showing: Showing): void {
  const { output: stream, environment, redactor } = showing;
  for (const [output, place] of showing.writes) {
    if (place !== standardOutput) continue;
    const file = fileOf(action, result, output);
    if (file === undefined) {
      lineWriter(showing.error, showing, redactor).line(`This run has no output ${output}.`, 'yellow');
      continue;
    }
    const text = contentsText(file.contents);
    const shown = file.isPublic ? text : redactor.redact(text);
    // Programs get the text unchanged; a terminal, or a runner that looks for commands, gets what is safe to print.
    if (stream.isTTY !== true && environment['GITHUB_ACTIONS'] !== 'true') stream.write(shown);
    else if (shown !== '') lineWriter(stream, showing, redactor).line(shown.replace(/\n$/, ''));
  }
}

/** The report of the run with all of its outputs. */
function jsonText(
  action: ActionDefinition,
  result: ActionResult,
  paths: ReadonlyMap<string, string>,
  redactor: Redactor,
): string {
  const file = result.files.find(({ output }) => output === 'report');
  const report: unknown = file === undefined ? {} : JSON.parse(contentsText(file.contents));
  const outputs = outputValues(action, result.outputs, paths);
  const text = JSON.stringify({ ...(report as object), outputs }, undefined, 2);
  // A runner takes "##[" for a command anywhere in a line. JSON can escape it.
  return redactor.redact(text).replaceAll('##[', '#\\u0023[');
}

function showReadably(
  action: ActionDefinition,
  result: ActionResult,
  paths: ReadonlyMap<string, string>,
  stream: Stream,
  showing: Showing,
): void {
  const writer = lineWriter(stream, showing, showing.redactor);
  const redact = (text: string): string => showing.redactor.redact(text);
  const { values } = collectOutputs(action, result.outputs, paths, Number.POSITIVE_INFINITY);
  const shown = [...values]
    .filter(([, value]) => value !== '')
    .map(([name, value]) => {
      const isHidden = isSecret(action.outputs[name]) && result.askedFor?.includes(name) !== true;
      return [name, isHidden ? hiddenText(name, value) : redact(value)] as const;
    });
  const lines = [...textBlocks(result.summary, redact), ''];
  if (shown.length > 0) lines.push(...outputLines(shown), '');
  const unwritten = result.files.map(({ output }) => output).filter((name) => !paths.has(name));
  if (unwritten.length > 0)
    lines.push(`Not written: ${unwritten.join(', ')}. --write NAME=FILE writes one.`, '');
  let blank = true;
  for (const line of lines) {
    if (line !== '' || !blank) writer.line(line);
    blank = line === '';
  }
}

/** Whether the value is secret. The path of a secret file is not. */
function isSecret(output: OutputDeclaration | undefined): boolean {
  return output?.secret === true && output.kind !== 'file';
}

function hiddenText(name: string, value: string): string {
  const lines = counted(value.split('\n').length, 'line');
  return `hidden (${lines}): --write ${name}=FILE writes it to a file only you can read, --write ${name}=- prints it`;
}

function showProblems(result: ActionResult, stream: Stream, showing: Showing): void {
  const writer = lineWriter(stream, showing, showing.redactor);
  const styles: Readonly<Record<string, Style>> = { error: 'red', warning: 'yellow', notice: 'cyan' };
  const ranks = { error: 0, warning: 1, notice: 2 } as const;
  const worstFirst = result.problems.toSorted((a, b) => ranks[a.severity] - ranks[b.severity]);
  for (const problem of worstFirst.slice(0, maxShownProblems)) {
    writer.line(`${problem.severity} ${problem.code}: ${problemText(problem)}`, styles[problem.severity]);
  }
  const more = result.problems.length - maxShownProblems;
  if (more > 0) writer.line(`… and ${counted(more, 'more problem')}; --json shows all of them.`);
}
