import { describe, expect, it } from 'vitest';
import { Budget, type BudgetLimits } from '../src/budget.ts';

const limits: BudgetLimits = { warnAfterMs: 20_000, stopAfterMs: 40_000, subrequests: 100, work: 50 };

function started(changes: Partial<BudgetLimits> = {}) {
  const told: string[] = [];
  const clock = { ms: 5_000, nowMs: () => clock.ms };
  const budget = new Budget({ ...limits, ...changes }, clock, (message, isStop) =>
    told.push(`${isStop ? 'stop' : 'warning'}: ${message}`),
  );
  return { budget, clock, told };
}

describe('the budget of a run', () => {
  it('warns once after 20 seconds, and begins nothing new after 40', () => {
    const { budget, clock, told } = started();
    clock.ms += 19_999;
    expect([budget.mayContinue(), told]).toEqual([true, []]);
    clock.ms += 1;
    expect([budget.mayContinue(), budget.mayContinue()]).toEqual([true, true]);
    clock.ms += 19_999;
    expect([budget.mayContinue(), budget.stopReason]).toEqual([true, undefined]);
    clock.ms += 1;
    expect([budget.mayContinue(), budget.mayContinue()]).toEqual([false, false]);
    expect(told).toEqual([
      'warning: This run has taken 20 s.',
      'stop: 40 s have passed: this run finishes with what it has, and the next one continues.',
    ]);
  });

  it('begins nothing new after so many subrequests', () => {
    const { budget } = started();
    for (let number = 0; number < 99; number += 1) budget.onRequest();
    expect(budget.mayContinue()).toBe(true);
    budget.onRequest();
    expect([budget.mayContinue(), budget.stopReason]).toEqual([false, '100 subrequests were made']);
  });

  it('counts what is done, because the clock of a Worker stands still while it computes', () => {
    const { budget } = started({ work: 3 });
    expect(Array.from({ length: 5 }, () => budget.mayContinue())).toEqual([true, true, true, false, false]);
    expect(budget.stopReason).toBe('3 files and pages were handled');
  });
});
