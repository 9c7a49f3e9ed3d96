import { windowAt, windowNumbered } from '@slipway/download-window';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coveredWindows, dueWindows, isOver, newestOver } from '../src/clocks.ts';

const hourMs = 3_600_000;
const time = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2100, 0) });
const rules = fc.record({
  lengthSeconds: fc.constantFrom(60, 3_600, 43_200, 86_400),
  count: fc.integer({ min: 1, max: 10 }),
  toleranceMs: fc.nat(hourMs),
  graceMs: fc.nat(48 * hourMs),
});
const off = fc.integer({ min: -1_000, max: 1_000 });

describe('with clocks that are off by as much as the tolerance', () => {
  test('what is published has the current window of every other clock, and the next ones after it', () => {
    fc.assert(
      fc.property(time, rules, off, off, (trueMs, given, ours, theirs) => {
        const machineMs = trueMs + (ours * given.toleranceMs) / 1_000 / 2;
        const covered = coveredWindows({ machineMs, storeMs: trueMs }, given);
        const site = windowAt(trueMs + (theirs * given.toleranceMs) / 1_000, given.lengthSeconds).number;
        for (let next = 0; next < given.count; next += 1) expect(covered).toContain(site + next);
        expect(covered).toEqual(covered.toSorted((a, b) => a - b));
      }),
    );
  });

  test('what a publish covered is all that is due, for as long as the tolerance', () => {
    fc.assert(
      fc.property(time, rules, fc.nat(1_000), (publishedMs, given, later) => {
        const covered = coveredWindows({ machineMs: publishedMs, storeMs: publishedMs }, given);
        const verifiedMs = publishedMs + (later * given.toleranceMs) / 1_000;
        const due = dueWindows({ machineMs: verifiedMs, storeMs: verifiedMs }, given);
        expect(covered).toEqual(expect.arrayContaining([...due]));
        expect(due).toContain(windowAt(verifiedMs, given.lengthSeconds).number);
      }),
    );
  });

  test('the newest window that is over is over, and the one after it is not', () => {
    fc.assert(
      fc.property(time, rules, (nowMs, given) => {
        const clocks = { machineMs: nowMs, storeMs: undefined };
        const newest = newestOver(clocks, given) ?? 0;
        expect(isOver(newest, clocks, given)).toBe(true);
        expect(isOver(newest + 1, clocks, given)).toBe(false);
        expect(windowNumbered(newest, given.lengthSeconds).endsAtMs).toBeLessThanOrEqual(nowMs);
      }),
    );
  });
});

test('two windows are the current and the next one, in the middle of a window', () => {
  const nowMs = Date.UTC(2026, 0, 2, 18);
  const given = { lengthSeconds: 43_200, count: 2, toleranceMs: hourMs, graceMs: 0 };
  expect(coveredWindows({ machineMs: nowMs, storeMs: nowMs }, given)).toEqual([40_911, 40_912]);
  const evening = Date.UTC(2026, 0, 2, 23, 30);
  expect(coveredWindows({ machineMs: evening, storeMs: evening }, given)).toEqual([40_911, 40_912, 40_913]);
  expect(dueWindows({ machineMs: evening, storeMs: evening }, given)).toEqual([40_911, 40_912]);
  const morning = Date.UTC(2026, 0, 3, 0, 30);
  expect(coveredWindows({ machineMs: morning, storeMs: morning }, given)).toEqual([40_911, 40_912, 40_913]);
});
