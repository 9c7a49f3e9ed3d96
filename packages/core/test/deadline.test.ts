import { expect, it } from 'vitest';
import { withinTime } from '../src/index.ts';

it('gives what is done in time, and what it throws', () => {
  expect(withinTime(60_000, () => 'done')).toEqual({ value: 'done' });
  expect(withinTime(60_000, () => undefined)).toEqual({ value: undefined });
  const failure = new Error('for a reason');
  expect(() =>
    withinTime(60_000, () => {
      throw failure;
    }),
  ).toThrow(failure);
});

it('stops what would go on for ever, a regular expression and a loop', () => {
  expect(withinTime(50, () => /^(a+)+$/.test(`${'a'.repeat(100)}b`))).toBeUndefined();
  expect(
    withinTime(50, () => {
      for (;;);
    }),
  ).toBeUndefined();
  expect(withinTime(60_000, () => 1)).toEqual({ value: 1 });
});
