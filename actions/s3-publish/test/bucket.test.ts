import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Clock, systemClock } from '@slipway/core';
import { pendingInvalidationsKey } from '@slipway/pending-invalidations';
import { failureOf } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { formatInventory, inventoryKey, parseInventory } from '../src/inventory.ts';
import { BucketDouble } from './bucket-double.ts';
import { changedKeys, makeTree, publishToStore, sha256Of } from './publishing.ts';

const site = { 'index.html': '<p>1', 'assets/app.js': 'app()', 'assets/empty': '', 'latest.json': '{"v":1}' };
const rules = { pointers: 'latest.json', 'cache-control': '**: max-age=60' };

describe('publishing to a bucket', () => {
  test('sends content type, cache control and metadata', async () => {
    const bucket = new BucketDouble();
    await publishToStore(bucket, {
      ...rules,
      source: makeTree(site),
      immutable: 'assets/**',
      metadata: '*.js: commit=abc',
    });
    expect(bucket.objects.get('assets/app.js')?.options).toMatchObject({
      condition: 'absent',
      cache: 'immutable',
      contentType: 'text/javascript; charset=utf-8',
      headers: { cacheControl: 'max-age=60', metadata: { commit: 'abc' } },
    });
    expect(bucket.objects.get('index.html')?.options).toMatchObject({ condition: 'any', cache: 'document' });
    expect(bucket.objects.get('latest.json')?.options).toMatchObject({
      condition: 'absent',
      cache: 'pointer',
    });
  });

  test('I1: stores pointers after everything else is stored and checked', async () => {
    const bucket = new BucketDouble();
    await publishToStore(bucket, { ...rules, source: makeTree(site) });
    const first = bucket.requests.indexOf('PUT latest.json');
    for (const key of ['index.html', 'assets/app.js', 'assets/empty']) {
      const put = bucket.requests.indexOf(`PUT ${key}`);
      expect(bucket.requests.indexOf(`HEAD ${key}`, put)).toBeGreaterThan(put);
      expect(bucket.requests.indexOf(`HEAD ${key}`, put)).toBeLessThan(first);
    }
    expect(bucket.requests.slice(first)).toEqual([
      'PUT latest.json',
      'HEAD latest.json',
      `GET ${pendingInvalidationsKey}`,
      `PUT ${pendingInvalidationsKey}`,
      `PUT ${inventoryKey}`,
    ]);
  });

  test('unchanged costs a listing and two GETs', async () => {
    const bucket = new BucketDouble();
    const source = makeTree(site);
    await publishToStore(bucket, { ...rules, source });
    bucket.requests = [];
    const run = await publishToStore(bucket, { ...rules, source });
    expect(run.outputs).toMatchObject({ uploaded: 0, unchanged: 4 });
    expect(bucket.requests.toSorted()).toEqual([
      `GET ${pendingInvalidationsKey}`,
      `GET ${inventoryKey}`,
      'LIST page',
    ]);
  });

  test('an object that was stored without its Content-Encoding is stored again with it', async () => {
    const bucket = new BucketDouble();
    const zipped = gzipSync('app()');
    const source = makeTree({ 'app.js.gz': zipped, 'logo.svgz': gzipSync('<svg/>'), 'b.txt': 'b' });
    await publishToStore(bucket, { source });
    expect(bucket.objects.get('logo.svgz')?.options?.headers).toMatchObject({ contentEncoding: 'gzip' });
    const encoded = { source, 'content-encoding': '*.gz: gzip' };
    const dry = await publishToStore(bucket, { ...encoded, 'dry-run': 'true' });
    expect(dry.log).toContain(`Would store app.js.gz (${zipped.length} B, gzip, other headers)`);
    const run = await publishToStore(bucket, encoded);
    expect(changedKeys(run)).toEqual(['app.js.gz']);
    expect(bucket.objects.get('app.js.gz')?.options).toMatchObject({
      contentType: 'text/javascript; charset=utf-8',
      headers: { contentEncoding: 'gzip' },
    });
    expect((await publishToStore(bucket, encoded)).outputs).toMatchObject({ uploaded: 0, unchanged: 3 });
    // Without the inventory, the object's own encoding decides.
    bucket.objects.delete(inventoryKey);
    expect((await publishToStore(bucket, encoded)).outputs).toMatchObject({ uploaded: 0, unchanged: 3 });
    bucket.objects.delete(inventoryKey);
    expect(changedKeys(await publishToStore(bucket, { source }))).toEqual(['app.js.gz']);
  });

  test('a file that is not compressed as its Content-Encoding says is refused, and nothing is stored', async () => {
    const bucket = new BucketDouble();
    const source = makeTree({ 'app.js.gz': 'app()', 'a.zst': 'x', 'logo.svgz': '<svg/>', 'b.txt': 'b' });
    const inputs = { source, 'content-encoding': '*.gz: gzip\n*.zst: zstd' };
    const failure = await failureOf(publishToStore(bucket, inputs));
    expect(failure).toMatchObject({ code: 'content-invalid' });
    for (const name of ['app.js.gz', 'a.zst', 'logo.svgz']) expect(failure.message).toContain(`"${name}"`);
    expect(bucket.objects.size).toBe(0);
    const plain = { source, 'content-encoding': '*.svgz: identity' };
    expect((await publishToStore(bucket, plain)).outputs).toMatchObject({ uploaded: 4 });
  });

  test('an object that is stored with another Content-Encoding than was sent fails the run', async () => {
    const bucket = new BucketDouble();
    const write = bucket.write.bind(bucket);
    bucket.write = (key, body, options) => write(key, body, { ...options, headers: {} });
    const source = makeTree({ 'logo.svgz': gzipSync('<svg/>') });
    const { failure } = await publishToStore(bucket, { source });
    expect(failure?.message).toMatch(/another Content-Encoding/);
  });

  test('other headers with the same bytes are a change', async () => {
    const bucket = new BucketDouble();
    const source = makeTree(site);
    await publishToStore(bucket, { ...rules, source });
    const changed = { ...rules, source, 'cache-control': '**: max-age=60\n*.html: no-cache' };
    const run = await publishToStore(bucket, changed);
    expect(changedKeys(run)).toEqual(['index.html']);
    expect(bucket.objects.get('index.html')?.options?.headers?.cacheControl).toBe('no-cache');
    expect((await publishToStore(bucket, changed)).outputs).toMatchObject({ uploaded: 0 });
    expect(
      (await publishToStore(bucket, { ...changed, 'storage-class': 'STANDARD_IA' })).outputs,
    ).toMatchObject({ uploaded: 4 });
  });

  test('an object that another tool replaced is noticed and stored again, even with the same size', async () => {
    const bucket = new BucketDouble();
    const source = makeTree(site);
    await publishToStore(bucket, { ...rules, source });
    bucket.place('index.html', '<p>X');
    bucket.place('assets/app.js', 'app()');
    const run = await publishToStore(bucket, { ...rules, source });
    expect(changedKeys(run)).toEqual(['assets/app.js', 'index.html']);
    expect(bucket.bodies()).toEqual(site);
  });

  test('an object that another tool stored under an immutable key is read, and left if it is the same', async () => {
    const bucket = new BucketDouble();
    bucket.place('v1/a', 'same');
    const source = makeTree({ 'v1/a': 'same' });
    expect((await publishToStore(bucket, { source, immutable: 'v1/**' })).outputs).toMatchObject({
      uploaded: 0,
      unchanged: 1,
    });
    bucket.place('v1/a', 'SAME');
    await expect(publishToStore(bucket, { source, immutable: 'v1/**' })).rejects.toMatchObject({
      code: 'immutable-conflict',
    });
  });

  test('I2: an immutable object that was stored concurrently with other bytes is never overwritten', async () => {
    for (const [theirs, code] of [
      ['same', undefined],
      ['SAME', 'immutable-conflict'],
    ] as const) {
      const bucket = new BucketDouble();
      bucket.beforeWrite = (key) => {
        if (key === 'v1/a') bucket.place(key, theirs);
      };
      const run = await publishToStore(bucket, { source: makeTree({ 'v1/a': 'same' }), immutable: 'v1/**' });
      expect(run.failure?.code).toBe(code);
      expect(bucket.bodies()).toEqual({ 'v1/a': theirs });
    }
  });
});

