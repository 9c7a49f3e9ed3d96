import { posix, win32 } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entryNameProblem, findNameClashes, type NamedEntry, windowsNameProblem } from '../src/index.ts';

describe('the name of an entry', () => {
  it.each(['a', 'a/b', 'a b/ü/名', '...', '.hidden', 'a..b', 'dir/', '-x'])('may be %j', (name) => {
    expect(entryNameProblem(name)).toBeUndefined();
  });

  it.each([
    ['', 'empty'],
    ['/', 'empty'],
    ['/etc/passwd', 'absolute'],
    ['C:/x', 'drive'],
    ['c:x', 'drive'],
    ['a\\b', 'backslash'],
    ['\\\\server\\x', 'backslash'],
    ['../x', '".."'],
    ['a/../b', '".."'],
    ['a/..', '".."'],
    ['./a', '"."'],
    ['a//b', 'empty segment'],
    ['a\nb', 'control'],
    ['a\u0085b', 'control'],
    ['a\ud800', 'Unicode'],
    ['x'.repeat(256), 'longer'],
    ['x/'.repeat(3_000), 'longer'],
  ])('must not be %j', (name, words) => {
    expect(entryNameProblem(name)).toContain(words);
  });

  it('I8: never leads out of the directory that it is unpacked into, on any system', () => {
    const part = fc.oneof(
      fc.constantFrom('..', '.', '/', '\\', 'C:', 'a', '', '\u0000', '\n'),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const name = parts.join('');
        if (entryNameProblem(name) !== undefined) return;
        expect(posix.resolve('/out', name).startsWith('/out/')).toBe(true);
        expect(win32.resolve('D:\\out', name).startsWith('D:\\out\\')).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a name that Windows cannot unpack', () => {
  it.each([
    'nul',
    'CON',
    'a/aux.c',
    'COM1',
    'lpt9.txt',
    'com\u00b9',
    'a:b',
    'a?',
    'dir./x',
    'x ',
    'a|b',
    '"a"',
  ])('%j', (name) => {
    expect(windowsNameProblem(name)).toBeDefined();
  });

  it.each(['console', 'null.txt', 'com', 'com10', 'auxiliary/x', '.x', 'a b'])('not %j', (name) => {
    expect(windowsNameProblem(name)).toBeUndefined();
  });
});

describe('names that clash', () => {
  const file = (name: string): NamedEntry => ({ name, kind: 'file' });
  const clashes = (...entries: readonly NamedEntry[]): readonly string[] =>
    findNameClashes(entries).map(({ name, what }) => `${name} ${what}`);

  it.each([
    [[file('a'), file('b/a'), file('b/c')], []],
    [[file('a/x'), file('a/y'), { name: 'a', kind: 'directory' }], []],
    [[file('README'), file('readme')], ['readme differs from "README" only in upper and lower case']],
    [[file('Lib/a'), file('lib/b')], ['lib differs from "Lib" only in upper and lower case']],
    [[file('é'), file('e\u0301')], ['e\u0301 differs from "é" only in how its characters are composed']],
    [[file('straße'), file('STRASSE')], ['STRASSE differs from "straße" only in upper and lower case']],
    [[file('a'), file('a')], ['a appears twice']],
    [[file('a'), file('a/b')], ['a is a directory and something else at once']],
    [[file('a/b'), { name: 'a', kind: 'link' }], ['a is a directory and something else at once']],
  ] satisfies [NamedEntry[], string[]][])('%j', (entries, expected) => {
    expect(clashes(...entries)).toEqual(expected);
  });

  it('are found in any order', () => {
    const name = fc.array(fc.constantFrom('a', 'A', 'b', 'é', 'e\u0301'), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(name, { maxLength: 6 }), (names) => {
        const entries = names.map((parts) => file(parts.join('/')));
        const count = (some: readonly NamedEntry[]): boolean => findNameClashes(some).length > 0;
        expect(count(entries)).toBe(count(entries.toReversed()));
      }),
    );
  });
});
