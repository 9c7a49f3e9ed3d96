import { expect, test } from 'vitest';
import { portableTests } from '../portable.ts';
import { root } from '../workspace.ts';

test('Windows runs the portable tests that need no POSIX program, and other systems run all of them', () => {
  const everywhere = portableTests(root, 'darwin');
  expect(everywhere).not.toContain('--exclude');
  const onWindows = portableTests(root, 'win32');
  expect(onWindows.slice(0, everywhere.length)).toEqual(everywhere);
  expect(onWindows).toEqual(
    expect.arrayContaining([
      'packages/archive/test/write-archive.test.ts',
      'packages/local-files/test/read-file.test.ts',
      'actions/license-key-check/test/process.test.ts',
    ]),
  );
  for (const file of ['packages/archive/test/entry-names.test.ts', 'packages/core/test/disk.test.ts'])
    expect(onWindows).not.toContain(file);
});
