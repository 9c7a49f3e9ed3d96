import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { ObjectStore } from '@slipway/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openStore, type S3Settings } from '../../src/index.ts';
import { keysOf, put, textOf } from '../objects.ts';
import { serveBucketDouble } from './bucket-double.ts';
import { openMinioStore, useMinio, withoutMinio } from './minio.ts';

async function openDouble(
  endpointUrl: string,
  prefix = '',
  settings: Partial<S3Settings> = {},
): Promise<ObjectStore> {
  const credentials = async () => ({ accessKeyId: 'AKIADOUBLE', secretAccessKey: 'secret' });
  const all = { region: 'us-east-1', endpointUrl, forcePathStyle: true, ...settings };
  return openStore(`s3://double-bucket${prefix}`, { s3: { settings: all, credentials } });
}

const awkward = [
  '/leading',
  '//',
  'a//b',
  'a/',
  '../up',
  './here',
  'a/../b',
  'a\\b',
  'line\nbreak',
  'bell\u0007',
  '<&>"\'',
  'with space',
  'plus+percent%2B%',
  'query?x=1#y',
  'tilde~ü🚢',
];

describe('names that only a bucket can have', () => {
  test('are listed, read and removed, singly and in batches, but never written', async () => {
    const double = await serveBucketDouble();
    for (const key of awkward) double.objects.set(`p/${key}`, Buffer.from(`at ${key}`));
    const store = await openDouble(double.endpointUrl, '/p');
    await expect(store.head('/leading')).rejects.toMatchObject({ code: 'name-invalid' });
    expect(await keysOf(store.list(''))).toEqual([...awkward].sort());
    for (const key of awkward) {
      expect(await textOf(store, key), key).toBe(`at ${key}`);
      expect(await store.head(key), key).toMatchObject({ key });
    }
    for (const key of ['/leading', 'a//b', '../up', 'line\nbreak']) {
      await expect(put(store, key, 'x')).rejects.toMatchObject({ code: 'name-invalid' });
    }
    await store.delete('a//b');
    expect(await store.head('a//b')).toBeUndefined();
    expect(await store.deleteMany?.(awkward)).toEqual([]);
    expect([...double.objects.keys()]).toEqual([]);
    // In batches, except for what XML cannot express.
    const single = double.requests.filter(({ method }) => method === 'DELETE').map(({ key }) => key);
    expect(single.sort()).toEqual(['p/a//b', 'p/bell\u0007', 'p/line\nbreak']);
  });

  test.each([
    ['//x', '/x/'],
    ['/a//b', 'a//b/'],
    ['/a//', 'a//'],
    ['', ''],
  ])('the prefix of s3://bucket%s is "%s" for every operation', async (prefix, root) => {
    const double = await serveBucketDouble();
    const store = await openDouble(double.endpointUrl, prefix);
    await put(store, 'k e/y', 'x');
    expect([...double.objects.keys()]).toEqual([`${root}k e/y`]);
    expect(await keysOf(store.list('k e/'))).toEqual(['k e/y']);
    expect(await textOf(store, 'k e/y')).toBe('x');
    await store.delete('k e/y');
    expect([...double.objects.keys()]).toEqual([]);
  });

  test('I8: nothing outside the prefix ever appears, whatever the server lists', async () => {
    const double = await serveBucketDouble();
    double.strays.push('other/secret', 'p', 'p/', 'pp/x', 'p2', '../p/x', '');
    for (const key of ['p/a', 'p/b/c']) double.objects.set(key, Buffer.from('x'));
    const store = await openDouble(double.endpointUrl, '/p');
    expect(await keysOf(store.list(''))).toEqual(['a', 'b/c']);
    expect(await keysOf(store.list('b/'))).toEqual(['b/c']);
    await expect(store.read('../other/secret', { maxBytes: 10 })).rejects.toMatchObject({
      code: 'name-invalid',
    });
  });

  test('are all listed, in pages of a thousand', async () => {
    const double = await serveBucketDouble();
    for (let index = 0; index < 2500; index += 1) double.objects.set(`p/${index}`, Buffer.from('x'));
    const store = await openDouble(double.endpointUrl, '/p');
    const keys = await keysOf(store.list(''));
    expect(keys).toHaveLength(2500);
    expect(double.requests).toHaveLength(3);
    double.undeletable.set('p/7', 'AccessDenied').set('p/8', 'InternalError').set('p/9', 'NoSuchKey');
    expect(await store.deleteMany?.(keys)).toEqual([{ key: '7', reason: 'AccessDenied: no' }]);
    // The transient failure was retried on its own.
    expect([...double.objects.keys()]).toEqual(['p/7', 'p/9']);
    expect(double.requests.filter(({ url }) => url.searchParams.has('delete'))).toHaveLength(3);
  });

  test('are each listed once, however the listing is split', async () => {
    const double = await serveBucketDouble();
    const store = await openDouble(double.endpointUrl, '/p');
    const name = fc.oneof(
      fc.stringMatching(/^[ab]\/[a-c0-3 ~!]{1,4}$/),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }).map((text) => `a/${text}`),
    );
    const splits = fc.array(fc.oneof(name, fc.constantFrom('', 'a', 'a/', 'b/', '~~', '../x')), {
      maxLength: 6,
    });
    const property = fc.asyncProperty(
      fc.uniqueArray(name, { maxLength: 20 }),
      splits,
      async (names, cuts) => {
        double.objects.clear();
        for (const key of names) double.objects.set(`p/${key}`, Buffer.from('x'));
        for (const prefix of ['', 'a/']) {
          const keys: string[] = [];
          for await (const { key } of store.list(prefix, { splits: cuts })) keys.push(key);
          expect(keys.sort()).toEqual(names.filter((key) => key.startsWith(prefix)).sort());
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  test('are listed in parts without extra requests', async () => {
    const double = await serveBucketDouble();
    const numbers = Array.from({ length: 4_321 }, (_, index) => String(index).padStart(4, '0'));
    for (const number of numbers) double.objects.set(`p/${number}`, Buffer.from('x'));
    const store = await openDouble(double.endpointUrl, '/p');
    const splits = numbers.filter((_, index) => index % 1_000 === 999);
    const keys: string[] = [];
    for await (const { key } of store.list('', { splits })) keys.push(key);
    expect(keys.sort()).toEqual(numbers);
    expect(double.requests).toHaveLength(5);
  });

  test('I8: an endless listing, or an answer that is not one, is an error', async () => {
    const double = await serveBucketDouble();
    const store = await openDouble(double.endpointUrl);
    const page = (text: string) => {
      double.intercept = () => ({ status: 200, body: text });
    };
    const unexpected = { code: 'unexpected-response' };
    page('<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>');
    await expect(keysOf(store.list(''))).rejects.toMatchObject(unexpected);
    page(
      '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken></ListBucketResult>',
    );
    await expect(keysOf(store.list(''))).rejects.toMatchObject(unexpected);
    page(
      '<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%ff</Key><Size>1</Size></Contents></ListBucketResult>',
    );
    await expect(keysOf(store.list(''))).rejects.toMatchObject(unexpected);
    page('<html>Welcome to the captive portal');
    await expect(keysOf(store.list(''))).rejects.toMatchObject(unexpected);
  });
});

describe.skipIf(withoutMinio)('names in a bucket of MinIO (needs minio)', () => {
  const minio = useMinio();

  test('are listed, read and removed, even if they are not valid paths', async () => {
    const bucket = await minio().makeBucket();
    const store = await openMinioStore(minio(), `s3://${bucket}/p`);
    const there = ['a\\b', 'line\nbreak', 'bell\u0007', '<&>"\'', 'dir/', 'plus+percent%2B%', 'tilde~ü🚢'];
    for (const key of there) {
      await minio().client.send(new PutObjectCommand({ Bucket: bucket, Key: `p/${key}`, Body: 'x' }));
    }
    await minio().client.send(new PutObjectCommand({ Bucket: bucket, Key: 'pp', Body: 'x' }));
    expect(await keysOf(store.list(''))).toEqual([...there].sort());
    for (const key of there.filter((key) => !key.endsWith('/')))
      expect(await textOf(store, key), key).toBe('x');
    expect(await store.deleteMany(there)).toEqual([]);
    expect(await keysOf(store.list(''))).toEqual([]);
    expect(await keysOf((await openMinioStore(minio(), `s3://${bucket}`)).list(''))).toEqual(['pp']);
  });
});
