import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import type { ObjectStore } from '@slipway/core';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../src/index.ts';
import { collect, filesUnder, keysOf, put, sha256Of, temporaryDirectory, textOf } from '../objects.ts';

const limit = { maxBytes: 1000 };

describe('I8: a mirror directory with links and special files', () => {
  let outside: string;
  let mirror: string;
  let store: ObjectStore;
  beforeEach(async () => {
    const directory = temporaryDirectory();
    outside = `${directory}/mirror-not`;
    mirror = `${directory}/mirror`;
    fs.mkdirSync(outside);
    fs.mkdirSync(mirror);
    fs.writeFileSync(`${outside}/secret`, 'secret');
    store = await openStore(`file://${mirror}`);
  });

  const expectOutside = async (key: string) => {
    const refused = { code: 'path-outside', message: expect.stringContaining(key) };
    await expect(store.head(key)).rejects.toMatchObject(refused);
    await expect(store.read(key, limit)).rejects.toMatchObject(refused);
    await expect(store.readStream(key, limit)).rejects.toMatchObject(refused);
  };

  test('reads no link to a file outside, absolute, relative or in two steps', async () => {
    fs.symlinkSync(`${outside}/secret`, `${mirror}/absolute`);
    fs.symlinkSync('../mirror-not/secret', `${mirror}/relative`);
    fs.symlinkSync('relative', `${mirror}/twice`);
    for (const key of ['absolute', 'relative', 'twice']) await expectOutside(key);
  });

  test('reads and writes nothing behind a link to a directory outside', async () => {
    fs.symlinkSync(outside, `${mirror}/blobs`);
    await expectOutside('blobs/secret');
    for (const condition of ['any', 'absent', { etag: `"${sha256Of('secret')}"` }] as const) {
      await expect(put(store, 'blobs/secret', 'x', condition)).rejects.toMatchObject({
        code: 'path-outside',
      });
      await expect(put(store, 'blobs/new/x', 'x', condition)).rejects.toMatchObject({ code: 'path-outside' });
    }
    await expect(store.delete('blobs/secret')).rejects.toMatchObject({ code: 'path-outside' });
    expect(filesUnder(outside)).toEqual(['secret']);
    expect(fs.readFileSync(`${outside}/secret`, 'utf8')).toBe('secret');
  });

  test('replaces and removes a link, never what it points to', async () => {
    fs.symlinkSync(`${outside}/secret`, `${mirror}/a`);
    fs.symlinkSync(`${outside}/secret`, `${mirror}/b`);
    await expect(put(store, 'a', 'x', 'absent')).rejects.toMatchObject({ code: 'condition-failed' });
    await expect(put(store, 'a', 'x', { etag: `"${sha256Of('secret')}"` })).rejects.toMatchObject({
      code: 'path-outside',
    });
    await put(store, 'a', 'x', 'any');
    await store.delete('b');
    expect(await textOf(store, 'a')).toBe('x');
    expect(fs.readFileSync(`${outside}/secret`, 'utf8')).toBe('secret');
    expect(fs.existsSync(`${mirror}/b`)).toBe(false);
  });

  test("writes nothing if the store's own directory is a link", async () => {
    fs.symlinkSync(outside, `${mirror}/.slipway`);
    await expect(put(store, 'a', 'x')).rejects.toMatchObject({ code: 'path-outside' });
    fs.unlinkSync(`${mirror}/.slipway`);
    fs.mkdirSync(`${mirror}/.slipway`);
    fs.symlinkSync(outside, `${mirror}/.slipway/tmp`);
    await expect(put(store, 'a', 'x')).rejects.toMatchObject({ code: 'path-outside' });
    fs.unlinkSync(`${mirror}/.slipway/tmp`);
    fs.symlinkSync(`${outside}/lock`, `${mirror}/.slipway/lock.sqlite`);
    await expect(put(store, 'a', 'x', 'any')).rejects.toMatchObject({ code: 'path-outside' });
    expect(filesUnder(outside)).toEqual(['secret']);
    expect(await textOf(store, 'a')).toBeUndefined();
  });

  test("follows no link into the store's own directory", async () => {
    await put(store, 'x', 'x');
    fs.symlinkSync('.slipway', `${mirror}/own`);
    fs.symlinkSync('.slipway/lock.sqlite', `${mirror}/lock`);
    await expectOutside('own/lock.sqlite');
    await expectOutside('lock');
  });

  test('reads links that stay inside, and through a root that is itself a link', async () => {
    await put(store, 'real/file', 'content');
    fs.symlinkSync('real', `${mirror}/linked`);
    fs.symlinkSync(`${mirror}/real/file`, `${mirror}/file`);
    fs.symlinkSync(mirror, `${mirror}-link`);
    for (const url of [`file://${mirror}`, `file://${mirror}-link`]) {
      const opened = await openStore(url);
      expect(await textOf(opened, 'linked/file')).toBe('content');
      expect(await textOf(opened, 'file')).toBe('content');
      expect(await opened.head('file')).toEqual({ key: 'file', sizeBytes: 7 });
      expect(await keysOf(opened.list(''))).toEqual(['file', 'linked/file', 'real/file']);
      expect(await keysOf(opened.list('linked/'))).toEqual(['linked/file']);
    }
  });

  test('lists everything else before it names up to ten entries that lead out', async () => {
    await put(store, 'a/good', 'x');
    for (let index = 0; index < 12; index += 1) fs.symlinkSync(outside, `${mirror}/a/link-${index}`);
    const seen: string[] = [];
    const listing = async () => {
      for await (const info of store.list('')) seen.push(info.key);
    };
    const error: Error = await listing().then(
      () => new Error('nothing was thrown'),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'path-outside' });
    expect(error.message.match(/a\/link-\d+/g)).toHaveLength(10);
    expect(error.message).toContain('2 more');
    expect(seen).toEqual(['a/good']);
  });

  test('lists no loop twice, and stops if links multiply', async () => {
    await put(store, 'a/file', 'x');
    fs.symlinkSync('..', `${mirror}/a/up`);
    fs.symlinkSync('.', `${mirror}/a/self`);
    fs.mkdirSync(`${mirror}/b`);
    fs.symlinkSync('../b', `${mirror}/a/to-b`);
    fs.symlinkSync('../a', `${mirror}/b/to-a`);
    expect(await keysOf(store.list(''))).toEqual(['a/file', 'b/to-a/file']);
    for (let level = 0; level < 8; level += 1) {
      fs.mkdirSync(`${mirror}/level-${level}`);
      for (let link = 0; link < 8; link += 1) {
        fs.symlinkSync(`../level-${level + 1}`, `${mirror}/level-${level}/${link}`);
      }
    }
    fs.mkdirSync(`${mirror}/level-8`);
    await expect(collect(store.list(''))).rejects.toMatchObject({ code: 'too-large' });
  });

  test('reports dangling links as not being files', async () => {
    fs.symlinkSync('nowhere', `${mirror}/dangling`);
    fs.symlinkSync('loop', `${mirror}/loop`);
    for (const key of ['dangling', 'loop']) {
      await expect(store.read(key, limit)).rejects.toMatchObject({ code: 'content-invalid' });
      await expect(store.head(key)).rejects.toMatchObject({ code: 'content-invalid' });
    }
    await expect(collect(store.list(''))).rejects.toMatchObject({ code: 'content-invalid' });
  });

  test('never waits for a pipe, a socket or a device', async () => {
    execFileSync('mkfifo', [`${mirror}/pipe`]);
    const server = net.createServer().listen(`${mirror}/socket`);
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    for (const key of ['pipe', 'socket']) {
      await expect(store.read(key, limit), key).rejects.toMatchObject({ code: 'content-invalid' });
      await expect(store.readStream(key, limit), key).rejects.toMatchObject({ code: 'content-invalid' });
      await expect(store.head(key), key).rejects.toMatchObject({ code: 'content-invalid' });
      await expect(put(store, key, 'x', 'absent'), key).rejects.toMatchObject({ code: 'condition-failed' });
    }
    await expect(collect(store.list(''))).rejects.toMatchObject({ code: 'content-invalid' });
  });

  test('accepts no link, pipe or directory as a source', async () => {
    execFileSync('mkfifo', [`${outside}/pipe`]);
    fs.symlinkSync('secret', `${outside}/link`);
    for (const name of ['pipe', 'link', '.']) {
      const source = { kind: 'file', path: `${outside}/${name}`, sizeBytes: 6 } as const;
      const options = {
        condition: 'any',
        cache: 'immutable',
        contentType: 'x/y',
        sha256: sha256Of('secret'),
      } as const;
      await expect(store.write('a', source, options), name).rejects.toMatchObject({
        code: 'content-invalid',
      });
    }
    expect(filesUnder(mirror)).toEqual([]);
  });

  test('names entries whose names are not valid keys', async () => {
    await put(store, 'good', 'x');
    fs.writeFileSync(`${mirror}/new\nline`, '');
    fs.writeFileSync(Buffer.concat([Buffer.from(`${mirror}/latin1-`), Buffer.from([0xe9])]), '');
    const error: Error = await collect(store.list('')).then(
      () => new Error('nothing was thrown'),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'name-invalid' });
    expect(error.message).toContain('new\\u{a}line');
    expect(error.message).toContain('latin1-');
  });
});
