import fc from 'fast-check';
import picomatch from 'picomatch';
import { describe, expect, it } from 'vitest';
import { globTest, pathGlob, pathGlobOrBelow, splitGlob } from '../src/index.ts';

describe('a glob', () => {
  it.each([
    ['*', ['a', '.a', 'a b'], ['a/b']],
    ['?', ['a'], ['ab', '/']],
    ['a*b', ['ab', 'axb', 'a*b'], ['a/b', 'abc']],
    ['**', ['a', 'a/b'], []],
    ['**/a', ['a', 'x/a', 'x/y/a'], ['xa', 'a/x']],
    ['a/**', ['a', 'a/b', 'a/b/c'], ['ab', 'b/a']],
    ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['ab', 'a/xb']],
    ['a/**/**', ['a', 'a/b'], ['b']],
    ['**/**/a', ['a', 'x/a', 'x/y/a'], ['xa']],
    ['x/**/**/**/a', ['x/a', 'x/y/a'], ['a', 'x/ya']],
    ['*/**', ['a/b', 'a/b/c'], ['a']],
    ['**.js', ['a.js', 'a/b.js'], ['ajs']],
    ['a**', ['a', 'ab'], ['a/b']],
    ['[a-c]x', ['ax', 'cx'], ['dx']],
    ['[!a]', ['b'], ['a', '/']],
    ['[^a]', ['b'], ['a', '/']],
    ['[]a]', ['a', ']'], ['b']],
    ['[[:digit:]_]', ['7', '_'], ['a']],
    ['[id].js', ['[id].js', 'i.js'], ['x.js']],
    ['{a,b/c}d', ['ad', 'b/cd'], ['a', 'cd']],
    ['a{,b}', ['a', 'ab'], ['b']],
    ['{a,{b,c}}d', ['ad', 'bd', 'cd'], ['d']],
    ['{8..11}', ['8', '9', '10', '11'], ['1', '12']],
    ['{08..11}', ['08', '11'], ['8']],
    ['{a}', ['{a}'], ['a']],
    ['@(a|b)', ['a', 'b'], ['ab', '']],
    ['?(a)b', ['b', 'ab'], ['aab']],
    ['x*(a|b)', ['x', 'xab', 'xbba'], ['xc']],
    ['+(ab)', ['ab', 'abab'], ['aba']],
    ['!(a|b)', ['c', 'ab', 'aa'], ['a', 'b', 'c/d']],
    ['x!(*.map)', ['x.js', 'xmap'], ['x.map', 'xa.map']],
    ['!(a)/**/b', ['x/b', 'x/y/b'], ['a/b', 'a/y/b']],
    ['**/!(a).js', ['b.js', 'x/ab.js'], ['a.js', 'x/a.js']],
    ['file (1).txt', ['file (1).txt'], ['file 1.txt']],
    ['a+b$^.|', ['a+b$^.|'], ['aab$^.|']],
    ['\\*\\[', ['*['], ['a[']],
    ['[a', ['[a'], ['a']],
    ['{a', ['{a'], ['a']],
    ['+(a', ['+(a'], ['a']],
    ['a\nb*', ['a\nb', 'a\nbc'], ['ab']],
    ['*é?', ['é1', 'xé1'], ['e1']],
  ])('%s', (glob, matching, others) => {
    const matches = globTest(glob);
    expect(matching.filter((text) => !matches(text))).toEqual([]);
    expect(others.filter((text) => matches(text))).toEqual([]);
  });

  it.each([
    ['', 'empty'],
    ['a'.repeat(1_001), 'longer than 1000'],
    ['(a|b)', 'needs an "@"'],
    ['[z-a]', 'backwards'],
    ['[[:nonsense:]]', 'there is no "[:nonsense:]"'],
    ['*!(a)', 'after a wildcard'],
    ['{!(a),b}', 'within braces'],
    ['!(a/b)', 'about one name'],
    ['{1..5000}', 'more than 1000'],
    ['{000000000..000000999}{1..1000}', 'stands for too much'],
    [`${'{a,'.repeat(21)}b${'}'.repeat(21)}`, 'groups in each other'],
  ])('that cannot be meant is refused: %s', (glob, words) => {
    expect(() => globTest(glob)).toThrow(words);
  });

  it.each(['!a', '!**/*.map', '!!a', ''])('about names and paths is none with a "!" in front: %s', (glob) => {
    expect(() => pathGlob(glob)).toThrow(glob === '' ? 'empty' : 'is written \\!');
    expect(() => pathGlob('\\!a')('!a')).not.toThrow();
    expect(pathGlob('!(a)')('b')).toBe(true);
  });

  it('splits into the directories before its first wildcard and the rest', () => {
    expect(splitGlob('a/b/*.js')).toEqual({ directory: 'a/b', glob: '*.js' });
    expect(splitGlob('/*/x')).toEqual({ directory: '/', glob: '*/x' });
    expect(splitGlob('{a,b}/c')).toEqual({ directory: '', glob: '{a,b}/c' });
    expect(splitGlob('a/b@2/(c)')).toBeUndefined();
  });
});

