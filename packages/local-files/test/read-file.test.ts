import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { digestFile, hasContents, readArtifacts, readBoundedFile, readFileStart } from '../src/index.ts';

const baseDirectory = temporaryDirectory('bounded');
writeFileSync(join(baseDirectory, 'ten'), '0123456789');
writeFileSync(join(baseDirectory, 'empty'), '');
mkdirSync(join(baseDirectory, 'folder'));
symlinkSync('ten', join(baseDirectory, 'link'));
execFileSync('mkfifo', [join(baseDirectory, 'pipe')]);
const read = async (path: string, maxBytes: number, followLinks = true): Promise<string> =>
  (await readBoundedFile(path, { maxBytes, baseDirectory, followLinks })).toString();

describe('I8: a file that is read whole', () => {
  it('may have as many bytes as are allowed, and not one more', async () => {
    expect(await read('ten', 10)).toBe('0123456789');
    expect(await read('empty', 0)).toBe('');
    await expect(read('ten', 9)).rejects.toMatchObject({ code: 'too-large' });
  });

  it.skipIf(process.platform !== 'linux')(
    'is read to its end where the file system gives it no size, and refused beyond the limit (needs /proc)',
    async () => {
      expect(await read('/proc/self/status', 2 ** 16)).toContain('Pid:');
      await expect(read('/proc/self/status', 50)).rejects.toMatchObject({ code: 'too-large' });
    },
  );

  it.each(['pipe', 'folder', '/dev/zero'])('is neither waited for nor read when it is %s', async (path) => {
    await expect(read(path, 10)).rejects.toMatchObject({ code: 'source-unreadable' });
  });

  it('is missing, or has a name that a log can show', async () => {
    await expect(read('none', 10)).rejects.toMatchObject({ code: 'source-missing' });
    await expect(read('a\n::error::b', 10)).rejects.toThrow(/^a\\u\{a\}:\u200b:error/);
  });

  it('is behind a symbolic link only where that is allowed', async () => {
    expect(await read('link', 10)).toBe('0123456789');
    await expect(read('link', 10, false)).rejects.toMatchObject({ code: 'source-unreadable' });
  });

  it('tells which input names a list of artifacts that cannot be read', async () => {
    await expect(readArtifacts('none', baseDirectory)).rejects.toMatchObject({
      code: 'source-missing',
      hint: expect.stringContaining('artifacts'),
    });
  });
});

describe('a file that is hashed', () => {
  const sha256 = '84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882';

  it.each([
    ['a regular file', 'ten', { kind: 'digest', sizeBytes: 10, sha256 }],
    ['a pipe', 'pipe', { kind: 'unreadable', code: 'not a regular file' }],
    ['a link', 'link', { kind: 'unreadable', code: 'ELOOP' }],
    ['nothing', 'none', { kind: 'unreadable', code: 'ENOENT' }],
  ])('is %s, or says what it is', (_, name, digest) => {
    expect(digestFile(join(baseDirectory, name))).toEqual(digest);
  });

  it.each([
    ['ten', 10, sha256, true],
    ['ten', 9, sha256, false],
    ['ten', 10, '0'.repeat(64), false],
    ['link', 10, sha256, false],
    ['none', 10, sha256, false],
  ])('has the contents that are expected: %s, %d bytes, %s', (name, sizeBytes, expected, answer) => {
    expect(hasContents(join(baseDirectory, name), { sizeBytes, sha256: expected })).toBe(answer);
  });

  it('gives its first bytes', () => {
    expect(readFileStart(join(baseDirectory, 'ten'), 2).toString()).toBe('01');
    expect(readFileStart(join(baseDirectory, 'empty'), 2).length).toBe(0);
  });
});
