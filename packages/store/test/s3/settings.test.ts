import { inspect } from 'node:util';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import type { ObjectStore, WriteOptions } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { openStore, type S3Settings } from '../../src/index.ts';
import { bytesSource, options, put, sha256Of } from '../objects.ts';
import { refusal, serveBucketDouble } from './bucket-double.ts';
import { openMinioStore, useMinio, withoutMinio } from './minio.ts';

const credentials = async () => ({ accessKeyId: 'AKIADOUBLE', secretAccessKey: 'hunter2' });

const partSizeBytes = 5 * 2 ** 20;

function open(settings: S3Settings, url = 's3://double-bucket/p'): Promise<ObjectStore> {
  return openStore(url, { s3: { settings, credentials } });
}

describe('the settings of an S3 store', () => {
  test('are refused before any request, all problems at once', async () => {
    const wrong = open({
      region: 'no region',
      endpointUrl: 'http://s3.example.org',
      partSizeBytes: 5,
      concurrency: 0,
      acl: 'public\nread',
      encryption: { algorithm: 'AES256', kmsKeyId: 'key' },
    });
    await expect(wrong).rejects.toMatchObject({ code: 'input-invalid' });
    await expect(wrong).rejects.toThrowError(
      /not a region.*must be an https.*5 bytes.*concurrency of 0.*KMS.*ACL/s,
    );
  });

  test.each([
    'http://127.0.0.1.example.org',
    'https://user:hunter2@example.org',
    'https://example.org/?token=hunter2',
    'ftp://example.org',
    'hunter2',
  ])('I7: the endpoint %s is refused without showing a secret', async (endpointUrl) => {
    const error = await open({ region: 'eu-west-1', endpointUrl }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'input-invalid' });
    expect(inspect(error, { depth: 9 })).not.toContain('hunter2');
  });

  test.each(['https://s3.example.org', 'http://localhost:9000', 'http://[::1]:9000/path'])(
    'the endpoint %s is accepted',
    async (endpointUrl) => {
      expect(await open({ region: 'auto', endpointUrl })).toMatchObject({ url: 's3://double-bucket/p' });
    },
  );

  test('directory buckets are reported as not supported', async () => {
    const store = open({ region: 'us-east-1' }, 's3://name--use1-az4--x-s3/p');
    await expect(store).rejects.toMatchObject({ code: 'not-supported' });
  });
});

