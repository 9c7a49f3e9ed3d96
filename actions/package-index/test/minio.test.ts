import {
  actionProcess,
  haveMinio,
  type Minio,
  type S3Objects,
  s3Objects,
  startMinio,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle, makePackages } from './indexing.ts';

describe.skipIf(!haveMinio())('package-index on S3 (needs minio)', () => {
  let minio: Minio | undefined;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio?.stop());

  /** A bucket with packages, and how to index it with the bundle. */
  async function makeBucket() {
    if (minio === undefined) throw new Error('there is no MinIO');
    const { endpointUrl, credentials } = minio;
    const bucket = await minio.makePublicBucket();
    const objects: S3Objects = s3Objects({ url: endpointUrl, bucket }, credentials);
    for (const [key, { bytes }] of await makePackages()) await objects.write(`whl/${key}`, bytes);
    const run = (inputs: Readonly<Record<string, string>> = {}) =>
      actionProcess(bundle, {
        inputs: {
          source: `s3://${bucket}`,
          prefixes: 'whl',
          subdirectories: 'cu118',
          'endpoint-url': endpointUrl,
          'force-path-style': 'true',
          'access-key-id': credentials.accessKeyId,
          'secret-access-key': credentials.secretAccessKey,
          ...inputs,
        },
      });
    const url = (key: string): string => `${endpointUrl}/${bucket}/${key}`;
    return { objects, bucket, run, url };
  }

  test('objects with slash keys have the type of JSON and the caching rule', async () => {
    const { run, url, objects } = await makeBucket();
    const inputs = {
      layout: 'slash-keys',
      'cache-control': 'max-age=600, public',
      'compute-missing': 'true',
    };
    const built = await run(inputs);
    expect(built.exitCode, built.log).toBe(0);
    const response = await fetch(url('whl/cu118/torch/'));
    expect(response.headers.get('content-type')).toBe('application/vnd.pypi.simple.v1+json');
    expect(response.headers.get('cache-control')).toBe('max-age=600, public');
    expect(await response.json()).toMatchObject({ name: 'torch', meta: { 'api-version': '1.4' } });
    expect((await objects.list('whl/')).filter((key) => key.includes('index.'))).toEqual([]);

    // Another layout leaves nothing of the earlier one.
    const other = await run({ ...inputs, layout: 'index-files', formats: 'html' });
    expect(other.exitCode, other.log).toBe(0);
    expect((await fetch(url('whl/cu118/torch/index.html'))).headers.get('content-type')).toMatch(
      /^text\/html/,
    );
    expect((await objects.list('whl/')).filter((key) => key.endsWith('/'))).toEqual([]);
  });

  test('a dry run needs no right to write, and changes nothing', async () => {
    const { run, objects } = await makeBucket();
    const before = await objects.list();
    const reader = await minio?.limitedCredentials(['s3:GetObject', 's3:ListBucket']);
    const dry = await run({
      'dry-run': 'true',
      'extract-metadata': 'true',
      'access-key-id': reader?.accessKeyId ?? '',
      'secret-access-key': reader?.secretAccessKey ?? '',
      'session-token': reader?.sessionToken ?? '',
    });
    expect(dry.exitCode, dry.log).toBe(0);
    expect(Number(dry.outputs['pages-written'])).toBeGreaterThan(0);
    expect(await objects.list()).toEqual(before);
  });

  test('a destination that refuses is an error, and nothing of the index is there', async () => {
    const { run, objects } = await makeBucket();
    const before = await objects.list();
    const reader = await minio?.limitedCredentials(['s3:GetObject', 's3:ListBucket']);
    const refused = await run({
      'access-key-id': reader?.accessKeyId ?? '',
      'secret-access-key': reader?.secretAccessKey ?? '',
      'session-token': reader?.sessionToken ?? '',
    });
    expect(refused.exitCode).toBe(1);
    expect(refused.annotations.at(-1)?.message).toContain('access-denied');
    expect(refused.summary).toContain('Package index not built completely');
    expect(await objects.list()).toEqual(before);
  });

  test('I7: the secret key is nowhere in what a run says', async () => {
    const { run } = await makeBucket();
    const { log, summary, outputs } = await run();
    const printed = log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
    expect([...printed, summary, JSON.stringify(outputs)].join('\n')).not.toContain(
      minio?.credentials.secretAccessKey ?? 'none',
    );
  });
});
