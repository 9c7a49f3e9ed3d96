// Slow: about 40 s.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ActionRun,
  actionProcess,
  haveMinio,
  type Minio,
  type S3Objects,
  s3Objects,
  startMinio,
  startS3FaultProxy,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { bundle, type InputTexts, makeTree, sha256Of } from './publishing.ts';

const inventoryName = '.slipway/s3-publish-inventory.v1.gz';
const isPublished = (key: string): boolean => !key.includes('.slipway/');
const awkward = {
  'plain.txt': 'plain',
  'with space/and+plus': 'a',
  'per%cent/100%25': 'b',
  "quotes'(and)*stars!": 'c',
  'tilde~/ü/日本語/🚢': 'd',
  'query?x=1#fragment': 'e',
  'colon:and@at&amp;<>"': 'f',
  '..dots/...': 'g',
  'empty/zero': '',
};

describe.skipIf(!haveMinio())('s3-publish to S3 (needs minio)', () => {
  let minio: Minio | undefined;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio?.stop());

  /** An empty bucket, with functions to publish to it and to inspect it without the action. */
  async function freshBucket(): Promise<{
    readonly objects: S3Objects;
    readonly bucket: string;
    readonly inputsFor: (place: string, inputs: InputTexts) => Record<string, string>;
    readonly publish: (place: string, inputs: InputTexts) => Promise<ActionRun>;
  }> {
    if (minio === undefined) throw new Error('there is no MinIO');
    const bucket = await minio.makeBucket();
    const { endpointUrl, credentials } = minio;
    const inputsFor = (place: string, inputs: InputTexts): Record<string, string> => {
      const all: InputTexts = {
        destination: `s3://${bucket}${place}`,
        'endpoint-url': endpointUrl,
        'force-path-style': 'true',
        'access-key-id': credentials.accessKeyId,
        'secret-access-key': credentials.secretAccessKey,
        ...inputs,
      };
      return Object.fromEntries(
        Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
      );
    };
    return {
      objects: s3Objects({ url: endpointUrl, bucket }, credentials),
      bucket,
      inputsFor,
      publish: (place, inputs) => actionProcess(bundle, { inputs: inputsFor(place, inputs) }),
    };
  }

  test.each(['', '/with space+%/ü~'])('awkward keys below "%s"', async (place) => {
    const { objects, publish } = await freshBucket();
    const source = makeTree(awkward);
    const first = await publish(place, { source, verify: 'get' });
    expect(first.exitCode, first.log).toBe(0);
    const prefix = place === '' ? '' : `${place.slice(1)}/`;
    const expected = Object.keys(awkward).map((key) => prefix + key);
    const own = [inventoryName, '.slipway/pending-invalidations.v1.json'].map((key) => prefix + key);
    expect((await objects.list()).toSorted()).toEqual([...expected, ...own].toSorted());
    for (const [key, content] of Object.entries(awkward))
      expect(await objects.read(prefix + key)).toBe(content);

    // The ETags in write responses and in listings must differ only if the object changed.
    const again = await publish(place, { source, verify: 'none' });
    expect(again.outputs).toMatchObject({ uploaded: '0', unchanged: `${expected.length}` });
    expect(again.log).not.toContain('Uploading');

    await objects.write(`${prefix}plain.txt`, 'PLAIN');
    const third = await publish(place, { source });
    expect(readFileSync(third.outputs['changed-keys'] ?? '', 'utf8')).toBe('plain.txt\n');
    expect(await objects.read(`${prefix}plain.txt`)).toBe('plain');
  });

  test('I6: deletes below its prefix only, and never its inventory', async () => {
    const { objects, publish } = await freshBucket();
    for (const key of ['sitemap', 'site/old', 'site/keep/x', 'site2/x', 'other'])
      await objects.write(key, key);
    const source = makeTree({ new: 'new' });
    const run = await publish('/site', { source, delete: 'extraneous', exclude: 'keep' });
    expect(run.exitCode, run.log).toBe(0);
    expect(run.log).toContain('Will delete old (8 B)');
    expect(run.log.indexOf('Will delete')).toBeLessThan(run.log.indexOf('Uploading'));
    const keys = [
      'other',
      'sitemap',
      'site/keep/x',
      'site/new',
      'site2/x',
      `site/${inventoryName}`,
      'site/.slipway/pending-invalidations.v1.json',
    ];
    expect((await objects.list()).toSorted()).toEqual(keys.toSorted());
    const again = await publish('/site', { source, delete: 'extraneous', exclude: 'keep' });
    expect(again.outputs).toMatchObject({ uploaded: '0', deleted: '0' });
  });

  test('more than one page is listed, published, changed and deleted', async () => {
    const { objects, publish } = await freshBucket();
    const files = Object.fromEntries(Array.from({ length: 1_100 }, (_, index) => [`d/${index}`, `${index}`]));
    const source = makeTree(files);
    const first = await publish('/many', { source, delete: 'extraneous', verify: 'none', concurrency: '16' });
    expect(first.outputs, first.log).toMatchObject({ uploaded: '1100' });
    for (let index = 0; index < 1_050; index += 1) rmSync(join(source, `d/${index}`));
    writeFileSync(join(source, 'd/1090'), 'changed');
    const second = await publish('/many', { source, delete: 'extraneous' });
    expect(second.outputs).toMatchObject({ uploaded: '1', unchanged: '49', deleted: '1050' });
    expect(second.outputs['invalidation-paths']?.split('\n')).toHaveLength(1_100);
    expect(await objects.read('many/d/1090')).toBe('changed');
  }, 300_000);

  test('I2 and I3: immutable keys and pointers are conditional on the server', async () => {
    const { objects, publish } = await freshBucket();
    const source = makeTree({ 'v1/app': 'one', 'latest.json': '1' });
    const inputs = { source, immutable: 'v1/**', pointers: 'latest.json' };
    expect((await publish('/x', inputs)).exitCode).toBe(0);
    writeFileSync(join(source, 'v1/app'), 'two');
    const refused = await publish('/x', inputs);
    expect(refused.exitCode).toBe(1);
    expect(refused.annotations.at(-1)?.message).toMatch(/v1\/app[\s\S]*immutable-conflict/);
    expect(await objects.read('x/v1/app')).toBe('one');
    writeFileSync(join(source, 'v1/app'), 'one');

    const runs = await Promise.all(
      Array.from({ length: 6 }, (_, index) => {
        const own = makeTree({ [`objects/${index}`]: 'x'.repeat(index), 'latest.json': `{"v":${index}}` });
        return publish('/x', { source: own, pointers: 'latest.json' });
      }),
    );
    const winners = runs.flatMap(({ exitCode }, index) => (exitCode === 0 ? [`{"v":${index}}`] : []));
    expect(winners).toContain(await objects.read('x/latest.json'));
    for (const run of runs.filter(({ exitCode }) => exitCode !== 0)) {
      expect(run.annotations.at(-1)?.message).toMatch(/latest\.json[\s\S]*\(contention\)/);
    }
    expect((await objects.list('x/objects/')).length).toBe(6);
  });

  test('I5: the next run finishes a killed one, and sends only the rest', async () => {
    const { objects, inputsFor, publish } = await freshBucket();
    const files = Object.fromEntries(
      Array.from({ length: 120 }, (_, index) => [`f${index}`, `${index}`.repeat(500)]),
    );
    const source = makeTree({ ...files, 'latest.json': '{}' });
    const inputs = { source, pointers: 'latest.json', concurrency: '4' };
    const proxy = await startS3FaultProxy(minio?.endpointUrl ?? '');
    onTestFinished(() => proxy.close());
    // Killed once the server has this many of the 121 objects.
    for (const stored of [1, 60, 120]) {
      const place = `/killed-${stored}`;
      let answered = 0;
      let kill: (() => void) | undefined;
      proxy.onAnswered = ({ method, url }) => {
        answered += method === 'PUT' && !url.includes('.slipway') ? 1 : 0;
        if (answered >= stored) kill?.();
      };
      const killed = await actionProcess(bundle, {
        inputs: { ...inputsFor(place, inputs), 'endpoint-url': proxy.endpointUrl },
        onOutput: (_, end) => {
          kill = () => end('SIGKILL');
        },
      });
      expect(killed.signal, killed.log).toBe('SIGKILL');
      const left = (await objects.list(`killed-${stored}/`)).filter(isPublished);
      if (left.includes(`killed-${stored}/latest.json`)) expect(left).toHaveLength(121);
      const rerun = await publish(place, inputs);
      expect(rerun.exitCode, rerun.log).toBe(0);
      const uploaded = Number(rerun.outputs['uploaded']);
      expect(uploaded + Number(rerun.outputs['unchanged'])).toBe(121);
      // Requests in flight may have arrived since.
      expect(uploaded).toBeLessThanOrEqual(121 - left.length);
      expect(uploaded).toBeGreaterThanOrEqual(121 - left.length - 4);
    }
  }, 300_000);

  test('I1 to I3 despite faults: everything is right in the end, byte for byte', async () => {
    if (minio === undefined) throw new Error('there is no MinIO');
    const proxy = await startS3FaultProxy(minio.endpointUrl, {
      slowDown: 0.1,
      reset: 0.05,
      cut: 0.02,
      wrongEtag: 0.01,
      conflict: 0.05,
      ambiguous: 0.02,
    });
    const { objects, publish } = await freshBucket();
    for (let index = 0; index < 20; index += 1) await objects.write(`site/old/${index}`, 'old');
    const files = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`v1/f${index}`, `${index} `.repeat(300)]),
    );
    const source = makeTree({ ...files, 'latest.json': '{"v":1}' });
    const inputs = {
      source,
      immutable: 'v1/**',
      pointers: 'latest.json',
      delete: 'extraneous',
      'endpoint-url': proxy.endpointUrl,
    };
    const run = await publish('/site', inputs);
    expect(run.exitCode, run.log).toBe(0);
    const stored = (await objects.list('site/')).filter(isPublished);
    expect(stored.toSorted()).toEqual(
      [...Object.keys(files), 'latest.json'].map((key) => `site/${key}`).toSorted(),
    );
    for (const [key, content] of Object.entries(files))
      expect(await objects.read(`site/${key}`)).toBe(content);
    expect(proxy.requests.filter(({ fault }) => fault !== undefined).length).toBeGreaterThan(25);
    // A wrongly reported ETag costs a HEAD the next time, never an upload.
    proxy.setFaults({});
    expect((await publish('/site', inputs)).outputs).toMatchObject({
      uploaded: '0',
      unchanged: '201',
      deleted: '0',
    });
    proxy.close();
  }, 300_000);

  test('a large file goes in parts, is verified by reading it back, and is known the next time', async () => {
    const { publish } = await freshBucket();
    const sizeBytes = 150 * 2 ** 20;
    const source = makeTree({ 'large.bin': Buffer.alloc(sizeBytes, 'in parts ') });
    const first = await publish('/large', { source, 'part-size': '32MiB', verify: 'get' });
    expect(first.exitCode, first.log).toBe(0);
    expect(first.outputs).toMatchObject({ uploaded: '1', 'bytes-uploaded': `${sizeBytes}` });
    expect((await publish('/large', { source, 'part-size': '32MiB' })).outputs).toMatchObject({
      uploaded: '0',
      unchanged: '1',
    });
  }, 300_000);

  test('I7: keys of the account appear nowhere else, and errors say what to do', async () => {
    const { publish, bucket } = await freshBucket();
    const source = makeTree({ a: 'a' });
    const secret = minio?.credentials.secretAccessKey ?? 'none';
    const inputs = { source, metadata: '**: built-by=test' };
    const good = await publish('/secret', inputs);
    const wrong = await publish('/secret', {
      ...inputs,
      'secret-access-key': 'wrong-secret-of-a-test-that-is-long',
    });
    const noBucket = await publish('', { ...inputs, destination: `s3://${bucket}-missing/x` });
    expect(good.exitCode, good.log).toBe(0);
    expect(wrong.exitCode).toBe(1);
    expect(noBucket.annotations.at(-1)?.message).toContain('bucket-missing');
    for (const run of [good, wrong, noBucket]) {
      const printed = run.log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
      const everything = [...printed, run.summary, JSON.stringify(run.outputs)].join('\n');
      expect(everything).not.toContain(secret);
      expect(everything).not.toContain('wrong-secret-of-a-test');
    }
    const manifest: unknown = JSON.parse(readFileSync(good.outputs['manifest'] ?? '', 'utf8'));
    expect(manifest).toMatchObject([
      { key: 'a', sizeBytes: 1, sha256: sha256Of('a'), etag: expect.any(String) },
    ]);
  });
});
