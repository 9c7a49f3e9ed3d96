import { expect, it } from 'vitest';
import { UserError, UserPattern, withinTime } from '../src/index.ts';

it('returns what finishes in time, and throws what it throws', () => {
  expect(withinTime(60_000, () => 'done')).toEqual({ value: 'done' });
  expect(withinTime(60_000, () => undefined)).toEqual({ value: undefined });
  const failure = new Error('for a reason');
  expect(() =>
    withinTime(60_000, () => {
      throw failure;
    }),
  ).toThrow(failure);
});

it('stops an endless regular expression and an endless loop', () => {
  expect(withinTime(50, () => /^(a+)+$/.test(`${'a'.repeat(100)}b`))).toBeUndefined();
  expect(
    withinTime(50, () => {
      for (;;);
    }),
  ).toBeUndefined();
  expect(withinTime(60_000, () => 1)).toEqual({ value: 1 });
});

it('keeps nested runs apart', () => {
  expect(withinTime(60_000, () => [withinTime(60_000, () => 1)?.value, 2])).toEqual({ value: [1, 2] });
});

it("matches whole texts with the user's pattern", () => {
  const pattern = new UserPattern('a|b[0-9]{2}');
  expect(pattern.source).toBe('a|b[0-9]{2}');
  expect(['a', 'b12', 'xa', 'ab', 'b1', 'a\n'].filter((text) => pattern.matches(text))).toEqual(['a', 'b12']);
});

it('refuses invalid and overlong patterns', () => {
  expect(() => new UserPattern('(')).toThrow(/^is not a valid regular expression \(.+\)$/);
  expect(() => new UserPattern('aaaa', 3)).toThrow('must have at most 3 characters');
  expect(new UserPattern('aaa', 3).matches('aaa')).toBe(true);
});

it('counts endless matches as mismatches, twenty times', { timeout: 60_000 }, () => {
  const pattern = new UserPattern('(a+)+');
  const slow = `${'a'.repeat(100)}b`;
  for (let match = 1; match <= 20; match += 1) expect(pattern.matches(slow)).toBe(false);
  expect(pattern.matches('aaa')).toBe(true);
  expect(() => pattern.matches(slow)).toThrow(UserError);
});