describe('the time that a glob takes', () => {
  // Each of these would take a matcher that goes back longer than there is time: the test ends because this one does not.
  const name = 'a'.repeat(2_000);
  it.each([
    ['stars', `${'*a'.repeat(499)}b`],
    ['groups', `${'+('.repeat(19)}a${')'.repeat(19)}b`],
    ['groups side by side', `${'*(a|aa)'.repeat(100)}b`],
    ['optional groups', `${'?(a)'.repeat(200)}${'a'.repeat(150)}b`],
    ['braces', `${'{a,aa}'.repeat(150)}b`],
    ['braces with stars', `${'{*a,*aa}'.repeat(120)}b`],
    ['classes', `${'*[a]'.repeat(249)}b`],
    ['an exception', `!(${'*a'.repeat(400)}b)b`],
  ])('is linear: %s', (_, glob) => {
    expect(globTest(glob)(name)).toBe(false);
  });

  it('is linear for directories', () => {
    expect(globTest(`${'**/a/'.repeat(190)}b`)(`${'a/'.repeat(1_000)}a`)).toBe(false);
    expect(pathGlob(`${'*a'.repeat(490)}b`)(`${'a'.repeat(1_000)}/`.repeat(3))).toBe(false);
  });

  it('is linear for what is below directories, however deep', () => {
    const path = Array.from({ length: 1_000 }, (_, index) => `a${index % 7}b`).join('/');
    const matches = pathGlobOrBelow(`${'**/?'.repeat(200)}x`);
    for (let index = 0; index < 20; index += 1) expect(matches(`${index}/${path}`)).toBe(false);
  });

  it('does not grow with what was asked before', () => {
    const matches = globTest('*{a,b}*{c,d}?[e-z]*');
    for (let index = 0; index < 20_000; index += 1) matches(`${String.fromCodePoint(200 + index)}a${index}`);
    expect(matches('xaxcxz')).toBe(true);
    expect(matches('xaxxz')).toBe(false);
  });
});

/** Globs and paths of few letters, so that they meet. */
const letters = fc.constantFrom('a', 'b', '.');
const simple = fc.oneof(
  { weight: 4, arbitrary: letters },
  { weight: 2, arbitrary: fc.constantFrom('*', '?', '[ab]', '[^a]', '[a-b]') },
  { weight: 1, arbitrary: fc.constantFrom('{a,b}', '{a,ab}', '{,b}', '@(a|b)', '+(a|b)', '?(a)', '*(ab|b)') },
);
const mayBeEmpty = new Set(['*', '{,b}', '?(a)', '*(ab|b)']);
const nameGlob = fc
  .array(simple, { minLength: 1, maxLength: 4 })
  .filter((parts) => parts.join('') === '*' || parts.some((part) => !mayBeEmpty.has(part)))
  .map((parts) => parts.join(''));
const glob = fc
  .array(fc.oneof({ weight: 4, arbitrary: nameGlob }, { weight: 1, arbitrary: fc.constant('**') }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((names) => names.join('/'))
  // What picomatch reads in a way of its own: stars side by side, names that may be empty, `.` beside wildcards, and quantifiers
  // after what it makes a group of.
  .filter((text) => !/\*\*.|.\*\*/.test(text.replace(/(^|\/)\*\*(?=\/|$)/g, '$1')))
  .filter(
    (text) =>
      !/[\])}][?*+]|\.[?*]|[?*]\./.test(text) &&
      !/(^|\/)[^/]*\.[^/]*(\/|$)/.test(text.replace(/[ab]+\.[ab]+/g, '')),
  );
const name = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });
const path = fc
  .array(
    fc.oneof(
      name,
      fc.tuple(name, name).map(([a, b]) => `${a}.${b}`),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((names) => names.join('/'));

it('means what it means to picomatch', () => {
  fc.assert(
    fc.property(glob, fc.array(path, { minLength: 1, maxLength: 10 }), (text, paths) => {
      const theirs = picomatch(text, { dot: true, nonegate: true, windows: false });
      const ours = globTest(text);
      for (const each of paths) expect([text, each, ours(each)]).toEqual([text, each, theirs(each)]);
    }),
    { numRuns: 5_000 },
  );
});

it('a glob with what is below is the glob for the path and each directory that it is in', () => {
  const paths = fc.array(fc.string({ unit: letters, minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(glob, paths, (text, names) => {
      const test = pathGlob(text);
      const expected = names.some((_, index) => test(names.slice(0, index + 1).join('/')));
      expect(pathGlobOrBelow(text)(names.join('/'))).toBe(expected);
    }),
    { numRuns: 1_000 },
  );
});
