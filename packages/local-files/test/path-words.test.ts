import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitPathWords } from '../src/index.ts';

describe('the words of a line', () => {
  it.each([
    ['', []],
    ['  a  b\tc ', ['a', 'b', 'c']],
    ['"My App.app" x', ['My App.app', 'x']],
    ["'a\"b' c", ['a"b', 'c']],
    ['dist/"My App"/x', ['dist/My App/x']],
  ])('%j', (line, paths) => {
    expect(splitPathWords(line)).toEqual(paths.map((path) => ({ path, target: undefined })));
  });

  it.each([
    ['a=b', 'a', 'b'],
    ['"a b"="c d"', 'a b', 'c d'],
    ['"a=b"=c', 'a=b', 'c'],
    ['a=b=c', 'a', 'b=c'],
    ['dist/*=lib/', 'dist/*', 'lib/'],
  ])('%j has a target', (line, path, target) => {
    expect(splitPathWords(line)).toEqual([{ path, target }]);
  });

  it.each([
    ['"a', 'not closed'],
    ["a'b", 'not closed'],
    ['=b', 'no path'],
    ['a=', 'no name'],
    ['""', 'empty'],
  ])('%j is refused', (line, words) => {
    expect(() => splitPathWords(line)).toThrow(words);
  });

  it('are what was quoted, whatever it was', () => {
    const text = fc.string({ minLength: 1 }).filter((value) => !value.includes("'"));
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 5 }), (pairs) => {
        const line = pairs.map(([path, target]) => `'${path}'='${target}'`).join(' ');
        expect(splitPathWords(line)).toEqual(pairs.map(([path, target]) => ({ path, target })));
      }),
    );
  });
});
