import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { linesOf, parseEachLine, readInputFile } from '../src/index.ts';

test('a file that an input names is read whole, and no larger than it may be', async () => {
  const directory = temporaryDirectory('input');
  writeFileSync(join(directory, 'ten'), '0123456789');
  mkdirSync(join(directory, 'folder'));
  expect((await readInputFile('ten', directory, 10)).toString()).toBe('0123456789');
  await expect(readInputFile('ten', directory, 9)).rejects.toMatchObject({ code: 'too-large' });
  await expect(readInputFile('none', directory, 9)).rejects.toMatchObject({ code: 'source-missing' });
  await expect(readInputFile('folder', directory, 9)).rejects.toMatchObject({ code: 'source-unreadable' });
  await expect(readInputFile('/dev/zero', directory, 9)).rejects.toMatchObject({ code: 'source-unreadable' });
  await expect(readInputFile('a\n::error::b', directory, 9)).rejects.toThrow(
    /^there is no file a\\u\{a\}:\u200b:error/,
  );
});

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
