import type { Question, Reply, Trouble } from './ask.ts';
import type { Case } from './cases.ts';
import { type Customer, sameCustomer } from './customer.ts';
import type { KeyBook } from './key-book.ts';
import { type Change, changedKey, changesOf, type KeyCharacters } from './key-changes.ts';
import { brokenRule, type KeyRules, shapeOf } from './key-rules.ts';
import type { Plan } from './plan.ts';
import type { ChangeKind, Check } from './vocabulary.ts';

/** What a case failed by. No part of a key is in it, but for `trouble`, whose text is hostile. */
export interface CaseFailure {
  readonly check: Check;
  readonly what: string;
  /** Whether it takes one customer of the case to see it, and which, or both. */
  readonly by: Role | 'both';
  readonly customer: Customer;
  /** Another customer that it takes to see it. */
  readonly other?: Customer | undefined;
  readonly shape?: string | undefined;
  /** The changes that the validator accepted; the first is the one to look at. */
  readonly changes?: readonly Change[] | undefined;
  readonly trouble?: Trouble | undefined;
}

export type Role = 'customer' | 'similar';

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
  readonly book: KeyBook;
  /** Which of the changes that a key can have are tried for a case. */
  readonly chooseChanges: (all: readonly Change[], index: number) => readonly Change[];
}

interface CaseCustomer {
  readonly customer: Customer;
  /** Which case it is of. */
  readonly index: number;
  readonly role: Role;
}

interface KeyedCustomer extends CaseCustomer {
  readonly key: string;
}

interface ChangedKey extends KeyedCustomer {
  readonly change: Change;
  /** The one that the generator gave. */
  readonly ownKey: string;
}

/**
 * Makes every check of some cases, one check after the other, as many cases together as a process takes. Ends with the
 * first check that a case fails. Throws `OutOfTime`.
 */
