import fc from 'fast-check';
import { OutOfTime } from './ask.ts';
import { type Case, caseArbitrary } from './cases.ts';
import type { Change } from './key-changes.ts';
import type { Plan } from './plan.ts';
import { type CaseFailure, type RoundTools, tryCases } from './round.ts';

/** A customer is small after far fewer; each may cost the timeout of a command. */
const maxAttempts = 300;

export interface SmallestFailure {
  readonly failure: CaseFailure;
  /** How many times a smaller case failed as well. */
  readonly steps: number;
  /** False when the case passed when it was tried again, alone. */
  readonly repeatable: boolean;
}

/**
 * The smallest case, as fast-check makes cases smaller, that fails the same check as `failure`, which case `index` of
 * the plan did: for an accepted change, by the same change. Ends early, with the smallest one so far, when time is over.
 */
export async function smallestFailure(
  plan: Plan,
  index: number,
  failure: CaseFailure,
  tools: Omit<RoundTools, 'chooseChanges'>,
): Promise<SmallestFailure> {
  const search = new Search(failure, tools);
  const property = fc.asyncProperty(
    caseArbitrary(plan),
    async (candidate) => !(await search.fails(candidate)),
  );
  await fc.check(property, { seed: plan.seed, path: String(index), numRuns: index + 1 });
  return search.result();
}

class Search {
  readonly #first: CaseFailure;
  readonly #tools: Omit<RoundTools, 'chooseChanges'>;
  /** What is known of cases, by all of them that matters. */
  readonly #known = new Map<string, boolean>();
  #smallest: CaseFailure;
  #failures = 0;
  #outOfTime = false;

  constructor(first: CaseFailure, tools: Omit<RoundTools, 'chooseChanges'>) {
    this.#first = first;
    this.#smallest = first;
    this.#tools = tools;
  }

  result(): SmallestFailure {
    return {
      failure: this.#smallest,
      steps: Math.max(0, this.#failures - 1),
      repeatable: this.#failures > 0,
    };
  }

  /** Whether a case fails as the first one did; the first that is asked for is that one. */
  async fails(candidate: Case): Promise<boolean> {
    const relevant = this.#relevant(candidate);
    const text = JSON.stringify([relevant.customer, relevant.similar]);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const givenUp = this.#known.size > 0 && this.#failures === 0;
    if (this.#outOfTime || givenUp || this.#known.size >= maxAttempts) return false;
    const found = await this.#try(relevant);
    this.#known.set(text, found !== undefined);
    if (found === undefined) return false;
    this.#smallest = { ...found, changes: this.#first.changes };
    this.#failures += 1;
    return true;
  }

  /** The case without the customer that has no part in it. */
  #relevant(candidate: Case): Case {
    const { by } = this.#first;
    return by === 'both' ? candidate : { ...candidate, customer: candidate[by], similar: candidate[by] };
  }

  async #try(candidate: Case): Promise<CaseFailure | undefined> {
    try {
      const result = await tryCases([candidate], {
        ...this.#tools,
        book: this.#tools.book.emptied(),
        chooseChanges: (all) => this.#sameChange(all),
      });
      return result.kind === 'failed' && result.failure.check === this.#first.check
        ? result.failure
        : undefined;
    } catch (error) {
      if (!(error instanceof OutOfTime)) throw error;
      this.#outOfTime = true;
      return undefined;
    }
  }

  #sameChange(all: readonly Change[]): readonly Change[] {
    const [change] = this.#first.changes ?? [];
    if (change === undefined) return all;
    // Two customers that have become the same have no other's key.
    return change.kind === 'other-customer' ? all.filter(({ kind }) => kind === change.kind) : [change];
  }
}
