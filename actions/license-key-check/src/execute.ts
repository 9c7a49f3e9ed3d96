import { type Clock, type ProgressPort, UserPattern } from '@slipway/core';
import fc from 'fast-check';
import { type Case, caseArbitrary } from './cases.ts';
import type { Customer } from './customer.ts';
import { excerptOf } from './excerpt.ts';
import { type Change, someChanges } from './key-changes.ts';
import type { Plan } from './plan.ts';
import { OutOfTime, Programs } from './programs.ts';
import { type CaseFailure, type CaseTools, type Counts, tryCase } from './try-case.ts';

/** A customer is small after far fewer attempts; each may take as long as a command may. */
const maxAttempts = 300;

export interface CheckPorts {
  /** All variables that the programs get. */
  readonly environment: Readonly<Record<string, string>>;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly progress: ProgressPort;
}

/** A failure as it is reported: nothing in it is a key. */
export interface FoundFailure extends Omit<CaseFailure, 'trouble'> {
  /** Which case it was, counted from 1. */
  readonly caseNumber: number;
  /** How many times a smaller case failed as well. */
  readonly shrinkSteps: number;
  /** Whether the case failed again when it was tried alone. */
  readonly repeatable: boolean;
  /** What the program wrote to its standard error, made safe. */
  readonly excerpt: string | undefined;
}

export interface Execution {
  /** How many cases passed every check. */
  readonly passedCases: number;
  readonly counts: Counts;
  readonly failure: FoundFailure | undefined;
  readonly durationMs: number;
}

/** Tries the cases of a plan until one fails, all have passed, or time is over. Throws `UserError` for a program that is not there. */
export async function execute(plan: Plan, ports: CheckPorts): Promise<Execution> {
  const { environment, concurrency, clock, progress } = ports;
  const startedMs = clock.nowMs();
  const counts: Counts = new Map();
  const programs = new Programs(plan, environment, AbortSignal.timeout(plan.timeLimitMs));
  const { pattern } = plan.key;
  const search = new Search(progress, {
    plan,
    rules: { ...plan.key, pattern: pattern === undefined ? undefined : new UserPattern(pattern) },
    programs,
    concurrency,
    counts,
    seenKeys: new Set(),
    owners: new Map(),
    characters: new Set(),
  });
  progress.start('Check license keys', plan.cases, 'entries');
  const property = fc.asyncProperty(caseArbitrary(plan), (candidate) => search.passes(candidate));
  try {
    await fc.check(property, { seed: plan.seed, numRuns: plan.cases });
  } finally {
    await programs.restart();
  }
  search.throwError();
  return {
    passedCases: search.passedCases,
    counts,
    failure: search.failure(),
    durationMs: clock.nowMs() - startedMs,
  };
}

/** What fast-check asks about cases: first those of the run, and after one failed smaller and smaller ones. */
class Search {
  passedCases = 0;
  readonly #progress: ProgressPort;
  readonly #tools: Omit<CaseTools, 'chooseChanges'>;
  #first: CaseFailure | undefined;
  /** Which customer of a case fails, where one alone does. */
  #role: 'customer' | 'similar' = 'customer';
  #smallest: CaseFailure | undefined;
  #shrinkSteps = 0;
  #repeatable = false;
  /** What ended the check before its time. */
  #error: unknown;
  /** The smaller cases that were tried, by the customers that matter, and whether they passed. */
  readonly #tried = new Map<string, boolean>();

  constructor(progress: ProgressPort, tools: Omit<CaseTools, 'chooseChanges'>) {
    this.#progress = progress;
    this.#tools = tools;
  }

  failure(): FoundFailure | undefined {
    if (this.#smallest === undefined) return undefined;
    const { trouble, ...shown } = this.#smallest;
    return {
      ...shown,
      caseNumber: this.passedCases + 1,
      shrinkSteps: this.#shrinkSteps,
      repeatable: this.#repeatable,
      excerpt: trouble && excerptOf(trouble.stderr, this.#tools.seenKeys),
    };
  }

  throwError(): void {
    if (this.#error !== undefined && !(this.#error instanceof OutOfTime)) throw this.#error;
  }

  /** Whether a case passes. After an error every case does, because fast-check takes an error for a failing case. */
  async passes(candidate: Case): Promise<boolean> {
    if (this.#error !== undefined) return true;
    try {
      return this.#first === undefined ? await this.#tryNext(candidate) : await this.#trySmaller(candidate);
    } catch (error) {
      this.#error = error;
      return this.#first === undefined;
    }
  }

  async #tryNext(candidate: Case): Promise<boolean> {
    const { plan } = this.#tools;
    const isExhaustive = this.passedCases < plan.exhaustiveCases;
    const failure = await tryCase([candidate.customer, candidate.similar], {
      ...this.#tools,
      chooseChanges: (all) => (isExhaustive ? all : someChanges(all, candidate.picks)),
    });
    if (failure === undefined) {
      this.passedCases += 1;
      this.#progress.advance(1);
      return true;
    }
    this.#first = failure;
    this.#role = failure.customer === candidate.similar ? 'similar' : 'customer';
    this.#smallest = failure;
    await this.#tools.programs.restart();
    const again = await this.#tryAlone(candidate);
    this.#repeatable = again !== undefined;
    this.#smallest = again ?? failure;
    return false;
  }

  async #trySmaller(candidate: Case): Promise<boolean> {
    if (!this.#repeatable) return true;
    const key = JSON.stringify(this.#customersOf(candidate));
    const known = this.#tried.get(key);
    if (known !== undefined) return known;
    if (this.#tried.size >= maxAttempts) return true;
    const failure = await this.#tryAlone(candidate);
    this.#tried.set(key, failure === undefined);
    if (failure === undefined) return true;
    this.#smallest = failure;
    this.#shrinkSteps += 1;
    return false;
  }

  /** How a case fails the check that the first one failed, by the same change, without the other keys of the run. */
  async #tryAlone(candidate: Case): Promise<CaseFailure | undefined> {
    const first = this.#first;
    const failure = await tryCase(this.#customersOf(candidate), {
      ...this.#tools,
      counts: new Map(),
      owners: new Map(),
      characters: new Set(this.#tools.characters),
      chooseChanges: (all) => sameChange(all, first?.changes?.[0]),
    });
    if (failure === undefined || failure.check !== first?.check) return undefined;
    return { ...failure, changes: first.changes };
  }

  /** The customers of a case that have a part in the failure. */
  #customersOf(candidate: Case): readonly Customer[] {
    const { customer, similar } = candidate;
    return this.#first?.other === undefined ? [candidate[this.#role]] : [customer, similar];
  }
}

function sameChange(all: readonly Change[], change: Change | undefined): readonly Change[] {
  if (change === undefined) return all;
  // Two customers that have become the same have no other's key.
  return change.kind === 'other-customer' ? all.filter(({ kind }) => kind === change.kind) : [change];
}
