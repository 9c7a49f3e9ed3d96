import { systemErrorCode, UserError } from '@slipway/core';
import { type Command, fillIn } from './command-line.ts';
import type { Customer } from './customer.ts';
import { type ProcessRequest, type RunningProcess, startProcess } from './process.ts';
import type { Transport } from './vocabulary.ts';

/** Why a program gave no answer: the message ends a sentence that begins with the program. `stderr` is hostile. */
export class Trouble extends Error {
  readonly stderr: string;

  constructor(message: string, stderr = '') {
    super(message);
    this.stderr = stderr;
  }
}

/** The time limit of the whole check has passed. */
export class OutOfTime extends Error {}

export type Answer =
  | { readonly kind: 'exited'; readonly status: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'line'; readonly line: string };

export interface AskerOptions extends Omit<ProcessRequest, 'command'> {
  /** Ends what is running. */
  readonly interrupt: AbortSignal;
  /** How long an answer may take. */
  readonly timeoutMs: number;
}

export interface AskedProgram {
  readonly command: Command;
  readonly transport: Transport;
}

/** Asks a program: with a process for each question, or one that answers a line for each line. */
export class Asker {
  readonly #program: AskedProgram;
  readonly #options: AskerOptions;
  readonly #running = new Set<RunningProcess>();
  /** The process that answers line by line. */
  #process: RunningProcess | undefined;
  #lastQuestion: Promise<unknown> = Promise.resolve();

  constructor(program: AskedProgram, options: AskerOptions) {
    this.#program = program;
    this.#options = options;
    options.interrupt.addEventListener('abort', () => void this.stop());
  }

  /** Asks about `fields`. A process for this question alone reads `stdin`. Throws `Trouble`, or `OutOfTime`. */
  async ask(fields: Customer, stdin: string): Promise<Answer> {
    if (this.#program.transport === 'json-lines') {
      const answer = this.#lastQuestion.then(() => this.#askLine(fields));
      this.#lastQuestion = answer.catch(() => {});
      return answer;
    }
    const process = await this.#start(fillIn(this.#program.command, fields));
    process.write(stdin, true);
    return this.#inTime(process, this.#exitOf(process));
  }

  /** Ends what is running. The next question goes to a new process. */
  async stop(): Promise<void> {
    this.#process = undefined;
    for (const process of this.#running) process.stop('was interrupted');
    await Promise.all([...this.#running].map((process) => process.ended));
  }

  async #askLine(fields: Customer): Promise<Answer> {
    this.#process ??= await this.#start(this.#program.command);
    const process = this.#process;
    const isStray = process.hasUnread();
    process.write(`${JSON.stringify(fields)}\n`, false);
    const line = await this.#inTime(process, process.nextLine());
    if (line !== undefined && !isStray && !process.hasUnread()) return { kind: 'line', line };
    this.#process = undefined;
    // From now on its answers may be those of other questions.
    if (line !== undefined) process.stop('printed more than one answer and was killed');
    const { status, stderr } = await this.#exitOf(process);
    throw new Trouble(`ended with the status ${status} instead of an answer`, stderr);
  }

  async #start(command: Command): Promise<RunningProcess> {
    if (this.#options.interrupt.aborted) throw new OutOfTime();
    try {
      const process = await startProcess({ ...this.#options, command });
      this.#running.add(process);
      void process.ended.then(() => this.#running.delete(process));
      return process;
    } catch (error) {
      const code = systemErrorCode(error) ?? 'for an unknown reason';
      if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(code)) throw missingProgram(command[0], code);
      throw new Trouble(`cannot be started (${code})`);
    }
  }

  async #inTime<Value>(process: RunningProcess, value: Promise<Value>): Promise<Value> {
    const stop = (): void => process.stop('took longer than command-timeout and was killed');
    const timer = setTimeout(stop, this.#options.timeoutMs);
    return value.finally(() => clearTimeout(timer));
  }

  async #exitOf(process: RunningProcess): Promise<Extract<Answer, { kind: 'exited' }>> {
    const { status, stdout, stderr } = await process.ended;
    if (this.#options.interrupt.aborted) throw new OutOfTime();
    if (typeof status === 'string') throw new Trouble(status, stderr);
    return { kind: 'exited', status, stdout, stderr };
  }
}

/** A program that is not there fails for every customer: the workflow is wrong, not the keys. */
function missingProgram(program: string, code: string): UserError {
  return new UserError(
    'source-missing',
    `the program ${JSON.stringify(program)} cannot be started (${code})`,
    {
      hint: 'Give its path relative to working-directory, or a name that is on PATH, and make it executable. A script without a first line such as #!/usr/bin/env node needs its interpreter: node script.js.',
    },
  );
}