describe('a request to S3', () => {
  test('I7: contains no secret, and identifies only Slipway', async () => {
    const double = await serveBucketDouble();
    const store = await open({ region: 'us-east-1', endpointUrl: double.endpointUrl, forcePathStyle: true });
    await put(store, 'a', 'x');
    const [request] = double.requests;
    expect(request?.headers['user-agent']).toMatch(/^slipway\/\d+\.\d+\.\d+$/);
    expect(inspect(request?.headers)).not.toContain('hunter2');
    expect(request?.headers).not.toHaveProperty('x-amz-acl');
    expect(request?.headers).not.toHaveProperty('content-encoding');
    expect(request?.headers['x-amz-content-sha256']).toBe(sha256Of('x'));
    expect(Buffer.from(String(request?.headers['x-amz-checksum-sha256']), 'base64').toString('hex')).toBe(
      sha256Of('x'),
    );
  });

  test('carries the requested options', async () => {
    const double = await serveBucketDouble();
    const store = await open({
      region: 'us-east-1',
      endpointUrl: double.endpointUrl,
      forcePathStyle: true,
      acl: 'public-read',
      storageClass: 'STANDARD_IA',
      encryption: { algorithm: 'aws:kms', kmsKeyId: 'alias/releases' },
      partSizeBytes,
    });
    const wanted = {
      'x-amz-acl': 'public-read',
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'alias/releases',
      'content-type': 'application/octet-stream',
      'cache-control': 'no-store',
      'content-disposition': 'attachment',
      'content-language': 'de',
      'x-amz-meta-origin': 'here',
    };
    const headers = {
      cacheControl: 'no-store',
      contentDisposition: 'attachment',
      contentLanguage: 'de',
      metadata: { origin: 'here' },
    };
    await store.write('small', bytesSource('x'), { ...options('x'), headers });
    const large = Buffer.alloc(partSizeBytes + 1);
    await store.write('large', bytesSource(large), { ...options(large), headers });
    const [small] = double.requests;
    const begun = double.requests.find(
      ({ method, url }) => method === 'POST' && url.searchParams.has('uploads'),
    );
    expect(small?.headers).toMatchObject(wanted);
    expect(begun?.headers).toMatchObject(wanted);
  });

  test('has an MD5 if the server refuses newer checksums', async () => {
    const double = await serveBucketDouble();
    const hasChecksum = (headers: object) =>
      Object.keys(headers).some((name) => name.startsWith('x-amz-checksum-'));
    double.intercept = ({ headers }) => (hasChecksum(headers) ? refusal(501, 'NotImplemented') : undefined);
    const store = await open({
      region: 'auto',
      endpointUrl: double.endpointUrl,
      forcePathStyle: true,
      partSizeBytes,
    });
    await put(store, 'a', 'x');
    await put(store, 'b', 'x');
    const large = Buffer.alloc(partSizeBytes + 1, 'x');
    await store.write('large', bytesSource(large), options(large));
    expect(Object.fromEntries(double.parts)).toEqual({ 1: partSizeBytes, 2: 1 });
    // Refused once only.
    expect(double.requests.filter(({ headers }) => hasChecksum(headers))).toHaveLength(1);
  });

  test("goes to AWS's address for the bucket", async () => {
    // Nothing is sent: the store would resolve the name, which these tests must not do.
    const { bucketUrl } = await import('../../src/s3/documents.ts');
    const sdk = await import('@aws-sdk/client-s3');
    const url = (settings: S3Settings, bucket: string) => bucketUrl(sdk, settings, bucket).href;
    expect(url({ region: 'eu-central-1' }, 'releases')).toBe(
      'https://releases.s3.eu-central-1.amazonaws.com/',
    );
    expect(url({ region: 'eu-central-1' }, 'my.releases')).toBe(
      'https://s3.eu-central-1.amazonaws.com/my.releases',
    );
    expect(url({ region: 'cn-north-1' }, 'releases')).toBe(
      'https://releases.s3.cn-north-1.amazonaws.com.cn/',
    );
    const own = { region: 'auto', endpointUrl: 'https://account.r2.example.org' };
    expect(url(own, 'releases')).toBe('https://releases.account.r2.example.org/');
    expect(url({ ...own, forcePathStyle: true }, 'releases')).toBe('https://account.r2.example.org/releases');
  });

  test.each<[string, WriteOptions['headers']]>([
    ['an invalid name', { metadata: { 'Not Lower': 'x' } }],
    ['a value with a line break', { metadata: { a: 'x\r\nx-amz-acl: public-read' } }],
    ['a value that is not ASCII', { contentDisposition: 'attachment; filename="ü"' }],
    ['a false SHA-256', { metadata: { sha256: 'f'.repeat(64) } }],
  ])('is not made with %s', async (_, headers) => {
    const double = await serveBucketDouble();
    const store = await open({ region: 'us-east-1', endpointUrl: double.endpointUrl, forcePathStyle: true });
    const write = store.write('a', bytesSource('x'), { ...options('x'), headers });
    await expect(write).rejects.toMatchObject({ code: 'input-invalid' });
    expect(double.requests).toEqual([]);
  });
});

describe.skipIf(withoutMinio)('an object in MinIO (needs minio)', () => {
  const minio = useMinio();

  test.each([
    ['immutable', 'public, max-age=31536000, immutable'],
    ['document', 'public, max-age=300'],
    ['pointer', 'public, max-age=60'],
  ] as const)('that is %s is stored with its cache policy, type and SHA-256', async (cache, cacheControl) => {
    const bucket = await minio().makeBucket();
    const store = await openMinioStore(minio(), `s3://${bucket}`);
    const { etag } = await put(store, 'key', 'content', 'absent', cache);
    const head = await minio().client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'key' }));
    expect(head).toMatchObject({
      CacheControl: cacheControl,
      ContentType: 'application/octet-stream',
      ETag: etag,
    });
    expect(head.ContentEncoding).toBeUndefined();
    const info = await store.head('key');
    expect(info).toMatchObject({ sha256: sha256Of('content'), etag, sizeBytes: 7 });
    expect(Math.abs((info?.modifiedAtMs ?? 0) - Date.now())).toBeLessThan(3_600_000);
  });

  test('keeps its headers, whether it was sent whole or in parts', async () => {
    const store = await openMinioStore(minio(), `s3://${await minio().makeBucket()}`, {
      partSizeBytes: 5 * 2 ** 20,
    });
    const headers = {
      cacheControl: 'public',
      contentDisposition: 'attachment; filename="a.zip"',
      contentLanguage: 'en',
      expiresAtMs: Date.UTC(2030, 0, 2, 3, 4, 5),
      metadata: { 'built-by': 'test' },
    };
    for (const sizeBytes of [1, 6 * 2 ** 20]) {
      const bytes = Buffer.alloc(sizeBytes);
      await store.write(`${sizeBytes}`, bytesSource(bytes), { ...options(bytes), headers });
      const kept = { ...headers, contentType: 'application/octet-stream' };
      expect((await store.head(`${sizeBytes}`))?.headers).toEqual(kept);
    }
  });
});
