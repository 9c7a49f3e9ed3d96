import fs from 'node:fs';
import path from 'node:path';
import { keyProblem, type ObjectStore, systemClock } from '@slipway/core';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  bytesSource,
  collect,
  drain,
  keysOf,
  options,
  put,
  sha256Of,
  temporaryDirectory,
  textOf,
} from './objects.ts';

/** An empty store, and a way to put an object there without going through it. */
export interface StoreToRead {
  readonly store: ObjectStore;
  place(key: string, content: Uint8Array): Promise<void>;
}

const awkwardKeys = [
  'plain',
  'a/b/c.json',
  'with space/and+plus',
  'per%cent/100%25',
  "quotes'(and)*stars!",
  'tilde~/ü/日本語/🚢',
  'query?x=1#fragment',
  'colon:and@at&amp;',
  '..dots/...',
  '-dash',
];
const hostileKeys = [
  '',
  '/',
  '/a',
  'a/',
  'a//b',
  '.',
  '..',
  'a/../b',
  './a',
  'a/.',
  '../a',
  'a\\b',
  'a\nb',
  'a\0b',
  '\ud800',
  'x'.repeat(1025),
];

/** The reading contract of every store. */
export function describeReading(name: string, open: () => Promise<StoreToRead>): void {
  describe(`${name} reads`, () => {
    let subject: StoreToRead;
    beforeEach(async () => {
      subject = await open();
    });

    test('a missing object as undefined, also below another object', async () => {
      await subject.place('there', Buffer.from('x'));
      for (const key of ['missing', 'missing/deeper', 'there/below']) {
        expect(await subject.store.head(key)).toBeUndefined();
        expect(await subject.store.read(key, { maxBytes: 10 })).toBeUndefined();
        expect(await subject.store.readStream(key, { maxBytes: 10 })).toBeUndefined();
      }
    });

    test.each(awkwardKeys)('the object named %j', async (key) => {
      await subject.place(key, Buffer.from(`content of ${key}`));
      expect(await textOf(subject.store, key)).toBe(`content of ${key}`);
      expect(await subject.store.head(key)).toMatchObject({
        key,
        sizeBytes: Buffer.byteLength(`content of ${key}`),
      });
    });

    test('empty and larger objects, whole and as a stream', async () => {
      for (const sizeBytes of [0, 1, 65_536, 3_000_000]) {
        const content = Buffer.alloc(sizeBytes, `${sizeBytes}`);
        await subject.place(`size/${sizeBytes}`, content);
        const object = await subject.store.read(`size/${sizeBytes}`, { maxBytes: sizeBytes });
        expect(object?.info).toMatchObject({ key: `size/${sizeBytes}`, sizeBytes });
        expect(content.equals(object?.body ?? Buffer.from('none'))).toBe(true);
        const stream = await subject.store.readStream(`size/${sizeBytes}`, { maxBytes: sizeBytes });
        expect(stream?.info.sizeBytes).toBe(sizeBytes);
        expect(content.equals(await drain(stream?.body ?? []))).toBe(true);
      }
    });

    test('I8: no more than maxBytes', async () => {
      await subject.place('large', Buffer.alloc(100_001));
      await expect(subject.store.read('large', { maxBytes: 100_000 })).rejects.toMatchObject({
        code: 'too-large',
      });
      const streamed = async () => {
        const stream = await subject.store.readStream('large', { maxBytes: 100_000 });
        await drain(stream?.body ?? []);
      };
      await expect(streamed()).rejects.toMatchObject({ code: 'too-large' });
    });

    test('a stream again after it was left early', async () => {
      await subject.place('long', Buffer.alloc(2_000_000, 'x'));
      for (let round = 0; round < 3; round += 1) {
        const stream = await subject.store.readStream('long', { maxBytes: 2_000_000 });
        for await (const chunk of stream?.body ?? []) {
          expect(chunk.length).toBeGreaterThan(0);
          break;
        }
      }
      expect(await textOf(subject.store, 'missing')).toBeUndefined();
    });

    test('equal ETags for equal bytes, and only for those', async () => {
      await subject.place('pointer', Buffer.from('one'));
      const etag = async () => (await subject.store.read('pointer', { maxBytes: 10 }))?.info.etag;
      const first = await etag();
      expect(first).toBeTypeOf('string');
      expect(await etag()).toBe(first);
      await subject.place('pointer', Buffer.from('two'));
      expect(await etag()).not.toBe(first);
    });

    test('I8: no invalid key', async () => {
      for (const key of hostileKeys) {
        const refused = { code: 'name-invalid' };
        await expect(subject.store.head(key), JSON.stringify(key)).rejects.toMatchObject(refused);
        await expect(subject.store.read(key, { maxBytes: 1 })).rejects.toMatchObject(refused);
        await expect(subject.store.readStream(key, { maxBytes: 1 })).rejects.toMatchObject(refused);
      }
    });
  });
}

