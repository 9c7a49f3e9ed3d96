import { appendFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { type FileIdentity, readStable, requireUnchanged } from '../src/index.ts';

function newFile(content: string | Uint8Array): string {
  const path = join(temporaryDirectory('stable'), 'file');
  writeFileSync(path, content);
  // Long ago: file systems count the present in steps of some milliseconds.
  utimesSync(path, 1, 1);
  return path;
}

/** Reads to the end, and does something before the second piece. */
async function read(path: string, meanwhile: () => void | Promise<void> = () => undefined): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readStable(path, { chunkBytes: 4 })) {
    if (pieces.length === 0) await meanwhile();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

describe('a file that is read', () => {
  it.each(['', 'abcd', 'abcdefghij'])('gives its bytes in pieces: %j', async (content) => {
    expect((await read(newFile(content))).toString()).toBe(content);
  });

  const changes: readonly [string, (path: string) => void | Promise<void>][] = [
    ['grows', (path) => appendFileSync(path, 'x')],
    ['shrinks', (path) => writeFileSync(path, 'abcdef')],
    ['gets other bytes of the same number', (path) => writeFileSync(path, 'ABCDEFGHIJ')],
    [
      'gets other bytes, and its time set back',
      async (path) => {
        await setTimeout(20);
        writeFileSync(path, 'ABCDEFGHIJ');
        utimesSync(path, 1, 1);
      },
    ],
  ];
  it.each(changes)('and %s meanwhile is refused before its last piece', async (_, change) => {
    const path = newFile('abcdefghij');
    await expect(read(path, () => change(path))).rejects.toMatchObject({ code: 'content-invalid' });
  });

  it('is refused when it has another size than it was found with', async () => {
    const pieces = readStable(newFile('abc'), { chunkBytes: 4, expectedSizeBytes: 4 });
    await expect(pieces.next()).rejects.toMatchObject({ code: 'content-invalid' });
  });

  it('is recognised as the one that it was', async () => {
    const path = newFile('abc');
    let identity: FileIdentity | undefined;
    const onOpened = (opened: FileIdentity): void => {
      identity = opened;
    };
    for await (const piece of readStable(path, { chunkBytes: 4, onOpened })) expect(piece.length).toBe(3);
    if (identity === undefined) throw new Error('it was not opened');
    await expect(requireUnchanged(path, identity)).resolves.toBeUndefined();
    writeFileSync(`${path}2`, 'abc');
    renameSync(`${path}2`, path);
    await expect(requireUnchanged(path, identity)).rejects.toMatchObject({ code: 'content-invalid' });
  });

  it('is no link, no directory, and there', async () => {
    const path = newFile('abc');
    symlinkSync(path, `${path}-link`);
    await expect(read(`${path}-link`)).rejects.toMatchObject({ code: 'source-unreadable' });
    await expect(read(join(path, '..'))).rejects.toMatchObject({ code: 'source-unreadable' });
    await expect(read(`${path}-nowhere`)).rejects.toMatchObject({ code: 'source-missing' });
  });
});
