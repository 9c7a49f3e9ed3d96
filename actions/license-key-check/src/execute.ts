import { type Clock, type ProgressPort, UserPattern } from '@slipway/core';
import fc from 'fast-check';
import { OutOfTime } from './asker.ts';
import { caseArbitrary } from './cases.ts';
import type { Check } from './checks.ts';
import { excerptOf } from './excerpt.ts';
import type { ChangedKey } from './key-changes.ts';
import type { Plan } from './plan.ts';
import { Programs } from './programs.ts';
import { type SmallestFailure, smallestFailure } from './smallest-failure.ts';
import { CaseFailed, Trials } from './try-case.ts';

export interface CheckPorts {
  /** All variables that the programs get. */
  readonly environment: Readonly<Record<string, string>>;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly progress: ProgressPort;
}

/** A failure as it is reported: nothing in it is a key. */
export interface FoundFailure extends Omit<SmallestFailure, 'stderr'> {
  /** Which case it was, counted from 1. */
  readonly caseNumber: number;
  /** What the program wrote to its standard error, made safe. */
  readonly excerpt: string | undefined;
}

export interface Execution {
  /** How many cases passed every check. */
  readonly passedCases: number;
  readonly counts: ReadonlyMap<Check, number>;
  readonly failure: FoundFailure | undefined;
  readonly durationMs: number;
}

/** Tries the cases of a plan until one fails, all have passed, or time is over. Throws `UserError` for a program that is not there. */
export async function execute(plan: Plan, ports: CheckPorts): Promise<Execution> {
  const { environment, concurrency, clock, progress } = ports;
  const startedMs = clock.nowMs();
  const programs = new Programs(plan, environment, AbortSignal.timeout(plan.timeLimitMs));
  const pattern = plan.key.pattern === undefined ? undefined : new UserPattern(plan.key.pattern);
  const trials = new Trials({ plan, pattern, programs, concurrency });
  const cases = caseArbitrary(plan);
  let passedCases = 0;
  progress.start('Check license keys', plan.cases, 'entries');
  const property = fc.asyncProperty(cases, fc.gen(), async ({ customer, similar }, choose) => {
    const some = (all: ChangedKey[]): readonly ChangedKey[] => {
      const length = Math.min(all.length, plan.changesPerCase);
      return choose(fc.shuffledSubarray<ChangedKey>, all, { minLength: length, maxLength: length });
    };
    const isExhaustive = passedCases < plan.exhaustiveCases;
    await trials.tryCase([customer, similar], isExhaustive ? (all) => all : some);
    passedCases += 1;
    progress.advance(1);
  });
  try {
    const run = await fc.check(property, { seed: plan.seed, numRuns: plan.cases, endOnFailure: true });
    const { errorInstance: error, counterexample, counterexamplePath } = run;
    const isFailure = error instanceof CaseFailed && counterexample !== null;
    if (run.failed && !isFailure && !(error instanceof OutOfTime)) throw error;
    let failure: FoundFailure | undefined;
    if (isFailure) {
      await programs.restart();
      const place = { cases, seed: plan.seed, path: counterexamplePath ?? '' };
      const { stderr, ...smallest } = await smallestFailure(error.failure, counterexample[0], trials, place);
      const excerpt = stderr === undefined ? undefined : excerptOf(stderr, programs.seenKeys);
      failure = { ...smallest, caseNumber: passedCases + 1, excerpt };
    }
    return { passedCases, counts: trials.counts, failure, durationMs: clock.nowMs() - startedMs };
  } finally {
    await programs.restart();
  }
}
