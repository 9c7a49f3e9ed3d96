import type { ObjectInfo } from '@slipway/core';
import { keyOf, windowAt, windowNumbered } from '@slipway/download-window';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sortIntoWindows } from '../src/cleanup/observe.ts';
import { type CleanupPlan, type CleanupRules, endsDownloads, planCleanup } from '../src/cleanup/plan.ts';
import { parseWindowLength } from '../src/parsers.ts';
import { type Clocks, timeText } from '../src/window-times.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const trueMs = Date.UTC(2026, 0, 2, 15);
const current = windowAt(trueMs).number;
const place = { scheme: 'window-sha256', prefix: 'downloads' } as const;
const rules: CleanupRules = {
  lengthSeconds: 43_200,
  count: 2,
  toleranceMs: hourMs,
  graceMs: dayMs,
  maxIdleMs: 30 * dayMs,
};
const agreeing: Clocks = { machineMs: trueMs, storeMs: trueMs };

/** An object of a window, by default written when its window was the next one. */
function objectIn(window: number, writtenAtMs = windowNumbered(window).startsAtMs - hourMs): ObjectInfo {
  const key = keyOf(place, { window, hash: '0123456789abcdef', platform: 'macos', file: 'app.zip' });
  return { key, sizeBytes: 10, modifiedAtMs: writtenAtMs };
}

async function planned(
  objects: readonly ObjectInfo[],
  clocks: Clocks = agreeing,
  changed: Partial<CleanupRules> = {},
): Promise<CleanupPlan> {
  return planCleanup(await sortIntoWindows(listing(objects), place), clocks, { ...rules, ...changed });
}

async function* listing(objects: readonly ObjectInfo[]): AsyncGenerator<ObjectInfo> {
  yield* objects;
}

function deletedWindows({ steps }: CleanupPlan): readonly number[] {
  return steps.map(({ window }) => window);
}

const around = Array.from({ length: 10 }, (_, index) => objectIn(current - 7 + index));

