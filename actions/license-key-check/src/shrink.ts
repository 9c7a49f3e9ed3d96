import fc from 'fast-check';
import { OutOfTime } from './ask.ts';
import { type Case, caseArbitrary } from './cases.ts';
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
  tools: Pick<RoundTools, 'plan' | 'rules' | 'askGenerator' | 'askValidator'>,
): Promise<SmallestFailure> {
  const [change] = failure.changes ?? [];
  let smallest = failure;
  let failures = 0;
  let attempts = 0;
  let ended = false;
  const fails = async (candidate: Case): Promise<boolean> => {
    if (ended || attempts >= maxAttempts || (attempts > 0 && failures === 0)) return false;
    attempts += 1;
    const found = await tryCases([candidate], {
      ...tools,
      seen: new Map(),
      chooseChanges: (all) => {
        if (change === undefined) return all;
        return change.kind === 'other-customer' ? all.filter(({ kind }) => kind === change.kind) : [change];
      },
    });
    if (found.kind === 'passed' || found.failure.check !== failure.check) return false;
    smallest = { ...found.failure, changes: failure.changes };
    failures += 1;
    return true;
  };
  const property = fc.asyncProperty(caseArbitrary(plan), async (candidate) => {
    try {
      return !(await fails(candidate));
    } catch (error) {
      if (!(error instanceof OutOfTime)) throw error;
      ended = true;
      return true;
    }
  });
  await fc.check(property, { seed: plan.seed, path: String(index), numRuns: index + 1 });
  return { failure: smallest, steps: Math.max(0, failures - 1), repeatable: failures > 0 };
}
