import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { asSlipwayError, makeDirectories, systemErrorReason, UserError, writeError } from '../src/index.ts';

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-disk-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

describe('making directories', () => {
  test('creates missing ones and accepts existing ones, also behind a link', () => {
    const directory = temporaryDirectory();
    makeDirectories(join(directory, 'a/b/c'), '');
    makeDirectories(join(directory, 'a/b/c'), '');
    symlinkSync('a', join(directory, 'link'));
    makeDirectories(join(directory, 'link/b/d'), '');
    expect(existsSync(join(directory, 'a/b/d'))).toBe(true);
  });

  test.skipIf(process.platform !== 'linux')(
    'stops where the file system does not support directories',
    () => {
      for (const path of ['/proc/x', '/proc/x/y/z']) {
        expect(() => makeDirectories(path, 'Name another.')).toThrow(
          expect.objectContaining({
            code: 'target-read-only',
            message:
              'the directory /proc/x cannot be made: the file system of /proc does not support it (ENOENT)',
            hint: 'Name another.',
          }),
        );
      }
    },
  );

  test('names the path that is in the way', () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'file'), '');
    symlinkSync('nowhere', join(directory, 'dangling'));
    expect(() => makeDirectories(join(directory, 'file'), '')).toThrow(/file cannot be made: .*\(EEXIST\)/);
    expect(() => makeDirectories(join(directory, 'file/x'), '')).toThrow(/x cannot be made: a file is where/);
    expect(() => makeDirectories(join(directory, 'dangling/x'), '')).toThrow(/dangling cannot be made/);
  });
});

describe('what a system error becomes', () => {
  const failed = (code: string, syscall = 'open', details: object = { path: '/srv/x' }) =>
    Object.assign(new Error(`${code}: refused`), { code, syscall, ...details });

  test.each([
    ['EROFS', 'target-read-only', '/srv/y cannot be written: the disk is mounted read-only (EROFS)'],
    ['EACCES', 'target-read-only', '/srv/y cannot be written: permission is denied (EACCES)'],
    ['ENOSPC', 'disk-full', '/srv/y cannot be written: no space is left on the disk (ENOSPC)'],
    ['EDQUOT', 'disk-full', '/srv/y cannot be written: the disk quota is used up (EDQUOT)'],
    ['EXYZ', 'target-read-only', '/srv/y cannot be written: the system answered EXYZ'],
  ])('%s of a write', (code, expected, message) => {
    expect(writeError('/srv/y', failed(code), 'Do this.')).toMatchObject({ code: expected, message });
  });

  test('a Slipway error or a bug stays unchanged', () => {
    const own = new UserError('too-large', 'it is too large');
    const other = new TypeError('a mistake');
    expect(writeError('/srv/y', own, '')).toBe(own);
    expect(writeError('/srv/y', other, '')).toBe(other);
    expect(systemErrorReason(other)).toBe('the system gave no reason');
  });

  test('a disk error is never reported as a bug in Slipway', () => {
    expect(asSlipwayError(failed('ENOSPC'))).toMatchObject({
      code: 'disk-full',
      message: '/srv/x cannot be written: no space is left on the disk (ENOSPC)',
    });
    expect(asSlipwayError(failed('ENOSPC', 'write', {}))).toMatchObject({
      code: 'disk-full',
      message: 'a file cannot be written: no space is left on the disk (ENOSPC)',
    });
    expect(asSlipwayError(failed('EROFS', 'mkdtemp'))).toMatchObject({ code: 'target-read-only' });
    expect(asSlipwayError(failed('EACCES', 'scandir'))).toMatchObject({
      code: 'source-unreadable',
      message: '/srv/x cannot be used: permission is denied (EACCES)',
    });
    expect(asSlipwayError(failed('EACCES', 'spawn git'))).toMatchObject({ code: 'internal' });
    expect(asSlipwayError(failed('EINVAL'))).toMatchObject({ code: 'internal' });
  });
});