describe('the inventory is a cache', () => {
  test('without it, SHA-256 are requested and nothing is sent again; then it exists', async () => {
    const bucket = new BucketDouble();
    const source = makeTree(site);
    await publishToStore(bucket, { ...rules, source });
    bucket.objects.delete(inventoryKey);
    bucket.requests = [];
    expect((await publishToStore(bucket, { ...rules, source })).outputs).toMatchObject({
      uploaded: 0,
      unchanged: 4,
    });
    expect(bucket.count('HEAD')).toBe(4);
    expect(bucket.count('PUT')).toBe(1);
    bucket.requests = [];
    await publishToStore(bucket, { ...rules, source });
    expect(bucket.count('HEAD')).toBe(0);
  });

  test.each<readonly [string, (packed: Buffer) => Promise<Uint8Array> | Uint8Array]>([
    ['damaged', (packed) => packed.fill(0, 20, 40)],
    ['cut off', (packed) => packed.subarray(0, packed.length / 2)],
    ['of zero bytes', () => new Uint8Array()],
    [
      'stale: with the ETags of objects that were replaced',
      async (packed) => {
        const records = await parseInventory(packed);
        return formatInventory(
          new Map([...records].map(([key, record]) => [key, { ...record, state: '0'.repeat(32) }])),
        );
      },
    ],
    [
      'of other objects',
      async (packed) => {
        const records = [...(await parseInventory(packed))];
        const [, first] = records[0] ?? [];
        if (first === undefined) throw new Error('it is empty');
        return formatInventory(new Map(records.map(([key]) => [key, first])));
      },
    ],
  ])('%s, it never hides a change', async (_, damage) => {
    const bucket = new BucketDouble();
    const source = makeTree(site);
    await publishToStore(bucket, { ...rules, source });
    const packed = bucket.objects.get(inventoryKey)?.body;
    if (packed === undefined) throw new Error('there is no inventory');
    bucket.place(inventoryKey, await damage(Buffer.from(packed)));
    writeFileSync(join(source, 'index.html'), '<p>2');
    bucket.place('assets/app.js', 'bad()');
    expect((await publishToStore(bucket, { ...rules, source })).failure).toBeUndefined();
    expect(bucket.bodies()).toEqual({ ...site, 'index.html': '<p>2' });
    expect((await parseInventory(bucket.objects.get(inventoryKey)?.body ?? Buffer.alloc(0))).size).toBe(4);
  });

  test('of a faster publisher stays, and the run succeeds', async () => {
    const bucket = new BucketDouble();
    bucket.beforeWrite = (key) => {
      if (key === inventoryKey) bucket.place(inventoryKey, 'theirs');
    };
    const run = await publishToStore(bucket, { ...rules, source: makeTree(site) });
    expect(run.failure).toBeUndefined();
    expect(bucket.objects.get(inventoryKey)?.body.toString()).toBe('theirs');
    expect(run.log.join('\n')).toContain('Another publisher wrote the inventory');
  });

  test('keeps what other sources published to the same place, and is never deleted or uploaded', async () => {
    const bucket = new BucketDouble();
    const one = makeTree({ one: '1', '.slipway/s3-publish-inventory.v1.gz': 'a trap' });
    await publishToStore(bucket, { source: one });
    await publishToStore(bucket, { source: makeTree({ two: '2' }) });
    bucket.requests = [];
    await publishToStore(bucket, { source: one });
    expect(bucket.count('HEAD') + bucket.count('PUT')).toBe(0);
    const run = await publishToStore(bucket, { source: one, delete: 'extraneous' });
    expect(run.outputs).toMatchObject({ deleted: 1 });
    expect([...bucket.objects.keys()].toSorted()).toEqual([pendingInvalidationsKey, inventoryKey, 'one']);
  });

  test('is written during a long run, so that a killed one leaves it', async () => {
    const bucket = new BucketDouble();
    let nowMs = 0;
    const clock: Clock = {
      ...systemClock,
      nowMs: () => {
        nowMs += 10_000;
        return nowMs;
      },
    };
    const files = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`f${index}`, `${index}`]));
    const run = await publishToStore(bucket, { source: makeTree(files), concurrency: '4' }, clock);
    expect(run.failure).toBeUndefined();
    const saves = bucket.requests.filter((request) => request === `PUT ${inventoryKey}`).length;
    expect(saves).toBeGreaterThan(5);
    expect(bucket.requests.indexOf(`PUT ${inventoryKey}`)).toBeLessThan(bucket.requests.length / 2);
    expect(run.log.join('\n')).not.toContain('Another publisher');
    expect((await parseInventory(bucket.objects.get(inventoryKey)?.body ?? Buffer.alloc(0))).size).toBe(60);
  });

  test('is also written after a failure, so that a rerun does not request what is known', async () => {
    const bucket = new BucketDouble();
    const source = makeTree(site);
    bucket.beforeWrite = (key) => {
      if (key === 'latest.json') throw new Error('the network is gone');
    };
    expect((await publishToStore(bucket, { ...rules, source })).failure?.message).toContain('network');
    expect(bucket.bodies()).not.toHaveProperty('latest.json');
    bucket.beforeWrite = () => undefined;
    bucket.requests = [];
    const rerun = await publishToStore(bucket, { ...rules, source });
    expect(changedKeys(rerun)).toEqual(['latest.json']);
    expect(bucket.requests.filter((request) => request.startsWith('HEAD'))).toEqual(['HEAD latest.json']);
  });
});

