import { parseStrictJson, UserError } from '@slipway/core';
import { fillIn, placeholdersOf } from './command-line.ts';
import type { Customer } from './customer.ts';
import type { Plan, Program } from './plan.ts';
import { type ProcessEnding, type ProcessRequest, type RunningProcess, startProcess } from './process.ts';

/** Why a program gave no answer: `what` ends a sentence that begins with the program. `stderr` is hostile. */
export interface Trouble {
  readonly what: string;
  readonly stderr: string;
}

export type Reply<Answer> =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | ({ readonly kind: 'trouble' } & Trouble);

const notFound = ['ENOENT', 'EACCES', 'ENOTDIR'];

/** The time limit of the whole check has passed. */
export class OutOfTime extends Error {}

const maxUnreadBytes = 64 * 1024;

/** The programs of a plan. Each method asks one question; every answer is that of the right question, or trouble. */
export class Programs {
  readonly #rejectedStatuses: readonly number[];
  readonly #generators: readonly [Asker, Asker];
  readonly #validator: Asker;
  /** Whether the validator reads the key from standard input. */
  readonly #readsKey: boolean;

  /** `environment` is all variables that the programs get. */
  constructor(plan: Plan, environment: Readonly<Record<string, string>>, interrupt: AbortSignal) {
    const { directory, commandTimeoutMs: timeoutMs } = plan;
    const surroundings = { directory, environment, interrupt, timeoutMs };
    const asker = (program: Program): Asker => new Asker(program, surroundings);
    this.#rejectedStatuses = plan.validator.rejectedStatuses;
    this.#generators = [asker(plan.generator), asker(plan.generator)];
    this.#validator = asker(plan.validator);
    this.#readsKey = !placeholdersOf(plan.validator.command).includes('key');
  }

  /** The key of a customer. `second` asks another process than the one that answers the first time. */
  async generate(customer: Customer, time: 'first' | 'second'): Promise<Reply<string>> {
    const raw = await this.#generators[time === 'first' ? 0 : 1].ask(customer, '');
    if (raw.kind === 'trouble') return raw;
    if (raw.kind === 'exited') {
      return raw.status === 0
        ? { kind: 'answer', answer: raw.stdout.replace(/\r?\n$/, '') }
        : trouble(`ended with the status ${raw.status}`, raw.stderr);
    }
    const key = fieldOf(raw.line, 'key');
    return typeof key === 'string'
      ? { kind: 'answer', answer: key }
      : trouble('printed a line that is not {"key": "…"}', '');
  }

  /** Whether the validator accepts a key. Only a status that means rejection rejects it: a crash is trouble. */
  async validate(customer: Customer, key: string): Promise<Reply<boolean>> {
    const raw = await this.#validator.ask({ ...customer, key }, this.#readsKey ? `${key}\n` : '');
    if (raw.kind === 'trouble') return raw;
    if (raw.kind === 'exited') {
      if (raw.status === 0) return { kind: 'answer', answer: true };
      if (this.#rejectedStatuses.includes(raw.status)) return { kind: 'answer', answer: false };
      return trouble(
        `ended with the status ${raw.status}, which is neither 0 nor in rejected-status (${this.#rejectedStatuses.join(', ')})`,
        raw.stderr,
      );
    }
    const valid = fieldOf(raw.line, 'valid');
    return typeof valid === 'boolean'
      ? { kind: 'answer', answer: valid }
      : trouble('printed a line that is neither {"valid": true} nor {"valid": false}', '');
  }

  /** Ends what is running. The next questions go to new processes. */
  async restart(): Promise<void> {
    await Promise.all([...this.#generators, this.#validator].map((asker) => asker.stop()));
  }
}

type RawAnswer =
  | (Extract<ProcessEnding, { kind: 'exited' }> & { readonly stderr: string })
  | { readonly kind: 'line'; readonly line: string }
  | ({ readonly kind: 'trouble' } & Trouble);

type Surroundings = Required<Omit<ProcessRequest, 'command' | 'maxUnreadBytes'>>;

/** Asks a program: with a process for each question, or one that answers a line for each line. */
class Asker {
  readonly #program: Program;
  readonly #surroundings: Surroundings;
  #process: RunningProcess | undefined;
  #lastQuestion: Promise<unknown> = Promise.resolve();

  constructor(program: Program, surroundings: Surroundings) {
    this.#program = program;
    this.#surroundings = surroundings;
  }

  /** Asks about `fields`. A process for this question alone reads `stdin`. */
  async ask(fields: Customer, stdin: string): Promise<RawAnswer> {
    if (this.#program.transport === 'json-lines') {
      const answer = this.#lastQuestion.then(() => this.#askLine(fields));
      this.#lastQuestion = answer.catch(() => {});
      return answer;
    }
    const texts = Object.entries(fields).map(([name, value]) => [name, String(value)]);
    const command = fillIn(this.#program.command, Object.fromEntries(texts));
    const process = startProcess({ ...this.#surroundings, command, maxUnreadBytes });
    process.write(stdin, true);
    return this.#endOf(process);
  }

  async #askLine(fields: Customer): Promise<RawAnswer> {
    const { timeoutMs, ...surroundings } = this.#surroundings;
    this.#process ??= startProcess({ ...surroundings, command: this.#program.command, maxUnreadBytes });
    const process = this.#process;
    const isStray = process.hasUnread();
    process.write(`${JSON.stringify(fields)}\n`, false);
    const timer = setTimeout(() => process.stop({ kind: 'timed-out' }), timeoutMs);
    const line = await process.nextLine();
    clearTimeout(timer);
    if (line !== undefined && !isStray && !process.hasUnread()) return { kind: 'line', line };
    this.#process = undefined;
    // From now on its answers may be those of other questions.
    if (line !== undefined) process.stop({ kind: 'printed-too-much' });
    const end = await this.#endOf(process);
    return end.kind === 'exited'
      ? trouble(`ended with the status ${end.status} instead of an answer`, end.stderr)
      : end;
  }

  async stop(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    process?.stop({ kind: 'interrupted' });
    await process?.ended;
  }

  async #endOf(process: RunningProcess): Promise<Exclude<RawAnswer, { kind: 'line' }>> {
    const { ending, stderr } = await process.ended;
    switch (ending.kind) {
      case 'exited':
        return { ...ending, stderr };
      case 'signalled':
        return trouble(`was killed by ${ending.signal}`, stderr);
      case 'timed-out':
        return trouble('took longer than command-timeout and was killed', stderr);
      case 'printed-too-much':
        return trouble('printed more than one answer and was killed', stderr);
      case 'printed-no-text':
        return trouble('printed something that is not UTF-8', stderr);
      case 'not-started':
        if (notFound.includes(ending.reason)) throw missingProgram(this.#program.command[0], ending.reason);
        return trouble(`cannot be started (${ending.reason})`, stderr);
      case 'interrupted':
        throw new OutOfTime();
    }
  }
}

function trouble(what: string, stderr: string): { readonly kind: 'trouble' } & Trouble {
  return { kind: 'trouble', what, stderr };
}

/** A program that is not there fails for every customer: the workflow is wrong, not the keys. */
function missingProgram(program: string, reason: string): UserError {
  return new UserError(
    'source-missing',
    `the program ${JSON.stringify(program)} cannot be started (${reason})`,
    {
      hint: 'Give its path relative to working-directory, or a name that is on PATH, and make it executable. A script without a first line such as #!/usr/bin/env node needs its interpreter: node script.js.',
    },
  );
}

function fieldOf(line: string, name: string): unknown {
  try {
    const value: unknown = parseStrictJson(line, 8);
    return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  } catch {
    return undefined;
  }
}
