import { mapConcurrently } from '@slipway/core';
import { type Customer, sameCustomer } from './customer.ts';
import { type Change, changedKey, changesOf } from './key-changes.ts';
import { brokenRule, type KeyRules, shapeOf } from './key-rules.ts';
import type { Plan } from './plan.ts';
import type { Programs, Reply, Trouble } from './programs.ts';
import type { Check } from './vocabulary.ts';

/** What a case failed by. No part of a key is in it, except perhaps in `trouble`, whose text is hostile. */
export interface CaseFailure {
  readonly check: Check;
  readonly what: string;
  readonly customer: Customer;
  /** A second customer, where one alone does not show the failure. */
  readonly other?: Customer | undefined;
  readonly shape?: string | undefined;
  /** The changes that the validator accepted; the first is the one to look at. */
  readonly changes?: readonly Change[] | undefined;
  readonly trouble?: Trouble | undefined;
}

/** How often each check was made. */
export type Counts = Map<Check, number>;

export interface CaseTools {
  readonly plan: Plan;
  readonly rules: KeyRules;
  readonly programs: Programs;
  readonly concurrency: number;
  readonly counts: Counts;
  /** Every key that was made or tried. */
  readonly seenKeys: Set<string>;
  /** The first customer of each key. */
  readonly owners: Map<string, Customer>;
  /** The characters of keys so far, which stand for an alphabet that is not given. */
  readonly characters: Set<string>;
  /** Which of the changes that a key can have are tried. */
  readonly chooseChanges: (all: readonly Change[]) => readonly Change[];
}

const lettersAndDigits = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'];

interface KeyedCustomer {
  readonly customer: Customer;
  readonly key: string;
}

/**
 * Makes every check of a case until one fails: `customers` are one or two, and the key of the first is changed. Throws
 * `OutOfTime`.
 */
export async function tryCase(
  customers: readonly Customer[],
  tools: CaseTools,
): Promise<CaseFailure | undefined> {
  try {
    await new CaseTrial(tools).run(customers);
    return undefined;
  } catch (error) {
    if (error instanceof CaseFailed) return error.failure;
    throw error;
  }
}

class CaseFailed extends Error {
  readonly failure: CaseFailure;

  constructor(failure: CaseFailure) {
    super(failure.what);
    this.failure = failure;
  }
}

class CaseTrial {
  readonly #tools: CaseTools;

  constructor(tools: CaseTools) {
    this.#tools = tools;
  }

  async run(customers: readonly Customer[]): Promise<void> {
    const keyed = await this.#each(customers, async (customer) => ({
      customer,
      key: await this.#generate(customer, 'first'),
    }));
    for (const made of keyed) this.#checkForm(made);
    // In the opposite order, so that a key that depends on earlier customers shows.
    await this.#each(keyed.toReversed(), (made) => this.#checkRepeated(made));
    for (const made of keyed) this.#checkDistinct(made);
    await this.#each(keyed, (made) => this.#checkAccepted(made));
    await this.#checkChanges(keyed);
  }

  async #generate(customer: Customer, time: 'first' | 'second'): Promise<string> {
    const reply = await this.#tools.programs.generate(customer, time);
    if (reply.kind === 'trouble')
      fail({ check: 'generator-answers', what: `the generator ${reply.what}`, customer, trouble: reply });
    this.#count('generator-answers');
    this.#tools.seenKeys.add(reply.answer);
    return reply.answer;
  }

  #checkForm({ customer, key }: KeyedCustomer): void {
    const { rules, plan } = this.#tools;
    const broken = brokenRule(key, rules);
    if (broken !== undefined)
      fail({ check: broken.check, what: broken.message, customer, shape: this.#shape(key) });
    for (const { kind } of plan.steps) {
      if (kind === 'key-pattern' || kind === 'key-alphabet') this.#count(kind);
    }
    for (const character of key)
      if (!rules.separators.includes(character)) this.#tools.characters.add(character);
  }

  async #checkRepeated({ customer, key }: KeyedCustomer): Promise<void> {
    if ((await this.#generate(customer, 'second')) !== key) {
      const what = 'the generator made two different keys for the same customer';
      fail({ check: 'key-repeated', what, customer, shape: this.#shape(key) });
    }
    this.#count('key-repeated');
  }

  #checkDistinct({ customer, key }: KeyedCustomer): void {
    const owner = this.#tools.owners.get(key) ?? customer;
    this.#tools.owners.set(key, owner);
    if (!sameCustomer(customer, owner, this.#tools.plan)) {
      const what = 'two customers got the same key';
      fail({ check: 'key-distinct', what, customer: owner, other: customer, shape: this.#shape(key) });
    }
    this.#count('key-distinct');
  }

  async #checkAccepted({ customer, key }: KeyedCustomer): Promise<void> {
    const shape = this.#shape(key);
    if (!(await this.#validate(customer, key, { shape }))) {
      const what = 'the validator rejected a key that the generator made';
      fail({ check: 'key-accepted', what, customer, shape });
    }
    this.#count('key-accepted');
  }

  async #checkChanges([own, similar]: readonly KeyedCustomer[]): Promise<void> {
    if (own === undefined) return;
    const { plan, rules, characters, chooseChanges } = this.#tools;
    const { customer, key } = own;
    const inferred = characters.size < 2 ? lettersAndDigits : [...characters].sort();
    const used = { alphabet: rules.alphabet ?? inferred, separators: rules.separators };
    const hasOther =
      similar !== undefined && similar.key !== key && !sameCustomer(customer, similar.customer, plan);
    const kinds = plan.changes.filter((kind) => kind !== 'other-customer' || hasOther);
    const shape = this.#shape(key);
    const withOther = (change: Change) =>
      change.kind === 'other-customer' ? { other: similar?.customer } : {};
    const accepted = await this.#each(chooseChanges(changesOf(key, used, kinds)), async (change) => {
      const changed = change.kind === 'other-customer' ? similar?.key : changedKey(key, change, used);
      if (changed === undefined) return [];
      if (await this.#validate(customer, changed, { shape, changes: [change], ...withOther(change) }))
        return [change];
      this.#count('changes-rejected');
      return [];
    });
    const changes = accepted.flat();
    const [first] = changes;
    if (first === undefined) return;
    const what = `the validator accepted ${first.kind === 'other-customer' ? 'the key of another customer' : 'a changed key'}`;
    fail({ check: 'changes-rejected', what, customer, shape, changes, ...withOther(first) });
  }

  async #validate(customer: Customer, key: string, shown: Partial<CaseFailure>): Promise<boolean> {
    this.#tools.seenKeys.add(key);
    const reply: Reply<boolean> = await this.#tools.programs.validate(customer, key);
    if (reply.kind === 'trouble')
      fail({
        check: 'validator-answers',
        what: `the validator ${reply.what}`,
        customer,
        trouble: reply,
        ...shown,
      });
    this.#count('validator-answers');
    return reply.answer;
  }

  #each<Item, Result>(items: readonly Item[], task: (item: Item) => Promise<Result>): Promise<Result[]> {
    return mapConcurrently(items, this.#tools.concurrency, task);
  }

  #shape(key: string): string {
    return shapeOf(key, this.#tools.rules);
  }

  #count(check: Check): void {
    const { counts } = this.#tools;
    counts.set(check, (counts.get(check) ?? 0) + 1);
  }
}

function fail(failure: CaseFailure): never {
  throw new CaseFailed(failure);
}
