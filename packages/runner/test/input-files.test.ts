import { expect, test } from 'vitest';
import { linesOf, parseEachLine } from '../src/index.ts';

test('lines are trimmed, without comments and blank ones, and everything wrong with them is told at once', () => {
  expect(linesOf(' a \r\n\n# b\nc')).toEqual(['a', 'c']);
  const parse = (line: string): number => {
    if (!/^\d+$/.test(line)) throw new Error('it is no number');
    return Number(line);
  };
  expect(parseEachLine('1\n2', parse)).toEqual([1, 2]);
  expect(() => parseEachLine('1\nx\ny', parse)).toThrow('"x": it is no number; "y": it is no number');
  expect(() => parseEachLine('x\n'.repeat(25), parse)).toThrow('and 5 more');
});
