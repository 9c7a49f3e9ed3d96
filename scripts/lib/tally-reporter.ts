import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';
import { statedSeconds } from './longest-first.ts';

export interface SkippedTest {
  readonly name: string;
  readonly reason: string;
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly SkippedTest[];
  /** Files that took long and do not say so: they start late, and a worker waits for them. */
  readonly slow: readonly { readonly file: string; readonly seconds: number }[];
}

const slowSeconds = 30;

/** Names the variable with the file for the tally, which `scripts/test` sets. */
export const tallyVariable = 'SLIPWAY_TEST_TALLY';

/**
 * Counts the tests of a run. A file that cannot be loaded and an error outside of all tests each count as a failure, so that a run
 * that tested nothing never succeeds.
 */
export default class TallyReporter implements Reporter {
  onTestRunEnd(testModules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const path = process.env[tallyVariable];
    if (path !== undefined) writeFileSync(path, JSON.stringify(tally(testModules, unhandledErrors.length)));
  }
}

function tally(testModules: readonly TestModule[], unhandledErrors: number): Tally {
  let passed = 0;
  let failed = unhandledErrors;
  const skipped: SkippedTest[] = [];
  for (const testModule of testModules) {
    failed += testModule.errors().length;
    for (const test of testModule.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') passed += 1;
      else if (result.state === 'failed') failed += 1;
      else
        skipped.push({
          name: `${testModule.relativeModuleId}: ${test.fullName}`,
          reason: skipReason(test.fullName, result),
        });
    }
  }
  const slow = testModules
    .map((one) => ({ one, seconds: Math.round(one.diagnostic().duration / 1000) }))
    .filter(({ one, seconds }) => seconds >= slowSeconds && statedSeconds(one.moduleId) === 0)
    .map(({ one, seconds }) => ({ file: one.relativeModuleId, seconds }));
  return { passed, failed, skipped, slow };
}

/** The note that was passed to `skip`, or what the test needs according to its name. */
function skipReason(name: string, result: object): string {
  if ('note' in result && typeof result.note === 'string') return result.note;
  return /\b(needs [^)]+)/.exec(name)?.[1] ?? 'no reason given';
}
