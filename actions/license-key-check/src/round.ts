import type { Question, Reply, Trouble } from './ask.ts';
import type { Case } from './cases.ts';
import { type Customer, sameCustomer } from './customer.ts';
import { type Change, changedKey, changesOf, type KeyCharacters } from './key-changes.ts';
import { brokenRule, type KeyRules, shapeOf } from './key-rules.ts';
import type { Plan } from './plan.ts';
import type { ChangeKind, Check } from './vocabulary.ts';

/** What a case failed by. No part of a key is in it, but for `trouble`, whose text is hostile. */
export interface CaseFailure {
  readonly check: Check;
  readonly what: string;
  readonly customer: Customer;
  /** Another customer that it takes to see it. */
  readonly other?: Customer | undefined;
  readonly shape?: string | undefined;
  /** The changes that the validator accepted; the first is the one to look at. */
  readonly changes?: readonly Change[] | undefined;
  readonly trouble?: Trouble | undefined;
}

/** How often each check was made. */
export interface Tally {
  readonly checks: ReadonlyMap<Check, number>;
  readonly changes: ReadonlyMap<ChangeKind, number>;
}

export type RoundResult =
  | { readonly kind: 'passed'; readonly tally: Tally }
  | { readonly kind: 'failed'; readonly tally: Tally; readonly index: number; readonly failure: CaseFailure };

export interface RoundTools {
  readonly plan: Plan;
  readonly rules: KeyRules;
  readonly askGenerator: (questions: readonly Question[]) => Promise<readonly Reply<string>[]>;
  readonly askValidator: (questions: readonly Question[]) => Promise<readonly Reply<boolean>[]>;
  /** The keys so far, and whose they are: only grows. */
  readonly seen: Map<string, Customer>;
  /** Which of the changes that a key can have are tried for a case. */
  readonly chooseChanges: (all: readonly Change[], index: number) => readonly Change[];
}

interface KeyedCustomer {
  readonly customer: Customer;
  readonly key: string;
  /** Of the case that it belongs to. */
  readonly index: number;
}

const lettersAndDigits = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'];

/**
 * Makes every check of some cases, one check after the other, as many cases together as a process takes. Ends with the
 * first check that a case fails. Throws `OutOfTime`.
 */
export async function tryCases(cases: readonly Case[], tools: RoundTools): Promise<RoundResult> {
  const round = new Round(cases, tools);
  const failed = await round.failure();
  const tally = round.tally();
  return failed === undefined ? { kind: 'passed', tally } : { kind: 'failed', tally, ...failed };
}

interface Failed {
  readonly index: number;
  readonly failure: CaseFailure;
}

class Round {
  readonly #cases: readonly Case[];
  readonly #tools: RoundTools;
  readonly #checks = new Map<Check, number>();
  readonly #changes = new Map<ChangeKind, number>();

  constructor(cases: readonly Case[], tools: RoundTools) {
    this.#cases = cases;
    this.#tools = tools;
  }

  tally(): Tally {
    return { checks: this.#checks, changes: this.#changes };
  }

  async failure(): Promise<Failed | undefined> {
    const customers = this.#cases.flatMap(({ customer, similar }, index) => [
      { customer, index },
      { customer: similar, index },
    ]);
    const first = await this.#generate(customers);
    if ('failure' in first) return first;
    const keyed = first.keyed;
    return (
      this.#badForm(keyed) ??
      (await this.#notRepeated(keyed)) ??
      this.#notDistinct(keyed) ??
      (await this.#notAccepted(keyed)) ??
      (await this.#changeAccepted(keyed))
    );
  }

  async #generate(
    customers: readonly Omit<KeyedCustomer, 'key'>[],
  ): Promise<{ readonly keyed: readonly KeyedCustomer[] } | Failed> {
    const replies = await this.#tools.askGenerator(customers.map(({ customer }) => ({ customer })));
    const keyed: KeyedCustomer[] = [];
    for (const [position, { customer, index }] of customers.entries()) {
      const reply = replies[position];
      if (reply?.kind === 'answer') {
        this.#count('generator-answers');
        keyed.push({ customer, index, key: reply.answer });
      } else if (reply !== undefined) {
        const { trouble } = reply;
        return { index, failure: { check: 'generator-answers', what: trouble.what, customer, trouble } };
      }
    }
    return { keyed };
  }

  #badForm(keyed: readonly KeyedCustomer[]): Failed | undefined {
    const { rules, plan } = this.#tools;
    for (const { customer, key, index } of keyed) {
      const broken = brokenRule(key, rules);
      if (broken !== undefined) {
        const { check, message } = broken;
        return { index, failure: { check, what: message, customer, shape: shapeOf(key, rules) } };
      }
      for (const { kind } of plan.steps) {
        if (kind === 'key-length' || kind === 'key-pattern' || kind === 'key-alphabet') this.#count(kind);
      }
    }
    return undefined;
  }