export async function tryCases(cases: readonly Case[], tools: RoundTools): Promise<RoundResult> {
  const round = new Round(cases, tools);
  const first = await round.failure();
  const tally = round.tally();
  return first === undefined ? { kind: 'passed', tally } : { kind: 'failed', tally, ...first };
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
    const customers = this.#cases.flatMap(({ customer, similar }, index): CaseCustomer[] => [
      { customer, index, role: 'customer' },
      { customer: similar, index, role: 'similar' },
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
    customers: readonly CaseCustomer[],
  ): Promise<{ readonly keyed: readonly KeyedCustomer[] } | Failed> {
    const replies = await this.#tools.askGenerator(customers.map(({ customer }) => ({ customer })));
    const keyed: KeyedCustomer[] = [];
    for (const [position, asked] of customers.entries()) {
      const reply = replies[position];
      if (reply?.kind === 'answer') {
        this.#count('generator-answers');
        keyed.push({ ...asked, key: reply.answer });
      } else if (reply !== undefined) {
        const { trouble } = reply;
        return failed(asked, { check: 'generator-answers', what: trouble.what, trouble });
      }
    }
    return { keyed };
  }

  #badForm(keyed: readonly KeyedCustomer[]): Failed | undefined {
    const { rules, plan } = this.#tools;
    for (const made of keyed) {
      const broken = brokenRule(made.key, rules);
      if (broken !== undefined) {
        return failed(made, { check: broken.check, what: broken.message, shape: this.#shape(made) });
      }
      for (const { kind } of plan.steps) {
        if (kind === 'key-length' || kind === 'key-pattern' || kind === 'key-alphabet') this.#count(kind);
      }
    }
    return undefined;
  }

  /** In another process, and where one takes many in the opposite order: a key that depends on what came before shows. */
  async #notRepeated(keyed: readonly KeyedCustomer[]): Promise<Failed | undefined> {
    const batched = this.#tools.plan.generator.transport === 'json-lines';
    const once = keyed.filter(({ role }) => batched || role === 'customer').toReversed();
    const again = await this.#generate(once);
    if ('failure' in again) return again;
    for (const [position, made] of again.keyed.entries()) {
      if (once[position]?.key !== made.key) {
        const what = 'the generator gave the same customer two different keys';
        return failed(made, { check: 'key-repeated', what, shape: this.#shape(made) });
      }
      this.#count('key-repeated');
    }
    return undefined;
  }

  #notDistinct(keyed: readonly KeyedCustomer[]): Failed | undefined {
    const { book, plan } = this.#tools;
    for (const made of keyed) {
      const { customer, key } = made;
      const owner = book.ownerOrNew(key, customer);
      if (owner !== undefined && !sameCustomer(customer, owner, plan)) {
        const what = 'two customers got the same key';
        const shape = this.#shape(made);
        return failed(made, {
          check: 'key-distinct',
          what,
          shape,
          by: 'both',
          customer: owner,
          other: customer,
        });
      }
      this.#count('key-distinct');
    }
    return undefined;
  }

  async #notAccepted(keyed: readonly KeyedCustomer[]): Promise<Failed | undefined> {
    const replies = await this.#tools.askValidator(keyed);
    for (const [position, made] of keyed.entries()) {
      const reply = replies[position];
      const shape = this.#shape(made);
      if (reply?.kind === 'trouble') return failed(made, { ...validatorTrouble(reply.trouble), shape });
      if (reply?.answer === false) {
        const what = 'the validator rejected a key of the generator';
        return failed(made, { check: 'key-accepted', what, shape });
      }
      this.#count('validator-answers');
      this.#count('key-accepted');
    }
    return undefined;
  }

  async #changeAccepted(keyed: readonly KeyedCustomer[]): Promise<Failed | undefined> {
    const tried = this.#cases.flatMap((_, index) => this.#changedKeys(index, keyed));
    const replies = await this.#tools.askValidator(tried);
    for (const [position, changed] of tried.entries()) {
      const { change, index } = changed;
      const reply = replies[position];
      const shared = change.kind === 'other-customer' && {
        by: 'both' as const,
        other: keyed[2 * index + 1]?.customer,
      };
      const shape = this.#shape(changed);
      if (reply?.kind === 'trouble') {
        return failed(changed, { ...validatorTrouble(reply.trouble), ...shared, shape, changes: [change] });
      }
      if (reply?.answer === true) {
        const what = `the validator accepted ${shared ? 'the key of another customer' : 'a changed key'}`;
        const changes = tried.filter((also, at) => also.index === index && isAccepted(replies[at]));
        return failed(changed, {
          check: 'changes-rejected',
          what,
          ...shared,
          shape,
          changes: changes.map((also) => also.change),
        });
      }
      this.#count('validator-answers');
      this.#count('changes-rejected');
      this.#changes.set(change.kind, (this.#changes.get(change.kind) ?? 0) + 1);
    }
    return undefined;
  }

  #changedKeys(index: number, keyed: readonly KeyedCustomer[]): readonly ChangedKey[] {
    const { plan, chooseChanges } = this.#tools;
    const [own, similar] = [keyed[2 * index], keyed[2 * index + 1]];
    if (own === undefined || similar === undefined) return [];
    const characters = this.#characters();
    const mayShare = sameCustomer(own.customer, similar.customer, plan) || own.key === similar.key;
    const kinds = plan.changes.filter((kind) => kind !== 'other-customer' || !mayShare);
    return chooseChanges(changesOf(own.key, characters, kinds), index).flatMap((change) => {
      const key = change.kind === 'other-customer' ? similar.key : changedKey(own.key, change, characters);
      return key === undefined ? [] : { ...own, change, key, ownKey: own.key };
    });
  }

  #characters(): KeyCharacters {
    const { rules, book } = this.#tools;
    return { alphabet: rules.alphabet ?? book.alphabet(), separators: rules.separators };
  }

  #shape({ key, ownKey = key }: { readonly key: string; readonly ownKey?: string }): string {
    return shapeOf(ownKey, this.#tools.rules);
  }

  #count(check: Check): void {
    this.#checks.set(check, (this.#checks.get(check) ?? 0) + 1);
  }
}

function failed(
  { customer, index, role }: CaseCustomer,
  failure: Pick<CaseFailure, 'check' | 'what'> & Partial<CaseFailure>,
): Failed {
  return { index, failure: { customer, by: role, ...failure } };
}

function validatorTrouble(trouble: Trouble): Pick<CaseFailure, 'check' | 'what' | 'trouble'> {
  return { check: 'validator-answers', what: trouble.what, trouble };
}

function isAccepted(reply: Reply<boolean> | undefined): boolean {
  return reply?.kind === 'answer' && reply.answer;
}
