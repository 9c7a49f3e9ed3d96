// Slow: about 20 s.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '@slipway/store';
import {
  actionProcess,
  haveMinio,
  type Minio,
  type S3FaultProxy,
  startMinio,
  startS3FaultProxy,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle, sha256Of } from './publishing.ts';

const objectCount = 2_500;
const maxAttempts = 12;
const weather = {
  slowDown: 0.1,
  reset: 0.05,
  cut: 0.02,
  wrongEtag: 0.01,
  conflict: 0.02,
  ambiguous: 0.01,
  shiftedDate: 0.01,
  tooSkewed: 0.005,
  expired: 0.005,
};

describe.skipIf(!haveMinio())('s3-publish in bad weather (needs minio)', () => {
  let minio: Minio;
  let proxy: S3FaultProxy;
  beforeAll(async () => {
    minio = await startMinio();
    proxy = await startS3FaultProxy(minio.endpointUrl, weather);
  });
  afterAll(async () => {
    proxy?.close();
    await minio?.stop();
  });

  /** A directory of many small files, and the SHA-256 of each by key. */
  function makeFiles(): { readonly directory: string; readonly sums: ReadonlyMap<string, string> } {
    const directory = temporaryDirectory('many');
    const sums = new Map<string, string>();
    for (let index = 0; index < objectCount; index += 1) {
      const key = `group-${index % 50}/object ${index}.txt`;
      const content = `object ${index}: ${'x'.repeat(index % 700)}`;
      if (index < 50) mkdirSync(join(directory, `group-${index}`), { recursive: true });
      writeFileSync(join(directory, key), content);
      sums.set(key, sha256Of(content));
    }
    return { directory, sums };
  }

  test(`I1, I2: ${objectCount} objects are stored byte for byte, with a bounded number of retries`, async () => {
    const { directory, sums } = makeFiles();
    const bucket = await minio.makeBucket();
    const url = `s3://${bucket}/releases`;
    const publish = () =>
      actionProcess(bundle, {
        inputs: {
          source: directory,
          destination: url,
          immutable: 'group-1/**',
          pointers: 'group-0/object 0.txt',
          'endpoint-url': proxy.endpointUrl,
          'force-path-style': 'true',
          'access-key-id': minio.credentials.accessKeyId,
          'secret-access-key': minio.credentials.secretAccessKey,
        },
      });
    const run = await publish();
    expect(run.exitCode, run.log.slice(-2000)).toBe(0);
    expect(run.outputs).toMatchObject({ uploaded: String(objectCount), unchanged: '0' });

    const attempts = new Map<string, number>();
    for (const { method, url: path } of proxy.requests) {
      if (method === 'PUT') attempts.set(path, (attempts.get(path) ?? 0) + 1);
    }
    expect(Math.max(...attempts.values())).toBeGreaterThan(2);
    expect(Math.max(...attempts.values())).toBeLessThanOrEqual(maxAttempts + 5);

    const credentials = async () => minio.credentials;
    const store = await openStore(url, { s3: { settings: minio.settings, credentials } });
    const left = new Map(sums);
    for (let group = 0; group < 50; group += 1) {
      for await (const { key } of store.list(`group-${group}/`)) {
        const object = await store.read(key, { maxBytes: 2 ** 16 });
        expect(sha256Of(object?.body ?? ''), key).toBe(left.get(key));
        left.delete(key);
      }
    }
    expect(left.size).toBe(0);

    const again = await publish();
    expect(again.exitCode, again.log.slice(-2000)).toBe(0);
    expect(again.outputs).toMatchObject({ uploaded: '0', unchanged: String(objectCount) });
  }, 900_000);
});
