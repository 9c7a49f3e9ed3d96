import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { blockingCalls, callsFor, pooledCalls } from '../../src/file/calls.ts';
import { FileStore, openStore } from '../../src/index.ts';
import { describeReading, describeWriting } from '../contract.ts';
import {
  bytesSource,
  collect,
  filesUnder,
  keysOf,
  options,
  put,
  temporaryDirectory,
  textOf,
} from '../objects.ts';

for (const [how, calls] of Object.entries({ blocking: blockingCalls, pooled: pooledCalls })) {
  const name = `FileStore with ${how} calls`;
  describeReading(name, async () => {
    const directory = temporaryDirectory();
    return {
      store: new FileStore(`file://${directory}`, directory, { calls }),
      async place(key, content) {
        fs.mkdirSync(path.dirname(path.join(directory, key)), { recursive: true });
        fs.writeFileSync(path.join(directory, key), content);
      },
    };
  });
  describeWriting(name, async () => {
    const directory = path.join(temporaryDirectory(), 'made', 'by the first write');
    return new FileStore(`file://${directory}`, directory, { calls });
  });
}

describe('a mirror directory', () => {
  test('opens by its URL, with special characters encoded', async () => {
    const directory = path.join(temporaryDirectory(), 'ein Verzeichnis %41?#');
    const store = await openStore(pathToFileURL(directory).href);
    await put(store, 'key', 'x');
    expect(fs.readFileSync(path.join(directory, 'key'), 'utf8')).toBe('x');
    expect([store.writable, store.listable, store.url]).toEqual([true, true, pathToFileURL(directory).href]);
  });

  test('that is missing has no objects, and is an error if it is required', async () => {
    const directory = temporaryDirectory();
    const url = `file://${directory}/missing`;
    const store = await openStore(url);
    expect(await textOf(store, 'a')).toBeUndefined();
    expect(await keysOf(store.list(''))).toEqual([]);
    await store.delete('a');
    expect(fs.readdirSync(directory)).toEqual([]);
    fs.writeFileSync(`${directory}/file`, '');
    for (const missing of [url, `file://${directory}/file`, `file://${directory}/file/below`]) {
      await expect(openStore(missing, { requireExisting: true })).rejects.toMatchObject({
        code: 'mirror-missing',
      });
    }
    expect(await openStore(`file://${directory}`, { requireExisting: true })).toBeInstanceOf(FileStore);
  });

  test('contains only objects and the lock after writing', async () => {
    const directory = temporaryDirectory();
    const store = await openStore(`file://${directory}`);
    const { etag } = await put(store, 'v3/pointer', 'one', 'absent', 'pointer');
    await put(store, 'v3/pointer', 'two', { etag }, 'pointer');
    await expect(put(store, 'v3/pointer', 'three', { etag }, 'pointer')).rejects.toThrow();
    await expect(put(store, 'v3/pointer', 'three', 'absent')).rejects.toThrow();
    await expect(store.write('x/y', bytesSource('a'), options('b'))).rejects.toThrow();
    expect(filesUnder(directory)).toEqual(['.slipway/lock.sqlite', 'v3/pointer']);
    expect(fs.statSync(`${directory}/.slipway/lock.sqlite`).size).toBe(0);
  });

  test('I3: also compares a large object before it is replaced', async () => {
    const store = await openStore(`file://${temporaryDirectory()}`);
    const large = new Uint8Array(2 ** 21).fill(1);
    const { etag } = await put(store, 'large', large, 'absent');
    await put(store, 'large', large.fill(2), { etag });
    await expect(put(store, 'large', large.fill(3), { etag })).rejects.toMatchObject({
      code: 'condition-failed',
    });
    expect((await store.read('large', { maxBytes: 2 ** 22 }))?.body[0]).toBe(2);
  });

  test('reserves its own directory', async () => {
    const directory = temporaryDirectory();
    const store = await openStore(`file://${directory}`);
    await put(store, 'a', 'x');
    await put(store, '.slipwayx', 'x');
    await put(store, 'a.slipway/.slipway', 'x');
    for (const key of ['.slipway', '.slipway/lock.sqlite', '.Slipway/tmp/x']) {
      await expect(store.read(key, { maxBytes: 10 }), key).rejects.toMatchObject({ code: 'name-invalid' });
      await expect(put(store, key, 'x'), key).rejects.toMatchObject({ code: 'name-invalid' });
      await expect(store.delete(key), key).rejects.toMatchObject({ code: 'name-invalid' });
    }
    expect(await keysOf(store.list(''))).toEqual(['.slipwayx', 'a', 'a.slipway/.slipway']);
    await expect(keysOf(store.list('.slipway/'))).rejects.toMatchObject({ code: 'name-invalid' });
  });

  test('never has a directory and an object with the same name', async () => {
    const store = await openStore(`file://${temporaryDirectory()}`);
    await put(store, 'a/b', 'x');
    for (const condition of ['absent', 'any'] as const) {
      await expect(put(store, 'a', 'x', condition)).rejects.toMatchObject({ code: 'name-invalid' });
      await expect(put(store, 'a/b/c', 'x', condition)).rejects.toMatchObject({ code: 'name-invalid' });
    }
    await store.delete('a');
    expect(await textOf(store, 'a/b')).toBe('x');
    expect(await store.head('a')).toBeUndefined();
  });

  test('may lose empty directories, or disappear, while in use', async () => {
    const directory = path.join(temporaryDirectory(), 'mirror');
    const store = await openStore(`file://${directory}`);
    await put(store, 'a/b/c', 'x');
    await store.delete('a/b/c');
    fs.rmdirSync(`${directory}/a/b`);
    await put(store, 'a/b/c', 'y', 'absent');
    expect(await textOf(store, 'a/b/c')).toBe('y');
    fs.rmSync(directory, { recursive: true });
    expect(await textOf(store, 'a/b/c')).toBeUndefined();
    await put(store, 'a/b/c', 'z', 'any');
    expect(await textOf(store, 'a/b/c')).toBe('z');
  });

  test('lists thousands of files with their sizes', async () => {
    const directory = temporaryDirectory();
    for (let index = 0; index < 3000; index += 1)
      fs.writeFileSync(`${directory}/${index}`, 'x'.repeat(index % 7));
    const store = await openStore(`file://${directory}`);
    const infos = await collect(store.list(''));
    expect(infos).toHaveLength(3000);
    expect(infos.every((info) => info.sizeBytes === Number(info.key) % 7)).toBe(true);
  });

  test('is read with the calls that suit its file system', () => {
    expect(callsFor('/dev/shm')).toBe(blockingCalls);
    expect(callsFor('/proc')).toBe(pooledCalls);
  });
});
