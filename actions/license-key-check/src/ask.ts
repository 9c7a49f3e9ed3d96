import { counted, mapConcurrently } from '@slipway/core';
import { fillIn } from './command-line.ts';
import { type Customer, customerVariable } from './customer.ts';
import type { Program } from './plan.ts';
import type { ProcessRequest, ProcessResult } from './process.ts';

/** Runs a program with what every program of a run shares: directory, variables, timeout, interruption. */
export type RunProgram = (
  request: Pick<ProcessRequest, 'command' | 'stdin' | 'maxStdoutBytes'> & {
    readonly variables: Readonly<Record<string, string>>;
  },
) => Promise<ProcessResult>;

export interface Question {
  readonly customer: Customer;
  /** What the validator shall judge. */
  readonly key?: string;
}

/** Why there is no answer; `stderr` is hostile. */
export interface Trouble {
  readonly what: string;
  readonly stderr: string;
}

export type Reply<Answer> =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'trouble'; readonly trouble: Trouble };

/** How a program's answers are read. Each gives the answer, or what is wrong with it as the end of "the generator …". */
export interface Reading<Answer> {
  readonly ofProcess: (
    status: number,
    stdout: string,
  ) => { readonly answer: Answer } | { readonly wrong: string };
  readonly ofLine: (line: unknown) => { readonly answer: Answer } | { readonly wrong: string };
}

export interface AskOptions {
  readonly name: 'generator' | 'validator';
  readonly program: Program;
  readonly run: RunProgram;
  readonly concurrency: number;
}

/** The time of the whole check is over. */
export class OutOfTime extends Error {}

const maxStdoutBytes = 64 * 1024;
const maxLineBytes = 8 * 1024;
const maxLinesOfProcess = 1_000;

/**
 * Asks a program each question and gives the replies in their order, up to the first trouble: what comes after it need
 * not be there. Throws `OutOfTime`.
 */
export async function askAll<Answer>(
  questions: readonly Question[],
  options: AskOptions,
  reading: Reading<Answer>,
): Promise<readonly Reply<Answer>[]> {
  if (options.program.transport !== 'json-lines') {
    return mapConcurrently(questions, options.concurrency, (question) => askOne(question, options, reading));
  }
  const replies: Reply<Answer>[] = [];
  for (let from = 0; from < questions.length; from += maxLinesOfProcess) {
    replies.push(...(await askMany(questions.slice(from, from + maxLinesOfProcess), options, reading)));
    if (replies.at(-1)?.kind === 'trouble') break;
  }
  return replies;
}

async function askOne<Answer>(
  question: Question,
  { name, program, run }: AskOptions,
  reading: Reading<Answer>,
): Promise<Reply<Answer>> {
  const { command, transport } = program;
  const fields = fieldsOf(question);
  const texts = Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, String(value)]));
  const { ending, stderr } = await run({
    command: fillIn(command, texts),
    stdin: transport === 'json' ? `${JSON.stringify(fields)}\n` : undefined,
    variables: transport === 'environment' ? variablesOf(question) : {},
    maxStdoutBytes,
  });
  const read = ending.kind === 'exited' ? reading.ofProcess(ending.status, ending.stdout) : troubleOf(ending);
  return 'answer' in read
    ? { kind: 'answer', answer: read.answer }
    : { kind: 'trouble', trouble: { what: `the ${name} ${read.wrong}`, stderr } };
}

/**
 * Asks many questions of one process. When something is wrong, which question it was is found by halves: a process that
 * crashed may have answers that it never wrote.
 */
async function askMany<Answer>(
  questions: readonly Question[],
  options: AskOptions,
  reading: Reading<Answer>,
): Promise<readonly Reply<Answer>[]> {
  const { name, program, run } = options;
  const { ending, stderr } = await run({
    command: program.command,
    stdin: questions.map((question) => `${JSON.stringify(fieldsOf(question))}\n`).join(''),
    variables: {},
    maxStdoutBytes: questions.length * maxLineBytes + maxStdoutBytes,
  });
  const read = ending.kind === 'exited' ? readLines(questions.length, ending, reading) : troubleOf(ending);
  if ('answers' in read) return read.answers.map((answer) => ({ kind: 'answer', answer }));
  const half = Math.ceil(questions.length / 2);
  if (half < questions.length) {
    const first = await askMany(questions.slice(0, half), options, reading);
    if (first.at(-1)?.kind === 'trouble') return first;
    const second = await askMany(questions.slice(half), options, reading);
    if (second.at(-1)?.kind === 'trouble') return [...first, ...second];
  }
  const together =
    half < questions.length
      ? ` when it is asked ${questions.length} at once, and answers them in two halves`
      : '';
  return [{ kind: 'trouble', trouble: { what: `the ${name} ${read.wrong}${together}`, stderr } }];
}

function readLines<Answer>(
  count: number,
  { status, stdout }: { readonly status: number; readonly stdout: string },
  reading: Reading<Answer>,
): { readonly answers: readonly Answer[] } | { readonly wrong: string } {
  if (status !== 0) return { wrong: `ended with the status ${status}` };
  const lines = stdout.replace(/\r?\n$/, '').split(/\r?\n/);
  if (lines.length !== count) {
    return {
      wrong: `answered ${counted(count, 'line')} with ${stdout === '' ? 'nothing' : counted(lines.length, 'line')}`,
    };
  }
  const answers: Answer[] = [];
  for (const line of lines) {
    const read = reading.ofLine(parseLine(line));
    if ('wrong' in read) return read;
    answers.push(read.answer);
  }
  return { answers };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function troubleOf(ending: Exclude<ProcessResult['ending'], { kind: 'exited' }>): { readonly wrong: string } {
  switch (ending.kind) {
    case 'signalled':
      return { wrong: `was ended by ${ending.signal}` };
    case 'timed-out':
      return { wrong: 'took longer than command-timeout and was ended' };
    case 'printed-too-much':
      return { wrong: 'printed more than an answer can be, and was ended' };
    case 'printed-no-text':
      return { wrong: 'printed what is no UTF-8' };
    case 'not-started':
      return { wrong: `cannot be started (${ending.reason})` };
    case 'interrupted':
      throw new OutOfTime();
  }
}

function fieldsOf({ customer, key }: Question): Readonly<Record<string, string | number>> {
  return key === undefined ? customer : { ...customer, key };
}

function variablesOf({ customer, key }: Question): Readonly<Record<string, string>> {
  const variables = Object.entries(customer).map(([field, value]) => [
    customerVariable(field),
    String(value),
  ]);
  return { ...Object.fromEntries(variables), ...(key === undefined ? {} : { LICENSE_KEY: key }) };
}