/** The contract of every writable store; `open` returns an empty one. */
export function describeWriting(name: string, open: () => Promise<ObjectStore>): void {
  describe(`${name} writes`, () => {
    let store: ObjectStore;
    beforeEach(async () => {
      store = await open();
    });

    test('a part of an object: its middle, what is left at its end, and nothing behind it', async () => {
      await put(store, 'part', '0123456789', 'absent');
      const part = async (startByte: number, lengthBytes: number) => {
        const read = await store.readRange?.('part', { startByte, lengthBytes });
        expect(read?.info).toMatchObject({ key: 'part', sizeBytes: 10 });
        return Buffer.from(read?.body ?? []).toString();
      };
      expect(await part(0, 1)).toBe('0');
      expect(await part(3, 4)).toBe('3456');
      expect(await part(8, 100)).toBe('89');
      expect(await part(0, 10)).toBe('0123456789');
      expect(await part(10, 5)).toBe('');
      expect(await store.readRange?.('missing', { startByte: 0, lengthBytes: 1 })).toBeUndefined();
      const etag = (await store.read('part', { maxBytes: 10 }))?.info.etag;
      await put(store, 'part', 'ABCDEFGHIJ', 'any');
      await expect(store.readRange?.('part', { startByte: 0, lengthBytes: 1, etag })).rejects.toMatchObject({
        code: 'condition-failed',
      });
    });

    test('what it then reads and lists', async () => {
      for (const key of awkwardKeys) await put(store, key, `content of ${key}`, 'absent');
      for (const key of awkwardKeys) expect(await textOf(store, key)).toBe(`content of ${key}`);
      expect(await keysOf(store.list(''))).toEqual([...awkwardKeys].sort());
      expect(await keysOf(store.list('a/'))).toEqual(['a/b/c.json']);
      expect(await keysOf(store.list('missing/'))).toEqual([]);
    });

    test('and returns the same ETag as a read', async () => {
      const { etag } = await put(store, 'a', 'one');
      expect((await store.read('a', { maxBytes: 10 }))?.info.etag).toBe(etag);
    });

    test('a file, streamed', async () => {
      const file = path.join(temporaryDirectory(), 'source');
      const content = Buffer.alloc(5_000_000, 'spack');
      fs.writeFileSync(file, content);
      await store.write('file', { kind: 'file', path: file, sizeBytes: content.length }, options(content));
      const object = await store.read('file', { maxBytes: content.length });
      expect(content.equals(object?.body ?? Buffer.from(''))).toBe(true);
    });

    test('I2: nothing if the bytes are not the announced ones', async () => {
      await put(store, 'kept', 'old');
      const wrong = { code: 'content-invalid' };
      await expect(store.write('new', bytesSource('actual'), options('announced'))).rejects.toMatchObject(
        wrong,
      );
      await expect(store.write('kept', bytesSource('actual'), options('announced'))).rejects.toMatchObject(
        wrong,
      );
      const file = path.join(temporaryDirectory(), 'source');
      fs.writeFileSync(file, 'actual');
      const sizes = [
        [6, 'announced'],
        [5, 'actual'],
        [7, 'actual'],
        [5, 'actua'],
      ] as const;
      for (const [sizeBytes, announced] of sizes) {
        const source = { kind: 'file', path: file, sizeBytes } as const;
        await expect(store.write('new', source, options(announced, 'absent'))).rejects.toMatchObject(wrong);
      }
      const missing = { kind: 'file', path: `${file}-missing`, sizeBytes: 1 } as const;
      await expect(store.write('new', missing, options('x'))).rejects.toMatchObject(wrong);
      expect(await keysOf(store.list(''))).toEqual(['kept']);
      expect(await textOf(store, 'kept')).toBe('old');
    });

    test('I2: "absent" only once', async () => {
      await put(store, 'a', 'first', 'absent');
      for (const content of ['first', 'second']) {
        await expect(put(store, 'a', content, 'absent')).rejects.toMatchObject({ code: 'condition-failed' });
      }
      expect(await textOf(store, 'a')).toBe('first');
    });

    test('I2: "absent" for only one of many at once', async () => {
      const contents = Array.from({ length: 20 }, (_, index) => `writer ${index}`);
      const results = await Promise.allSettled(
        contents.map((content) => put(store, 'a/b', content, 'absent')),
      );
      const winners = contents.filter((_, index) => results[index]?.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      expect(await textOf(store, 'a/b')).toBe(winners[0]);
    });

    test('I3: an ETag only while it is current', async () => {
      const first = await put(store, 'pointer', 'one', 'absent', 'pointer');
      const second = await put(store, 'pointer', 'two', { etag: first.etag }, 'pointer');
      const failed = { code: 'condition-failed' };
      await expect(put(store, 'pointer', 'three', { etag: first.etag }, 'pointer')).rejects.toMatchObject(
        failed,
      );
      await expect(put(store, 'missing', 'one', { etag: first.etag }, 'pointer')).rejects.toMatchObject(
        failed,
      );
      expect(await textOf(store, 'pointer')).toBe('two');
      await store.delete('pointer');
      await expect(put(store, 'pointer', 'three', { etag: second.etag }, 'pointer')).rejects.toMatchObject(
        failed,
      );
      expect(await textOf(store, 'pointer')).toBeUndefined();
    });

    test('I3: every one of many concurrent compare-and-swaps', async () => {
      await put(store, 'counter', '0', 'absent', 'pointer');
      const increment = async (): Promise<void> => {
        for (;;) {
          const object = await store.read('counter', { maxBytes: 20 });
          if (object === undefined) throw new Error('the counter is gone');
          const next = String(Number(Buffer.from(object.body).toString()) + 1);
          try {
            await put(store, 'counter', next, { etag: object.info.etag ?? '' }, 'pointer');
            return;
          } catch (error) {
            if (!(error instanceof Error && 'code' in error && error.code === 'condition-failed'))
              throw error;
            await systemClock.sleep(Math.random() * 5);
          }
        }
      };
      await Promise.all(Array.from({ length: 20 }, increment));
      expect(await textOf(store, 'counter')).toBe('20');
    });

    test('what it lists with its modification time, by the clock that it reports', async () => {
      await put(store, 'a/b', 'x');
      const [listed] = await collect(store.list(''));
      const nowMs = (await store.nowMs?.()) ?? 0;
      expect(Math.abs(nowMs - Date.now())).toBeLessThan(60_000);
      expect(Math.abs((listed?.modifiedAtMs ?? 0) - nowMs)).toBeLessThan(60_000);
      // Asking leaves nothing behind.
      expect(await keysOf(store.list(''))).toEqual(['a/b']);
    });

    test('copies of its own objects, on the same conditions, if it can copy', async () => {
      if (store.copy === undefined) return;
      for (const sizeBytes of [0, 5, 70 * 2 ** 20]) {
        const content = Buffer.alloc(sizeBytes, 'copied');
        const key = `from/${sizeBytes} +ü`;
        const from = { key, sizeBytes, ...(await put(store, key, content)) };
        const to = `to/${sizeBytes}`;
        const { etag } = await store.copy(from, to, { ...options(content, 'absent') });
        const copy = await store.read(to, { maxBytes: sizeBytes });
        expect(content.equals(copy?.body ?? Buffer.from('none'))).toBe(true);
        expect(copy?.info).toMatchObject({ etag, sizeBytes, sha256: sha256Of(content) });
        const failed = { code: 'condition-failed' };
        await expect(store.copy(from, to, options(content, 'absent'))).rejects.toMatchObject(failed);
        await expect(store.copy(from, 'new', options(content, { etag }))).rejects.toMatchObject(failed);
        if (sizeBytes === 0) continue;
        await put(store, key, 'replaced');
        await expect(store.copy(from, 'new', options(content))).rejects.toMatchObject(failed);
        expect(await store.head('new')).toBeUndefined();
      }
    });

    test('I2: a copy to "absent" for only one of many at once', async () => {
      if (store.copy === undefined) return;
      const { copy } = store;
      const froms = await Promise.all(
        Array.from({ length: 8 }, async (_, index) => {
          const content = `source ${index}`;
          const { etag } = await put(store, `from/${index}`, content);
          return { content, from: { key: `from/${index}`, sizeBytes: content.length, etag } };
        }),
      );
      const results = await Promise.allSettled(
        froms.map(({ from, content }) => copy.call(store, from, 'to', options(content, 'absent'))),
      );
      const winners = froms.filter((_, index) => results[index]?.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      expect(await textOf(store, 'to')).toBe(winners[0]?.content);
    });

    test('and removes, even what is missing', async () => {
      await put(store, 'a/b', 'x');
      await store.delete('a/b');
      await store.delete('a/b');
      await store.delete('never/there');
      expect(await store.head('a/b')).toBeUndefined();
      await put(store, 'a/b', 'y', 'absent');
      expect(await textOf(store, 'a/b')).toBe('y');
    });

    test('I8: no invalid key', async () => {
      for (const key of hostileKeys) {
        await expect(put(store, key, 'x'), JSON.stringify(key)).rejects.toMatchObject({
          code: 'name-invalid',
        });
        await expect(store.delete(key)).rejects.toMatchObject({ code: 'name-invalid' });
      }
      for (const prefix of ['a', '/', '../', 'a//', 'a/../']) {
        await expect(keysOf(store.list(prefix)), prefix).rejects.toMatchObject({ code: 'name-invalid' });
      }
    });

    test('I8: any key completely or not at all', async () => {
      const segment = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 12 }),
        fc.constantFrom('.', '..', '', '%2e%2e', '...', '~', 'a', '%2F', '\u202e', 'CON', '.slipway'),
      );
      const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
      const property = fc.asyncProperty(key, async (candidate) => {
        try {
          await put(store, candidate, `content of ${sha256Of(Buffer.from(candidate))}`);
        } catch (error) {
          // A directory may have the name, or it may be too long for a file system; the error is ours in any case.
          expect(error).toMatchObject({ code: 'name-invalid' });
          return;
        }
        expect(keyProblem(candidate)).toBeUndefined();
        expect(await textOf(store, candidate)).toBe(`content of ${sha256Of(Buffer.from(candidate))}`);
        expect(await keysOf(store.list(''))).toContain(candidate);
        await store.delete(candidate);
      });
      await fc.assert(property, { numRuns: 150 });
    });
  });
}
