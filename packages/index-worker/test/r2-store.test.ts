import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { mapConcurrently, systemClock, type WriteOptions } from '@slipway/core';
import { haveMinio, type Minio, startMinio } from '@slipway/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { getPlatformProxy, type PlatformProxy } from 'wrangler';
import type { R2Bucket } from '../src/r2.ts';
import { R2Store } from '../src/r2-store.ts';
import { runIndex } from '../src/run.ts';
import { readSettings } from '../src/settings.ts';
import { folder, haveWorkerd } from './workerd.ts';

const bytes = (text: string) => ({ kind: 'bytes', bytes: Buffer.from(text) }) as const;
const options = (text: string, condition: WriteOptions['condition']): WriteOptions => ({
  condition,
  contentType: 'text/html',
  cache: 'document',
  sha256: createHash('sha256').update(text).digest('hex'),
  headers: { cacheControl: 'max-age=60', metadata: { source: 'test' } },
});

describe.skipIf(!haveWorkerd())('R2 as a store (needs workerd)', () => {
  let platform: PlatformProxy;
  let bucket: R2Bucket;
  let requests = 0;
  let store: R2Store;

  beforeAll(async () => {
    platform = await getPlatformProxy({ configPath: join(folder, 'wrangler.jsonc'), persist: false });
    bucket = platform.env['PAGES'] as R2Bucket;
  });
  afterAll(() => platform?.dispose());
  beforeEach(async () => {
    requests = 0;
    store = new R2Store(bucket, { url: 'r2:PAGES', clock: systemClock, onRequest: () => (requests += 1) });
    for await (const { key } of store.list('')) await store.delete(key);
  });

  it('writes if nobody else has, and says so otherwise', async () => {
    const { etag } = await store.write('whl/index.html', bytes('one'), options('one', 'absent'));
    const refused = { code: 'condition-failed' };
    await expect(store.write('whl/index.html', bytes('two'), options('two', 'absent'))).rejects.toMatchObject(
      refused,
    );
    const second = await store.write('whl/index.html', bytes('two'), options('two', { etag }));
    await expect(store.write('whl/index.html', bytes('six'), options('six', { etag }))).rejects.toMatchObject(
      refused,
    );
    await expect(store.write('whl/none', bytes('six'), options('six', { etag }))).rejects.toMatchObject(
      refused,
    );
    expect(await store.head('whl/index.html')).toMatchObject({
      sizeBytes: 3,
      etag: second.etag,
      serverSha256: options('two', 'any').sha256,
      headers: { contentType: 'text/html', cacheControl: 'max-age=60', metadata: { source: 'test' } },
    });
    expect(await store.head('whl/none')).toBeUndefined();
  });

  it('never stores other bytes than were meant', async () => {
    const write = store.write('a', bytes('other'), options('meant', 'any'));
    await expect(write).rejects.toMatchObject({ code: 'content-invalid' });
    expect(await store.head('a')).toBeUndefined();
  });

  it('reads within bounds, keys that end in a slash too', async () => {
    await store.write('whl/torch/', bytes('12345'), options('12345', 'absent'));
    expect((await store.read('whl/torch/', { maxBytes: 5 }))?.body).toEqual(
      new Uint8Array(Buffer.from('12345')),
    );
    await expect(store.read('whl/torch/', { maxBytes: 4 })).rejects.toMatchObject({ code: 'too-large' });
    await expect(store.read('whl/../x', { maxBytes: 4 })).rejects.toMatchObject({ code: 'name-invalid' });
  });

  it('lists every page of a long listing', async () => {
    const mirror = platform.env['MIRROR'] as R2Bucket;
    const keys = Array.from({ length: 1_005 }, (_, number) => `whl/${String(number).padStart(4, '0')}`);
    const { sha256 } = options('x', 'any');
    await mapConcurrently(keys, 50, (key) =>
      mirror.put(key, Buffer.from('x'), { httpMetadata: {}, customMetadata: {}, sha256 }),
    );
    const long = new R2Store(mirror, {
      url: 'r2:MIRROR',
      clock: systemClock,
      onRequest: () => (requests += 1),
    });
    requests = 0;
    const listed: string[] = [];
    for await (const { key } of long.list('whl/')) listed.push(key);
    expect(listed.sort()).toEqual(keys);
    expect(requests).toBeGreaterThan(1);
  });

  describe.skipIf(!haveMinio())('with an S3 source (needs minio)', () => {
    let minio: Minio;
    beforeAll(async () => {
      minio = await startMinio();
    });
    afterAll(() => minio?.stop());

    it('stops within its budget, says so, and continues at the next run', async () => {
      const name = await minio.makeBucket();
      for (const project of ['a', 'b', 'c', 'd']) {
        const Key = `whl/${project}-1.0-py3-none-any.whl`;
        await minio.client.send(
          new PutObjectCommand({ Bucket: name, Key, Body: Key, ChecksumAlgorithm: 'SHA256' }),
        );
      }
      const configuration = JSON.stringify({
        format: 1,
        source: { url: `s3://${name}`, 'endpoint-url': minio.endpointUrl },
        destinations: [{ url: 'r2:PAGES' }],
        prefixes: [{ prefix: 'whl', formats: ['html'] }],
      });
      const environment = {
        PAGES: { ...doubleOf(bucket) },
        AWS_ACCESS_KEY_ID: minio.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: minio.credentials.secretAccessKey,
      };
      const run = async (MAX_WORK: string) => {
        const events: string[] = [];
        const settings = readSettings({ ...environment, MAX_WORK }, configuration);
        const summary = await runIndex(environment, settings, systemClock, (level, event) =>
          events.push(`${level} ${event}`),
        );
        return { ...summary, events };
      };
      const first = await run('2');
      expect(first).toMatchObject({
        isDone: false,
        stopped: '2 files and pages were handled',
        written: 0,
        errors: [],
      });
      expect(first.events).toContain('warn budget-stop');
      expect(await store.head('whl/index.html')).toBeUndefined();
      const runs = [first];
      while (runs.at(-1)?.isDone === false && runs.length < 10) runs.push(await run('2'));
      // Two runs ask about two files each; the others write four pages and the root.
      expect(runs.length).toBeGreaterThanOrEqual(4);
      expect(runs.at(-1)).toMatchObject({ isDone: true, errors: [] });
      expect(runs.reduce((sum, { written }) => sum + written, 0)).toBe(5);
      const root = await store.read('whl/index.html', { maxBytes: 10_000 });
      expect(Buffer.from(root?.body ?? []).toString()).toMatch(/href="a\/".*href="d\/"/s);
      expect(await run('20000')).toMatchObject({ isDone: true, stopped: undefined, written: 0 });
    });
  });
});

/** The methods of a binding, as this process sees it through a proxy. */
function doubleOf(bucket: R2Bucket): R2Bucket {
  return {
    head: (key) => bucket.head(key),
    get: (key) => bucket.get(key),
    put: (key, value, given) => bucket.put(key, value, given),
    delete: (key) => bucket.delete(key),
    list: (given) => bucket.list(given),
  };
}
