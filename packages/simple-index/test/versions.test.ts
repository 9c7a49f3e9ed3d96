import { compare, valid } from '@renovatebot/pep440';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  normalizeVersion,
  parseVersion,
  publicVersionOrder,
  versionOrder,
  withoutLocalVersion,
} from '../src/index.ts';

const seed = 440;
const runs = 100_000;

function sorted(versions: readonly string[], order: (version: string) => string): readonly string[] {
  return versions.toSorted((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0));
}

describe('the order of versions', () => {
  // From the examples of PEP 440, from low to high.
  const ascending = [
    'nightly',
    '1.dev0',
    '1.0.dev456',
    '1.0a1',
    '1.0a2.dev456',
    '1.0a12.dev456',
    '1.0a12',
    '1.0b1.dev456',
    '1.0b2',
    '1.0b2.post345.dev456',
    '1.0b2.post345',
    '1.0rc1.dev456',
    '1.0rc1',
    '1.0',
    '1.0+abc.5',
    '1.0+abc.7',
    '1.0+5',
    '1.0+5.1',
    '1.0+10',
    '1.0.post456.dev34',
    '1.0.post456',
    '1.1.dev1',
    '1.9',
    '1.10',
    '2.9.0.dev20251127',
    '2.9.0.dev20251128+cu118',
    '2.9.0',
    '2.9.0+cpu',
    '2.9.0+cu118',
    '1!0.1',
  ];

  test('is that of PEP 440, and what it does not know is lowest', () => {
    expect(sorted(ascending.toReversed(), versionOrder)).toEqual(ascending);
  });

  test('leaves out the local version where it is not asked for', () => {
    expect(publicVersionOrder('2.9.0+cu118')).toBe(publicVersionOrder('v2.9+cpu'));
    expect(publicVersionOrder('nightly+cu118')).toBe(publicVersionOrder('nightly'));
    expect(versionOrder('2.9.0+cu118') > versionOrder('2.9.0+cpu')).toBe(true);
    expect(withoutLocalVersion('2.9.0+cu118+x')).toBe('2.9.0');
    expect(withoutLocalVersion('2.9.0')).toBe('2.9.0');
  });

  test('is exact for numbers that a double cannot hold', () => {
    const [a, b] = ['1.0.dev20251128123456789', '1.0.dev20251128123456790'];
    expect(versionOrder(a) < versionOrder(b)).toBe(true);
    expect(normalizeVersion(a)).toBe(a);
    expect(versionOrder('1.0+1e5') < versionOrder('1.0+2')).toBe(true);
    expect(normalizeVersion('1.0+0x10')).toBe('1.0+0x10');
  });

  test.each([
    ['v1.0', '1.0'],
    ['01.002', '1.2'],
    ['1.0-RC.1', '1.0rc1'],
    ['1.0preview', '1.0rc0'],
    ['1.0c2', '1.0rc2'],
    ['1.0alpha-3', '1.0a3'],
    ['1.0-1', '1.0.post1'],
    ['1.0a-1-2', '1.0a1.post2'],
    ['1.0-r4', '1.0.post4'],
    ['1.0.REV', '1.0.post0'],
    ['1.0.dev', '1.0.dev0'],
    ['00!1.0', '1.0'],
    ['7!1.0', '7!1.0'],
    ['1.0+Ubuntu_01-x', '1.0+ubuntu.1.x'],
    ['nightly', 'nightly'],
  ])('writes %s as %s', (text, normalized) => {
    expect(normalizeVersion(text)).toBe(normalized);
  });

  test.each([
    '',
    ' 1.0',
    '1.0\n',
    '1.0\0',
    '1..0',
    '1.0+',
    '1.0+a..b',
    '1.0_1_',
    '1.0%2Bcu118',
    '١.٠',
    '1.0.poſt1',
    '1'.repeat(256),
  ])('does not take %j as a version', (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });
});

const number = fc.nat({ max: 120 }).map(String);
const word = (...words: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...words);
const separator = word('', '.', '-', '_');
const suffix = (...words: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      separator,
      word(...words),
      fc.oneof(
        fc.constant(''),
        fc.tuple(separator, number).map((parts) => parts.join('')),
      ),
    )
    .map((parts) => parts.join(''));
const maybe = (part: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.oneof(fc.constant(''), part);
/** Any version that PEP 440 knows, in any spelling. */
const version = fc
  .tuple(
    maybe(word('v', 'V')),
    maybe(word('0!', '1!', '20!')),
    fc.array(number, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.')),
    maybe(suffix('a', 'b', 'c', 'rc', 'alpha', 'Beta', 'pre', 'PREVIEW')),
    maybe(
      fc.oneof(
        suffix('post', 'rev', 'r'),
        number.map((digits) => `-${digits}`),
      ),
    ),
    maybe(suffix('dev', 'DEV')),
    maybe(
      fc
        .array(fc.oneof(number, word('cu118', 'CPU', 'rocm6', 'git1a2b')), { minLength: 1, maxLength: 3 })
        .chain((parts) => word('.', '-', '_').map((joint) => `+${parts.join(joint)}`)),
    ),
  )
  .map((parts) => parts.join(''));

describe(`any version (seed ${seed}, ${runs} cases)`, () => {
  test('is known, normalised without changing its meaning, and compares as in another implementation of PEP 440', () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        const [x, y] = [parseVersion(a), parseVersion(b)];
        if (x === undefined || y === undefined) return false;
        const again = parseVersion(x.normalized);
        return (
          again?.normalized === x.normalized &&
          compare(x.normalized, a) === 0 &&
          (x.order < y.order ? -1 : x.order > y.order ? 1 : 0) === Math.sign(compare(a, b))
        );
      }),
      { seed, numRuns: runs },
    );
  });

  test('I8: any text is a version if PEP 440 knows it, without an error', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0129.+-_!vabcrdeposx \n٣'), maxLength: 14 });
    fc.assert(
      fc.property(text, (some) => {
        expect(versionOrder(some)).toBe(versionOrder(some));
        return (parseVersion(some) !== undefined) === (valid(some) !== null);
      }),
      { seed, numRuns: runs },
    );
  });
});