describe('I3: two publishers at one pointer', () => {
  test('the slower one fails, names it, and overwrites nothing', async () => {
    for (const before of [undefined, '{"v":0}']) {
      const bucket = new BucketDouble();
      if (before !== undefined) bucket.place('latest.json', before);
      bucket.beforeWrite = (key) => {
        if (key === 'latest.json') bucket.place(key, '{"v":9}', sha256Of('{"v":9}'));
      };
      const run = await publishToStore(bucket, { ...rules, source: makeTree(site) });
      expect(run.failure).toMatchObject({
        code: 'contention',
        message: expect.stringContaining('latest.json'),
      });
      expect(bucket.bodies()).toEqual({ ...site, 'latest.json': '{"v":9}' });
    }
  });

  test('with the same bytes both succeed', async () => {
    const bucket = new BucketDouble();
    bucket.beforeWrite = (key) => {
      if (key === 'latest.json') bucket.place(key, site[key], sha256Of(site[key]));
    };
    const run = await publishToStore(bucket, { ...rules, source: makeTree(site) });
    expect(run.failure).toBeUndefined();
    expect(run.outputs).toMatchObject({ uploaded: 3, unchanged: 1 });
  });

  test('nothing is deleted after a pointer fails', async () => {
    const bucket = new BucketDouble();
    bucket.place('old', 'x');
    bucket.beforeWrite = (key) => {
      if (key === 'latest.json') bucket.place(key, 'theirs');
    };
    const run = await publishToStore(bucket, { ...rules, source: makeTree(site), delete: 'extraneous' });
    expect(run.failure?.code).toBe('contention');
    expect(bucket.bodies()).toHaveProperty('old');
  });
});

