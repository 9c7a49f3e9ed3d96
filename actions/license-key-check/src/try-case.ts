import { mapConcurrently, type UserPattern } from '@slipway/core';
import { Trouble } from './asker.ts';
import type { Check } from './checks.ts';
import { type Customer, sameCustomer } from './customer.ts';
import { type Change, type ChangedKey, changesOf } from './key-changes.ts';
import { keyFault, shapeOf } from './key-rules.ts';
import type { Plan } from './plan.ts';
import type { Programs } from './programs.ts';

/** What is known of a failure before a check is made. */
interface FailureContext {
  readonly customer: Customer;
  /** A second customer, where one alone does not show the failure. */
  readonly other?: Customer | undefined;
  readonly shape?: string;
  /** The changes that the validator accepted; the first is the one to look at. */
  readonly changes?: readonly Change[] | undefined;
}

/** How a case fails. No part of a key is in it, except perhaps in `stderr`, which is hostile. */
export interface CaseFailure extends FailureContext {
  readonly check: Check;
  readonly what: string;
  readonly stderr?: string;
}

export class CaseFailed extends Error {
  readonly failure: CaseFailure;

  constructor(failure: CaseFailure) {
    super(failure.what);
    this.failure = failure;
  }
}

/** Which of the changes that a key can have are tried. */
export type ChooseChanges = (all: ChangedKey[]) => readonly ChangedKey[];

export interface TrialTools {
  readonly plan: Plan;
  readonly pattern: UserPattern | undefined;
  readonly programs: Programs;
  readonly concurrency: number;
}

interface MadeKey {
  readonly key: string;
  readonly context: FailureContext;
}

const lettersAndDigits = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'];

/** Tries cases one after the other, and remembers their keys. */
export class Trials {
  /** How often each check was made. */
  readonly counts = new Map<Check, number>();
  readonly #tools: TrialTools;
  /** The first customer of each key. */
  readonly #owners = new Map<string, Customer>();
  /** The characters of keys so far, which stand for an alphabet that is not given. */
  readonly #characters: Set<string>;

  constructor(tools: TrialTools, characters: Iterable<string> = []) {
    this.#tools = tools;
    this.#characters = new Set(characters);
  }

  /** Trials that know nothing of the customers of these. */
  alone(): Trials {
    return new Trials(this.#tools, this.#characters);
  }

  /**
   * Makes every check of a case: `customers` are one or two, and the key of the first is changed. Throws `CaseFailed` when
   * a check fails, and `OutOfTime`.
   */
  async tryCase(customers: readonly Customer[], chooseChanges: ChooseChanges): Promise<void> {
    const { plan } = this.#tools;
    const made = await this.#each(customers, async (customer): Promise<MadeKey> => {
      const key = await this.#generate('first', { customer });
      return { key, context: { customer, shape: shapeOf(key, plan.key) } };
    });
    for (const { key, context } of made) this.#checkForm(key, context);
    // In the opposite order, so that a key that depends on earlier customers shows.
    await this.#each(made.toReversed(), async ({ key, context }) => {
      const what = 'the generator made two different keys for the same customer';
      this.#require((await this.#generate('second', context)) === key, 'key-repeated', what, context);
    });
    for (const { key, context } of made) {
      const { customer } = context;
      const owner = this.#owners.get(key) ?? customer;
      this.#owners.set(key, owner);
      const isSame = sameCustomer(customer, owner, plan.ignoredDifferences);
      const both = { ...context, customer: owner, other: customer };
      this.#require(isSame, 'key-distinct', 'two customers got the same key', both);
    }
    await this.#each(made, async ({ key, context }) => {
      const what = 'the validator rejected a key that the generator made';
      this.#require(await this.#validate(key, context), 'key-accepted', what, context);
    });
    await this.#checkChanges(made, chooseChanges);
  }

  #checkForm(key: string, context: FailureContext): void {
    const { pattern } = this.#tools;
    const { alphabet, separators } = this.#tools.plan.key;
    const fault = keyFault(key);
    if (fault !== undefined) fail('generator-answers', `the generator printed ${fault}`, context);
    if (pattern !== undefined)
      this.#require(pattern.matches(key), 'key-pattern', 'the key does not match key-pattern', context);
    const characters = [...key];
    if (alphabet !== undefined) {
      const isKnown = (text: string): boolean => alphabet.includes(text) || separators.includes(text);
      const index = characters.findIndex((character) => !isKnown(character));
      const what = `character ${index + 1} of the key is neither in key-alphabet nor a separator`;
      this.#require(index === -1, 'key-alphabet', what, context);
    }
    for (const character of characters) {
      if (!separators.includes(character)) this.#characters.add(character);
    }
  }

  async #checkChanges([own, similar]: readonly MadeKey[], choose: ChooseChanges): Promise<void> {
    if (own === undefined) return;
    const { key, context } = own;
    const { changes: kinds, ignoredDifferences, key: rules } = this.#tools.plan;
    const inferred = this.#characters.size < 2 ? lettersAndDigits : [...this.#characters].sort();
    const characters = { ...rules, alphabet: rules.alphabet ?? inferred };
    const other = similar?.context.customer;
    const isOther = other !== undefined && !sameCustomer(context.customer, other, ignoredDifferences);
    const contextOf = (changes: readonly Change[]): FailureContext => ({
      ...context,
      changes,
      ...(changes[0]?.kind === 'other-customer' ? { other } : {}),
    });
    const all = changesOf(key, isOther ? similar?.key : undefined, characters, kinds);
    const accepted = await this.#each(choose(all), async ({ change, key: changedKey }) => {
      if (await this.#validate(changedKey, contextOf([change]))) return [change];
      this.#count('changes-rejected');
      return [];
    });
    const changes = accepted.flat();
    const [first] = changes;
    if (first === undefined) return;
    const what = `the validator accepted ${first.kind === 'other-customer' ? first.what : 'a changed key'}`;
    fail('changes-rejected', what, contextOf(changes));
  }

  async #generate(time: 'first' | 'second', context: FailureContext): Promise<string> {
    return this.#answer('generator', this.#tools.programs.generate(context.customer, time), context);
  }

  async #validate(key: string, context: FailureContext): Promise<boolean> {
    return this.#answer('validator', this.#tools.programs.validate(context.customer, key), context);
  }

  async #answer<Answer>(
    program: 'generator' | 'validator',
    asked: Promise<Answer>,
    context: FailureContext,
  ): Promise<Answer> {
    const check = `${program}-answers` as const;
    try {
      const answer = await asked;
      this.#count(check);
      return answer;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      return fail(check, `the ${program} ${error.message}`, { ...context, stderr: error.stderr });
    }
  }

  #require(isTrue: boolean, check: Check, what: string, context: FailureContext): void {
    if (!isTrue) fail(check, what, context);
    this.#count(check);
  }

  #count(check: Check): void {
    this.counts.set(check, (this.counts.get(check) ?? 0) + 1);
  }

  #each<Item, Result>(items: readonly Item[], task: (item: Item) => Promise<Result>): Promise<Result[]> {
    return mapConcurrently(items, this.#tools.concurrency, task);
  }
}

function fail(check: Check, what: string, context: Omit<CaseFailure, 'check' | 'what'>): never {
  throw new CaseFailed({ check, what, ...context });
}
