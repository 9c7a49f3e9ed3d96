import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { windowAt, windowNumbered } from '../src/index.ts';

describe('windows', () => {
  test('are the half days since 1970 unless they are said to be longer or shorter', () => {
    const timeMs = Date.UTC(2026, 0, 2, 15, 30);
    expect(windowAt(timeMs)).toEqual({
      number: 40_911,
      startsAtMs: Date.UTC(2026, 0, 2, 12),
      endsAtMs: Date.UTC(2026, 0, 3),
    });
    expect(windowAt(timeMs, 3_600)).toMatchObject({ startsAtMs: Date.UTC(2026, 0, 2, 15) });
  });

  test('begin where the one before ends, and have their first millisecond and not their last', () => {
    const number = fc.nat(1_000_000);
    const lengthSeconds = fc.integer({ min: 1, max: 5_000_000 });
    fc.assert(
      fc.property(number, lengthSeconds, (n, length) => {
        const window = windowNumbered(n, length);
        expect(windowNumbered(n + 1, length).startsAtMs).toBe(window.endsAtMs);
        expect(windowAt(window.startsAtMs, length)).toEqual(window);
        expect(windowAt(window.endsAtMs - 1, length)).toEqual(window);
        expect(windowAt(window.endsAtMs, length).number).toBe(n + 1);
      }),
    );
  });

  test('have no number or length that is none', () => {
    for (const number of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e12]) {
      expect(() => windowNumbered(number), String(number)).toThrow(RangeError);
    }
    for (const timeMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, 8.64e15 + 1]) {
      expect(() => windowAt(timeMs), String(timeMs)).toThrow(RangeError);
    }
    for (const length of [0, -43_200, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => windowAt(0, length), String(length)).toThrow(RangeError);
    }
  });
});