describe('a cleanup', () => {
  test('deletes the windows that ended longer ago than grace and tolerance, the oldest first', async () => {
    const plan = await planned(around);
    // At 15:00, the window that ended at 12:00 the day before has been over for a day and three hours.
    expect(deletedWindows(plan)).toEqual([-7, -6, -5, -4, -3].map((offset) => current + offset));
    expect(plan.kept).toEqual(
      [-2, -1, 0, 1, 2].map((offset) => ({ window: current + offset, objects: 1, reason: 'not-over' })),
    );
    expect(plan.steps[0]).toEqual({
      kind: 'delete-window',
      window: current - 7,
      endedAtMs: windowNumbered(current - 7).endsAtMs,
      keys: [objectIn(current - 7).key],
      sizeBytes: 10,
    });
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  test('never deletes the current or the next window, for any input with a true clock beside the wrong one', async () => {
    const wrongClock = fc.oneof(
      fc.constantFrom(0, 1, Date.UTC(1970, 5), Date.UTC(2031), Date.UTC(2100), 8.64e15, trueMs),
      fc.integer({ min: -3 * dayMs, max: 3 * dayMs }).map((offMs) => trueMs + offMs),
    );
    const input = fc.record({
      graceMs: fc.oneof(
        fc.integer({ min: -1e12, max: 1e12 }),
        fc.constantFrom(0, -0, -1, Number.MIN_SAFE_INTEGER),
      ),
      toleranceMs: fc.oneof(fc.nat(2 * hourMs), fc.integer({ min: -1e12, max: 1e12 })),
      maxIdleMs: fc.oneof(fc.integer({ min: -1e12, max: 1e15 }), fc.constant(Number.MAX_SAFE_INTEGER)),
      count: fc.oneof(fc.integer({ min: -1_000, max: 1_000 }), fc.constant(1e9)),
      lengthSeconds: fc
        .constantFrom('1m', '2m', '6m', '15m', '1h', '2h', '6h', '8h', '12h', '1d', '2d', '7d', '30d', '31d')
        .map((text) => parseWindowLength(text) / 1_000),
    });
    const trueLength = fc.constantFrom(60, 3_600, 43_200, 86_400);
    const inventory = fc.array(
      fc.record({
        window: fc.oneof(
          fc.nat(1_000_000),
          fc.integer({ min: 0, max: 99_999_999 }),
          fc.constantFrom(0, 1, 9_999),
        ),
        writtenAtMs: fc.integer({ min: 0, max: trueMs }),
      }),
      { maxLength: 12 },
    );
    const isSkewed = fc.boolean();
    await fc.assert(
      fc.asyncProperty(
        wrongClock,
        input,
        trueLength,
        inventory,
        isSkewed,
        fc.nat(2),
        async (otherMs, changed, length, more, swap, early) => {
          const now = windowAt(trueMs, length).number;
          // Each was written while it was next or current, and not after now.
          const lengthMs = length * 1_000;
          const true_ = [now, now + 1].map((window) =>
            objectIn(window, Math.min(trueMs, (window - early / 2) * lengthMs)),
          );
          const objects = [...true_, ...more.map(({ window, writtenAtMs }) => objectIn(window, writtenAtMs))];
          const clocks = swap
            ? { machineMs: trueMs, storeMs: otherMs }
            : { machineMs: otherMs, storeMs: trueMs };
          let plan: CleanupPlan;
          try {
            plan = await planned(objects, clocks, changed);
          } catch (error) {
            expect(error).toMatchObject({ code: 'plan-refused' });
            return;
          }
          expect(deletedWindows(plan)).not.toContain(now);
          expect(deletedWindows(plan)).not.toContain(now + 1);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test('deletes something eventually: an expired window expires within the tolerance of every clock', async () => {
    const clock = fc.integer({ min: -hourMs, max: hourMs }).map((offMs) => trueMs + offMs / 2);
    await fc.assert(
      fc.asyncProperty(clock, clock, async (machineMs, storeMs) => {
        expect(deletedWindows(await planned(around, { machineMs, storeMs }))).toContain(current - 4);
      }),
    );
  });

  test('refuses while the clocks disagree, and reports both', async () => {
    for (const machineMs of [Date.UTC(2031, 0), 0, trueMs - hourMs - 60_001, trueMs + hourMs + 60_001]) {
      const refused = planned(around, { machineMs, storeMs: trueMs });
      await expect(refused).rejects.toMatchObject({ code: 'plan-refused' });
      await expect(refused).rejects.toThrow(`The clock of this machine says ${timeText(machineMs)}`);
    }
  });

  test('works while they differ by the tolerance plus the time to read them', async () => {
    for (const machineMs of [trueMs - hourMs - 500, trueMs + hourMs + 500]) {
      expect(deletedWindows(await planned(around, { machineMs, storeMs: trueMs }))).toContain(current - 5);
    }
  });

  test('refuses if both clocks are years after the last publish, unless the inputs confirm that', async () => {
    const years = Date.UTC(2031, 0);
    const later = { machineMs: years, storeMs: years };
    await expect(planned(around, later)).rejects.toThrow(/last file was published at 2026-01-0/);
    const all = await planned(around, later, { maxIdleMs: 4_000 * dayMs });
    expect(deletedWindows(all)).toHaveLength(around.length);
  });

  test('would end the downloads if only past windows are stored, but not while the current window is stored', async () => {
    const past = [objectIn(current - 7), objectIn(current - 6)];
    const ending = await planned(past);
    expect(deletedWindows(ending)).toEqual([current - 7, current - 6]);
    expect(ending.current).toEqual({ window: current, objects: 0 });
    expect(endsDownloads(ending)).toBe(true);
    // Neither a window in its grace nor the next one provides current links.
    expect(endsDownloads(await planned([...past, objectIn(current - 1), objectIn(current + 1)]))).toBe(true);
    expect(endsDownloads(await planned([...past, objectIn(current)]))).toBe(false);
    expect(endsDownloads(await planned([objectIn(current - 1)]))).toBe(false);
    expect(endsDownloads(await planned([]))).toBe(false);
  });

  test('in 1970 by both clocks, nothing has expired', async () => {
    expect(deletedWindows(await planned(around, { machineMs: 0, storeMs: 0 }))).toEqual([]);
  });

  test('a negative grace counts as zero, and the tolerance still applies', async () => {
    const objects = [objectIn(current), objectIn(current - 1), objectIn(current - 2)];
    expect(deletedWindows(await planned(objects, agreeing, { graceMs: -1e15 }))).toEqual([
      current - 2,
      current - 1,
    ]);
    const justAfter = windowNumbered(current).startsAtMs + hourMs - 1;
    const clocks = { machineMs: justAfter, storeMs: justAfter };
    expect(deletedWindows(await planned(objects, clocks, { graceMs: 0 }))).toEqual([current - 2]);
  });

  test('leaves windows alone into which something was written after they ended, unless the current one is stored', async () => {
    const late = windowNumbered(current - 6).endsAtMs + dayMs + hourMs;
    const objects = [
      objectIn(current - 6, late + 1),
      { ...objectIn(current - 6), key: objectIn(current - 6).key.replace('app', 'other') },
      objectIn(current - 7, late - dayMs),
    ];
    const plan = await planned(objects);
    expect(deletedWindows(plan)).toEqual([current - 7]);
    expect(plan.kept).toEqual([{ window: current - 6, objects: 2, reason: 'written-late' }]);

    // A copied bucket: everything is as old as the copy.
    const copied = await planned([
      objectIn(current, trueMs),
      objectIn(current - 6, trueMs),
      objectIn(1, trueMs),
    ]);
    expect(deletedWindows(copied)).toEqual([1, current - 6]);
    const withNextOnly = await planned([objectIn(current + 1, trueMs), objectIn(1, trueMs)]);
    expect(deletedWindows(withNextOnly)).toEqual([]);
  });

  test('at the root of a destination, it considers only windows, and does not count its own documents as unrelated', async () => {
    const root = { scheme: 'window-sha256', prefix: '' } as const;
    const keyIn = (window: number): string =>
      keyOf(root, { window, hash: '0123456789abcdef', platform: 'macos', file: 'app.zip' });
    const objects = [
      { ...objectIn(current), key: keyIn(current) },
      { ...objectIn(current - 7), key: keyIn(current - 7) },
      { ...objectIn(current - 7), key: 'index.html' },
      { ...objectIn(current - 7), key: objectIn(current - 7).key },
      { ...objectIn(current), key: '.slipway/pending-invalidations.v1.json' },
    ];
    const plan = planCleanup(await sortIntoWindows(listing(objects), root), agreeing, rules);
    expect(plan.steps.map(({ keys }) => keys)).toEqual([[keyIn(current - 7)]]);
    expect(plan.unrelated).toMatchObject({ count: 2 });
  });

  test('leaves windows alone whose age the store does not report', async () => {
    const { key, sizeBytes } = objectIn(current - 6);
    const plan = await planned([{ key, sizeBytes }, objectIn(current)]);
    expect(plan).toMatchObject({ steps: [], kept: [{ window: current - 6, reason: 'age-unknown' }, {}] });
  });

  test('a window-length other than that of the publish deletes nothing current', async () => {
    for (const length of ['1m', '30m', '1h', '6h', '8h', '1d', '31d']) {
      const plan = await planned(around, agreeing, {
        lengthSeconds: parseWindowLength(length) / 1_000,
        graceMs: 0,
      });
      expect(deletedWindows(plan), length).toEqual([]);
    }
  });

  test('I8: leaves other objects alone, and reports them', async () => {
    const hash = '0123456789abcdef';
    const unrelated = [
      `downloads/-1/${hash}/macos/app.zip`,
      `downloads/1e9/${hash}/macos/app.zip`,
      `downloads/0040000/${hash}/macos/app.zip`,
      `downloads/../${hash}/macos/app.zip`,
      `downloads/99999999999999999999/${hash}/macos/app.zip`,
      `downloads/40000/${hash}${hash}/macos/app.zip`,
      `downloads/40000/${hash}/macos/deeper/app.zip`,
      `downloads/40000/${hash}/macos`,
      `downloads/40000`,
      'downloads/README',
      'downloads//',
      'other/40000/x',
      'downloads/40000/::error::/macos/x',
    ];
    const plan = await planned([
      ...unrelated.map((key) => ({ key, sizeBytes: 1, modifiedAtMs: 0 })),
      objectIn(999_999_999_999, trueMs),
      objectIn(99_999_999, trueMs),
    ]);
    expect(plan.steps).toEqual([]);
    expect(plan.unrelated).toEqual({ count: unrelated.length, keys: unrelated });
    // After all valid times.
    expect(plan.kept.map(({ window, reason }) => [window, reason])).toEqual([
      [99_999_999, 'not-over'],
      [999_999_999_999, 'not-over'],
    ]);
  });
});
