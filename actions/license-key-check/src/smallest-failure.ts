import fc from 'fast-check';
import type { Case } from './cases.ts';
import type { Customer } from './customer.ts';
import { CaseFailed, type CaseFailure, type Trials } from './try-case.ts';

export interface SmallestFailure extends CaseFailure {
  /** How many times a smaller case failed as well. */
  readonly shrinkSteps: number;
  /** Whether the case failed again when it was tried alone. */
  readonly repeatable: boolean;
}

/**
 * Tries a failing case again, without the other keys of the run, and makes it smaller for as long as it fails the same
 * check by the same change. Customers that have no part in the failure are left out.
 */
export async function smallestFailure(
  failure: CaseFailure,
  failingCase: Case,
  trials: Trials,
  /** Where fast-check finds the failing case. */
  { cases, ...place }: { readonly cases: fc.Arbitrary<Case>; readonly seed: number; readonly path: string },
): Promise<SmallestFailure> {
  const [change] = failure.changes ?? [];
  const one = failure.customer === failingCase.similar ? 'similar' : 'customer';
  const customersOf = (candidate: Case): readonly Customer[] =>
    failure.other === undefined ? [candidate[one]] : [candidate.customer, candidate.similar];
  const property = fc.asyncProperty(cases.map(customersOf), async (customers) => {
    try {
      await trials
        .alone()
        .tryCase(customers, (all) =>
          change === undefined ? all : all.filter((other) => other.change.what === change.what),
        );
    } catch (error) {
      // Whatever else goes wrong now, such as the end of the time limit, what was found before it is reported.
      if (error instanceof CaseFailed && error.failure.check === failure.check) throw error;
    }
  });
  const parameters = { ...place, numRuns: 1, skipEqualValues: true };
  const { errorInstance, numShrinks } = await fc.check(property, parameters);
  const again = errorInstance instanceof CaseFailed ? errorInstance.failure : undefined;
  return {
    ...(again ?? failure),
    changes: failure.changes,
    shrinkSteps: numShrinks,
    repeatable: again !== undefined,
  };
}