describe('if listing is denied', () => {
  test('each object is requested, a notice names the permission, and everything is published', async () => {
    const bucket = new BucketDouble();
    bucket.deniesListing = true;
    const source = makeTree(site);
    const first = await publishToStore(bucket, { ...rules, source });
    expect(first.failure).toBeUndefined();
    expect(first.problems).toMatchObject([
      { code: 'listing-denied', hint: expect.stringContaining('s3:ListBucket') },
    ]);
    expect(bucket.bodies()).toEqual(site);
    writeFileSync(join(source, 'latest.json'), '{"v":2}');
    expect((await publishToStore(bucket, { ...rules, source })).outputs).toMatchObject({
      uploaded: 1,
      unchanged: 3,
    });
  });

  test('deleting what is extraneous is refused', async () => {
    const bucket = new BucketDouble();
    bucket.deniesListing = true;
    await expect(
      publishToStore(bucket, { source: makeTree(site), delete: 'extraneous' }),
    ).rejects.toMatchObject({
      code: 'access-denied',
    });
    expect(bucket.objects.size).toBe(0);
  });
});

test('a store that does not have what it was sent is reported before pointers move', async () => {
  for (const verify of ['head', 'get']) {
    const bucket = new BucketDouble();
    const write = bucket.write.bind(bucket);
    bucket.write = async (key, source, options) => {
      const written = await write(key, source, options);
      if (key === 'index.html') bucket.place(key, '<p>?', sha256Of('<p>?'));
      return written;
    };
    const run = await publishToStore(bucket, { ...rules, source: makeTree(site), verify });
    expect(run.failure).toMatchObject({
      code: 'unexpected-response',
      message: expect.stringContaining('index.html'),
    });
    expect(bucket.bodies()).not.toHaveProperty('latest.json');
  }
});

