import { windowAt, windowNumbered } from '@slipway/download-window';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coveredWindows, dueWindows, isOver, newestOver, refuseDisagreement } from '../src/window-times.ts';

const hourMs = 3_600_000;
const time = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2100, 0) });
const rules = fc.record({
  lengthSeconds: fc.constantFrom(60, 3_600, 43_200, 86_400),
  count: fc.integer({ min: 1, max: 10 }),
  toleranceMs: fc.nat(hourMs),
  graceMs: fc.nat(48 * hourMs),
});
const off = fc.integer({ min: -1_000, max: 1_000 });

describe('with clocks that are off by exactly the tolerance', () => {
  test('a publish covers the current window of every other clock, and the windows after it', () => {
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

  test('what a publish covered includes everything that is due, for the length of the tolerance', () => {
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

  test('the newest expired window has expired by both clocks, and the next one has not by one of them', () => {
    const clocksOf = fc.record({
      machineMs: time,
      storeMs: fc.option(fc.integer({ min: -hourMs, max: hourMs }), { nil: undefined }),
    });
    fc.assert(
      fc.property(clocksOf, rules, ({ machineMs, storeMs: apartMs }, given) => {
        const clocks = { machineMs, storeMs: apartMs === undefined ? undefined : machineMs + apartMs };
        const nowMs = Math.min(machineMs, clocks.storeMs ?? machineMs);
        const newest = newestOver(clocks, given) ?? 0;
        expect(isOver(newest, clocks, given)).toBe(true);
        expect(isOver(newest + 1, clocks, given)).toBe(false);
        const links = given.graceMs + given.toleranceMs;
        expect(windowNumbered(newest, given.lengthSeconds).endsAtMs + links).toBeLessThanOrEqual(nowMs);
        expect(windowNumbered(newest + 1, given.lengthSeconds).endsAtMs + links).toBeGreaterThan(nowMs);
      }),
    );
  });
});

test('two windows are the current and the next one in the middle of a window', () => {
  const nowMs = Date.UTC(2026, 0, 2, 18);
  const given = { lengthSeconds: 43_200, count: 2, toleranceMs: hourMs, graceMs: 0 };
  expect(coveredWindows({ machineMs: nowMs, storeMs: nowMs }, given)).toEqual([40_911, 40_912]);
  const evening = Date.UTC(2026, 0, 2, 23, 30);
  expect(coveredWindows({ machineMs: evening, storeMs: evening }, given)).toEqual([40_911, 40_912, 40_913]);
  expect(dueWindows({ machineMs: evening, storeMs: evening }, given)).toEqual([40_911, 40_912]);
  const morning = Date.UTC(2026, 0, 3, 0, 30);
  expect(coveredWindows({ machineMs: morning, storeMs: morning }, given)).toEqual([40_911, 40_912, 40_913]);
});

test('the windows to publish begin with that of the earlier clock, and end with that of the later one', () => {
  const given = { lengthSeconds: 43_200, count: 1, toleranceMs: 0, graceMs: 0 };
  const { endsAtMs } = windowNumbered(40_911, given.lengthSeconds);
  for (const [machineMs, storeMs] of [
    [endsAtMs - 1, endsAtMs],
    [endsAtMs, endsAtMs - 1],
  ] as const) {
    expect(coveredWindows({ machineMs, storeMs }, given)).toEqual([40_911, 40_912]);
    expect(dueWindows({ machineMs, storeMs }, given)).toEqual([40_911, 40_912]);
  }
});

describe('I6: a window', () => {
  const given = { lengthSeconds: 43_200, count: 2, toleranceMs: hourMs, graceMs: 12 * hourMs };
  const { endsAtMs } = windowNumbered(40_911, given.lengthSeconds);
  const overMs = endsAtMs + given.graceMs + given.toleranceMs;

  test('has expired once its grace and the tolerance have passed by the earlier of two clocks', () => {
    expect(isOver(40_911, { machineMs: overMs, storeMs: overMs }, given)).toBe(true);
    expect(isOver(40_911, { machineMs: overMs, storeMs: undefined }, given)).toBe(true);
    expect(isOver(40_911, { machineMs: overMs - 1, storeMs: undefined }, given)).toBe(false);
    expect(isOver(40_911, { machineMs: overMs - 1, storeMs: overMs + hourMs }, given)).toBe(false);
    expect(isOver(40_911, { machineMs: overMs + hourMs, storeMs: overMs - 1 }, given)).toBe(false);
  });

  test('never expires sooner because of a negative grace or tolerance', () => {
    const odd = { ...given, graceMs: -hourMs, toleranceMs: -hourMs };
    expect(isOver(40_911, { machineMs: endsAtMs, storeMs: undefined }, odd)).toBe(true);
    expect(isOver(40_911, { machineMs: endsAtMs - 1, storeMs: undefined }, odd)).toBe(false);
  });
});

test('clocks that differ by more than the tolerance are refused, whichever is ahead', () => {
  const nowMs = Date.UTC(2026, 0, 2, 18);
  const apartMs = hourMs + 60_000;
  for (const storeMs of [undefined, nowMs, nowMs + apartMs, nowMs - apartMs])
    expect(() => refuseDisagreement({ machineMs: nowMs, storeMs }, hourMs)).not.toThrow();
  for (const storeMs of [nowMs + apartMs + 1, nowMs - apartMs - 1]) {
    expect(() => refuseDisagreement({ machineMs: nowMs, storeMs }, hourMs)).toThrow(
      expect.objectContaining({ code: 'plan-refused' }),
    );
  }
});