  /** In another process, and in the opposite order, so that a key that depends on what came before shows. */
  async #notRepeated(keyed: readonly KeyedCustomer[]): Promise<Failed | undefined> {
    const once = keyed.filter((_, position) => position % 2 === 0).toReversed();
    const again = await this.#generate(once);
    if ('failure' in again) return again;
    for (const [position, { customer, key, index }] of again.keyed.entries()) {
      if (once[position]?.key !== key) {
        const what = 'the generator gave the same customer two different keys';
        return { index, failure: { check: 'key-repeated', what, customer, shape: this.#shape(key) } };
      }
      this.#count('key-repeated');
    }
    return undefined;
  }

  #notDistinct(keyed: readonly KeyedCustomer[]): Failed | undefined {
    const { seen, plan } = this.#tools;
    for (const { customer, key, index } of keyed) {
      const other = seen.get(key);
      if (other !== undefined && !sameCustomer(customer, other, plan)) {
        const what = 'two customers got the same key';
        return {
          index,
          failure: { check: 'key-distinct', what, customer: other, other: customer, shape: this.#shape(key) },
        };
      }
      if (other === undefined) seen.set(key, customer);
      this.#count('key-distinct');
    }
    return undefined;
  }

  async #notAccepted(keyed: readonly KeyedCustomer[]): Promise<Failed | undefined> {
    const replies = await this.#tools.askValidator(keyed);
    for (const [position, { customer, key, index }] of keyed.entries()) {
      const reply = replies[position];
      const shape = this.#shape(key);
      if (reply?.kind === 'trouble')
        return { index, failure: validatorTrouble(customer, shape, reply.trouble) };
      if (reply?.answer === false) {
        const what = 'the validator rejected a key of the generator';
        return { index, failure: { check: 'key-accepted', what, customer, shape } };
      }
      this.#count('validator-answers');
      this.#count('key-accepted');
    }
    return undefined;
  }

  async #changeAccepted(keyed: readonly KeyedCustomer[]): Promise<Failed | undefined> {
    const tried = this.#cases.flatMap((_, index) => this.#changedKeys(index, keyed));
    const replies = await this.#tools.askValidator(tried);
    for (const [position, { customer, key, index, change }] of tried.entries()) {
      const reply = replies[position];
      if (reply?.kind === 'trouble') {
        const failure = validatorTrouble(customer, this.#shape(key), reply.trouble);
        return { index, failure: { ...failure, changes: [change] } };
      }
      if (reply?.answer === true) {
        const accepted = tried.filter((other, at) => {
          const also = replies[at];
          return other.index === index && also?.kind === 'answer' && also.answer;
        });
        return {
          index,
          failure: this.#acceptedFailure(
            index,
            accepted.map((other) => other.change),
            keyed,
          ),
        };
      }
      this.#count('validator-answers');
      this.#count('changes-rejected');
      this.#changes.set(change.kind, (this.#changes.get(change.kind) ?? 0) + 1);
    }
    return undefined;
  }

  #changedKeys(
    index: number,
    keyed: readonly KeyedCustomer[],
  ): readonly (KeyedCustomer & { readonly change: Change })[] {
    const { plan, rules, chooseChanges } = this.#tools;
    const [own, similar] = [keyed[2 * index], keyed[2 * index + 1]];
    if (own === undefined || similar === undefined) return [];
    const characters = this.#characters();
    const mayShare = sameCustomer(own.customer, similar.customer, plan) || own.key === similar.key;
    const kinds = plan.changes.filter((kind) => kind !== 'other-customer' || !mayShare);
    return chooseChanges(
      changesOf(own.key, { ...characters, separators: rules.separators }, kinds),
      index,
    ).flatMap((change) => {
      const key = change.kind === 'other-customer' ? similar.key : changedKey(own.key, change, characters);
      return key === undefined ? [] : { customer: own.customer, index, change, key };
    });
  }

  /** The alphabet, or what the keys so far stand for it with. */
  #characters(): KeyCharacters {
    const { rules, seen } = this.#tools;
    if (rules.alphabet !== undefined) return { alphabet: rules.alphabet, separators: rules.separators };
    const found = new Set([...seen.keys()].flatMap((key) => [...key]));
    const alphabet = [...found].filter((character) => !rules.separators.includes(character)).sort();
    return { alphabet: alphabet.length < 2 ? lettersAndDigits : alphabet, separators: rules.separators };
  }

  #acceptedFailure(index: number, changes: readonly Change[], keyed: readonly KeyedCustomer[]): CaseFailure {
    const own = keyed[2 * index];
    const isOther = changes[0]?.kind === 'other-customer';
    return {
      check: 'changes-rejected',
      what: isOther
        ? 'the validator accepted the key of another customer'
        : 'the validator accepted a changed key',
      customer: own?.customer ?? {},
      other: isOther ? keyed[2 * index + 1]?.customer : undefined,
      shape: own === undefined ? undefined : this.#shape(own.key),
      changes,
    };
  }

  #shape(key: string): string {
    return shapeOf(key, this.#tools.rules);
  }

  #count(check: Check): void {
    this.#checks.set(check, (this.#checks.get(check) ?? 0) + 1);
  }
}

function validatorTrouble(customer: Customer, shape: string, trouble: Trouble): CaseFailure {
  return { check: 'validator-answers', what: trouble.what, customer, shape, trouble };
}