test('I8: a name with line breaks is deleted, and takes one line wherever it is printed', async () => {
  const bucket = new BucketDouble();
  bucket.place('a\n::error::b/\u0007', 'x');
  const run = await publishToStore(bucket, { source: makeTree(site), delete: 'extraneous' });
  expect(run.outputs).toMatchObject({ deleted: 1 });
  expect(changedKeys(run)).toContain('a%0A::error::b/%07');
  expect(String(run.outputs['invalidation-paths']).split('\n')).toContain('/a%0A%3A%3Aerror%3A%3Ab/%07');
  expect(run.log.find((line) => line.startsWith('Will delete'))).not.toMatch(/::|\n|\u0007/);
});

test('a bucket of very many other objects is not listed to its end', async () => {
  const bucket = new BucketDouble();
  for (let index = 0; index < 20_000; index += 1) bucket.place(`other/${index}`, '');
  const source = makeTree(site);
  expect((await publishToStore(bucket, { ...rules, source })).outputs).toMatchObject({ uploaded: 4 });
  expect(bucket.count('LIST')).toBeLessThan(7);
  expect((await publishToStore(bucket, { ...rules, source })).outputs).toMatchObject({
    uploaded: 0,
    unchanged: 4,
  });
});

describe('multipart uploads that killed runs left behind', () => {
  const large = Buffer.alloc(5 * 2 ** 20 + 1, 'large');

  test.each([
    [{ ended: 2, left: 0 }, 'Ended 2 multipart uploads that killed runs left behind more than a day ago.'],
    [{ ended: 0, left: 1 }, 'Left 1 multipart upload of other keys'],
    [undefined, 'allow s3:ListBucketMultipartUploads'],
  ])('are ended or reported: %j', async (found, told) => {
    const bucket = new BucketDouble();
    const asked: string[] = [];
    bucket.endAbandonedUploads = async (isOurs) => {
      asked.push(...['large.bin', 'small.txt', 'other.bin'].filter(isOurs));
      return found;
    };
    const run = await publishToStore(bucket, { source: makeTree({ 'large.bin': large, 'small.txt': 's' }) });
    expect(run.failure).toBeUndefined();
    expect(run.log.join('\n')).toContain(told);
    expect(asked).toEqual(['large.bin']);
  });

  test('are not looked for if no file was ever sent in parts, after a failure, or in a dry run', async () => {
    const bucket = new BucketDouble();
    let calls = 0;
    bucket.endAbandonedUploads = async () => {
      calls += 1;
      return { ended: 0, left: 0 };
    };
    await publishToStore(bucket, { source: makeTree({ 'small.txt': 's' }) });
    const source = makeTree({ 'large.bin': large });
    await publishToStore(bucket, { source, 'dry-run': 'true' });
    bucket.beforeWrite = () => {
      throw new Error('the line is dead');
    };
    await publishToStore(bucket, { source }).catch(() => undefined);
    expect(calls).toBe(0);
  });

  test('never fail the run', async () => {
    const bucket = new BucketDouble();
    bucket.endAbandonedUploads = async () => {
      throw new Error('the line is dead');
    };
    const run = await publishToStore(bucket, { source: makeTree({ 'large.bin': large }) });
    expect(run.failure).toBeUndefined();
    expect(run.log.join('\n')).toContain('were not looked for');
  });
});
