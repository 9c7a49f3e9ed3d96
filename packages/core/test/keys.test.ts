import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyProblem } from '../src/keys.ts';

/** Names that make up keys and things that only look like keys. */
const name = fc.constantFrom(
  'a',
  'b-1',
  '.',
  '..',
  '',
  '...',
  '.hidden',
  'a b',
  'ü',
  '\\',
  '\n',
  'x'.repeat(600),
);

describe('keyProblem', () => {
  test('finds no problem in keys of valid names, and one in any other', () => {
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), (names) => {
        const key = names.join('/');
        const isUsable =
          names.every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\\n]/.test(part)) &&
          Buffer.byteLength(key) <= 1024;
        expect(keyProblem(key) === undefined).toBe(isUsable);
      }),
      { numRuns: 1_000 },
    );
  });

  test('counts bytes, not characters', () => {
    expect(keyProblem('x'.repeat(1024))).toBeUndefined();
    expect(keyProblem('x'.repeat(1025))).toContain('1024 bytes');
    expect(keyProblem('ü'.repeat(512))).toBeUndefined();
    expect(keyProblem('ü'.repeat(513))).toContain('1024 bytes');
  });

  test('takes no longer for a near miss', () => {
    expect(keyProblem(`${'a.'.repeat(500)}\n`)).toBe('it has a control character');
    expect(keyProblem(`${'a/'.repeat(500)}/`)).toBe('it has an empty segment');
  });
});
