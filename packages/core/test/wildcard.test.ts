import fc from 'fast-check';
import { expect, it } from 'vitest';
import { wildcardTest } from '../src/index.ts';

/** What a pattern means, by trying every possibility. */
function means(pattern: string, text: string): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return text === '';
  const after = rest.join('');
  if (first !== '*') return text.startsWith(first) && means(after, text.slice(1));
  return Array.from({ length: text.length + 1 }, (_, start) => start).some((start) =>
    means(after, text.slice(start)),
  );
}

it('a star stands for any characters, everything else for itself', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 6 }),
      fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 }),
      (pattern, text) => {
        expect([pattern, text, wildcardTest(pattern)(text)]).toEqual([pattern, text, means(pattern, text)]);
      },
    ),
    { numRuns: 2_000 },
  );
});

it('no character stands for two parts of a pattern', () => {
  expect(wildcardTest('*a*a*')('a')).toBe(false);
  expect(wildcardTest('*a*a*')('aa')).toBe(true);
});

it('many stars take linear time; backtracking would never finish this', () => {
  expect(wildcardTest(`${'*a'.repeat(500)}b`)('a'.repeat(100_000))).toBe(false);
  expect(wildcardTest(`${'*a'.repeat(500)}*`)('a'.repeat(100_000))).toBe(true);
});
