import fs from 'node:fs';
import { makeDirectories } from '@slipway/core';
import { haveMounts, mountReadOnlyView, mountTmpfs, remount, unmount } from '@slipway/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../src/index.ts';
import { filesUnder, put, temporaryDirectory, textOf } from '../objects.ts';
import { ended, startChild } from '../processes.ts';

describe('a directory that refuses', () => {
  test.skipIf(process.getuid?.() !== 0)('another user: reading and writing', async () => {
    const directory = temporaryDirectory();
    fs.chmodSync(directory, 0o755);
    for (const [name, mode] of [
      ['open', 0o644],
      ['secret', 0o600],
      ['closed/behind', 0o644],
    ] as const) {
      await put(await openStore(`file://${directory}`), name, 'content');
      fs.chmodSync(`${directory}/${name}`, mode);
    }
    fs.chmodSync(`${directory}/closed`, 0o700);
    const { output } = await ended(startChild('use-as-nobody.ts', `file://${directory}`));
    expect(JSON.parse(output)).toEqual({
      read: 'done',
      'read secret': 'access-denied',
      'read behind': 'access-denied',
      'head behind': 'access-denied',
      list: 'access-denied',
      'write absent': 'target-read-only',
      'write any': 'target-read-only',
      'write behind': 'target-read-only',
      delete: 'target-read-only',
    });
    expect(await textOf(await openStore(`file://${directory}`), 'open')).toBe('content');
    const { output: atMissing } = await ended(startChild('use-as-nobody.ts', `file://${directory}/missing`));
    expect(JSON.parse(atMissing)).toMatchObject({
      read: 'done',
      'write any': 'target-read-only',
      delete: 'done',
    });
  });

  test.skipIf(process.getuid?.() !== 0)(
    'I3: without permission to take the lock, nothing is replaced',
    async () => {
      const directory = temporaryDirectory();
      const url = `file://${directory}`;
      await put(await openStore(url), 'open', 'content');
      for (const path of ['', '/.slipway', '/.slipway/tmp']) fs.chmodSync(`${directory}${path}`, 0o777);
      fs.chmodSync(`${directory}/.slipway/lock.sqlite`, 0o644);
      const { output } = await ended(startChild('use-as-nobody.ts', url));
      expect(JSON.parse(output)).toMatchObject({
        'write absent': 'done',
        'write any': 'target-read-only',
        delete: 'target-read-only',
      });
      expect(await textOf(await openStore(url), 'open')).toBe('content');
    },
  );

  test('a path below a file', async () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(`${directory}/file`, '');
    for (const place of ['file', 'file/below']) {
      const store = await openStore(`file://${directory}/${place}`);
      await expect(put(store, 'a', 'x')).rejects.toMatchObject({ code: 'target-read-only' });
      expect(await textOf(store, 'a')).toBeUndefined();
    }
  });

  test.skipIf(!haveMounts())('a read-only file system (needs the right to mount)', async () => {
    const directory = mounted('size=1m');
    fs.writeFileSync(`${directory}/pointer`, 'one');
    remount(directory, 'ro');
    const store = await openStore(`file://${directory}`);
    const etag = (await store.read('pointer', { maxBytes: 10 }))?.info.etag ?? '';
    for (const condition of ['any', { etag }] as const) {
      await expect(put(store, 'pointer', 'two', condition)).rejects.toMatchObject({
        code: 'target-read-only',
      });
    }
    await expect(put(store, 'new', 'x', 'absent')).rejects.toMatchObject({ code: 'target-read-only' });
    await expect(store.delete('pointer')).rejects.toMatchObject({ code: 'target-read-only' });
    expect(await textOf(store, 'pointer')).toBe('one');
  });

  test.skipIf(!haveMounts())(
    'a read-only file system is reported by path, whatever exists of the store (needs the right to mount)',
    async () => {
      const directory = temporaryDirectory();
      const view = mountReadOnlyView(directory);
      onTestFinished(() => unmount(view));
      const refusal = (path: string) => ({
        code: 'target-read-only',
        message: expect.stringMatching(
          new RegExp(`${path}"? cannot be .*: the disk is mounted read-only \\(EROFS\\)`),
        ),
      });
      const store = await openStore(`file://${view}`);
      await expect(put(await openStore(`file://${view}/a/b`), 'key', 'x')).rejects.toMatchObject(
        refusal('/a'),
      );
      fs.mkdirSync(`${directory}/.slipway/tmp`, { recursive: true });
      fs.writeFileSync(`${directory}/key`, 'one');
      await expect(store.delete('key')).rejects.toMatchObject(refusal('/key'));
      await put(await openStore(`file://${directory}`), 'key', 'two');
      await expect(store.delete('key')).rejects.toMatchObject(refusal('/lock.sqlite'));
      await expect(put(store, 'key', 'x')).rejects.toMatchObject(refusal('/key'));
      expect(await textOf(store, 'key')).toBe('two');
    },
  );

  test.skipIf(process.platform !== 'linux')('a file system that does not support directories', async () => {
    for (const place of ['/proc/x', '/proc/x/y']) {
      await expect(put(await openStore(`file://${place}`), 'a', 'x')).rejects.toMatchObject({
        code: 'target-read-only',
        message:
          'the directory /proc/x cannot be made: the file system of /proc does not support it (ENOENT)',
      });
    }
  });

  test.skipIf(!haveMounts())(
    'a read-only disk is reported as one, however much is missing (needs the right to mount)',
    () => {
      const directory = mounted('ro');
      for (const path of ['x', 'x/y/z']) {
        expect(() => makeDirectories(`${directory}/${path}`, '')).toThrow(
          `${directory}/x cannot be made: the disk is mounted read-only (EROFS)`,
        );
      }
      makeDirectories(directory, '');
    },
  );

  test.skipIf(!haveMounts())(
    'a full disk: leaves nothing of the object, and keeps what was there (needs the right to mount)',
    async () => {
      const directory = mounted('size=256k');
      const store = await openStore(`file://${directory}`);
      await put(store, 'pointer', 'one', 'any', 'pointer');
      const large = Buffer.alloc(400_000, 'x');
      const source = `${temporaryDirectory()}/source`;
      fs.writeFileSync(source, large);
      for (const condition of ['any', 'absent'] as const) {
        await expect(put(store, `large-${condition}`, large, condition)).rejects.toMatchObject({
          code: 'disk-full',
        });
      }
      await expect(put(store, 'pointer', large, 'any', 'pointer')).rejects.toMatchObject({
        code: 'disk-full',
      });
      expect(filesUnder(directory)).toEqual(['.slipway/lock.sqlite', 'pointer']);
      expect(await textOf(store, 'pointer')).toBe('one');
      await put(store, 'small', Buffer.alloc(100_000));
    },
  );
});

/** A small file system for this test. */
function mounted(options: string): string {
  const directory = mountTmpfs(options);
  onTestFinished(() => unmount(directory));
  return directory;
}
