import { parseStrictJson } from '@slipway/core';
import { Asker, Trouble } from './asker.ts';
import { placeholdersOf } from './command-line.ts';
import type { Customer } from './customer.ts';
import type { Plan } from './plan.ts';

/**
 * The programs of a plan. Each method asks one question. Every answer is that of the right question; without one the method
 * throws `Trouble`, or `OutOfTime` after `interrupt`.
 */
export class Programs {
  /** Every key that was made or tried. */
  readonly seenKeys = new Set<string>();
  readonly #rejectedStatuses: readonly number[];
  readonly #generators: readonly [Asker, Asker];
  readonly #validator: Asker;
  /** Whether the validator reads the key from standard input. */
  readonly #readsKey: boolean;

  /** `environment` is all variables that the programs get. */
  constructor(
    { directory, commandTimeoutMs: timeoutMs, generator, validator }: ProgramsPlan,
    environment: Readonly<Record<string, string>>,
    interrupt: AbortSignal,
  ) {
    const surroundings = { directory, environment, interrupt, timeoutMs };
    this.#rejectedStatuses = validator.rejectedStatuses;
    this.#generators = [new Asker(generator, surroundings), new Asker(generator, surroundings)];
    this.#validator = new Asker(validator, surroundings);
    this.#readsKey = !placeholdersOf(validator.command).includes('key');
  }

  /** The key of a customer. `second` asks another process than the one that answers the first time. */
  async generate(customer: Customer, time: 'first' | 'second'): Promise<string> {
    const answer = await this.#generators[time === 'first' ? 0 : 1].ask(customer, '');
    if (answer.kind === 'exited' && answer.status !== 0)
      throw new Trouble(`ended with the status ${answer.status}`, answer.stderr);
    const key = answer.kind === 'exited' ? answer.stdout.replace(/\r?\n$/, '') : fieldOf(answer.line, 'key');
    if (typeof key !== 'string') throw new Trouble('printed a line that is not {"key": "…"}');
    this.seenKeys.add(key);
    return key;
  }

  /** Whether the validator accepts a key. Only a status that means rejection rejects it: a crash is trouble. */
  async validate(customer: Customer, key: string): Promise<boolean> {
    this.seenKeys.add(key);
    const stdin = this.#readsKey ? `${key}\n` : '';
    const answer = await this.#validator.ask({ ...customer, key }, stdin);
    if (answer.kind === 'line') {
      const valid = fieldOf(answer.line, 'valid');
      if (typeof valid === 'boolean') return valid;
      throw new Trouble('printed a line that is neither {"valid": true} nor {"valid": false}');
    }
    const { status, stderr } = answer;
    if (status === 0) return true;
    if (this.#rejectedStatuses.includes(status)) return false;
    const expected = `neither 0 nor in rejected-status (${this.#rejectedStatuses.join(', ')})`;
    throw new Trouble(`ended with the status ${status}, which is ${expected}`, stderr);
  }

  /** Ends what is running. The next questions go to new processes. */
  async restart(): Promise<void> {
    await Promise.all([...this.#generators, this.#validator].map((asker) => asker.stop()));
  }
}

type ProgramsPlan = Pick<Plan, 'directory' | 'generator' | 'validator' | 'commandTimeoutMs'>;

function fieldOf(line: string, name: string): unknown {
  try {
    const value: unknown = parseStrictJson(line, 8);
    return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  } catch {
    return undefined;
  }
}
