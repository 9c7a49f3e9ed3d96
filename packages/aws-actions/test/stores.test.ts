import { hash as hashOnce } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type Clock, mapConcurrently, type ObjectStore, systemClock } from '@slipway/core';
import {
  haveMinio,
  type S3FaultProxy,
  type StsGate,
  startS3FaultProxy,
  type TokenIssuer,
  type TrustingMinio,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openAwsStore, openSharedStore, type TransferredSeed } from '../src/index.ts';
import { parsedInputs, recordedContext, startTrustingServers, type TrustingServers } from './support.ts';

const partSizeBytes = 5 * 2 ** 20;

/** The access keys that signed requests. */
function keysUsed({ requests }: Pick<S3FaultProxy, 'requests'>): ReadonlySet<string | undefined> {
  return new Set(
    requests.map(({ headers }) => /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1]),
  );
}

async function put(store: ObjectStore, key: string, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  await store.write(
    key,
    { kind: 'bytes', bytes },
    { condition: 'any', contentType: 'text/plain', cache: 'document', sha256: hashOnce('sha256', bytes) },
  );
}

async function text(store: ObjectStore, key: string): Promise<string | undefined> {
  const object = await store.read(key, { maxBytes: 1_000 });
  return object && Buffer.from(object.body).toString();
}

const workers: Worker[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

/** A thread that opens the store of a seed; returns what it reads. */
function readerThread({ seed, transferList }: TransferredSeed) {
  const worker = new Worker(join(import.meta.dirname, 'store-worker.ts'), {
    workerData: { seed },
    transferList: [...transferList],
    execArgv: ['--conditions=source'],
  });
  workers.push(worker);
  return async (...keys: string[]): Promise<unknown> => {
    const answered = once(worker, 'message');
    worker.postMessage(keys);
    return (await answered)[0];
  };
}

test('a file:// store is opened without credentials, also in a thread', async () => {
  const url = pathToFileURL(temporaryDirectory('store')).href;
  const given = await parsedInputs({}, {}, false);
  const { store, seed } = await openSharedStore(url, given, recordedContext({}), 'write');
  await put(store, 'a', 'bytes');
  expect(await readerThread(seed())('a', 'missing')).toEqual(['bytes', undefined]);
});

describe.skipIf(!haveMinio())('an s3:// store that is opened with a role', () => {
  let servers: TrustingServers;
  let issuer: TokenIssuer;
  let minio: TrustingMinio;
  let gate: StsGate;
  beforeAll(async () => {
    servers = await startTrustingServers();
    ({ issuer, minio, gate } = servers);
  }, 120_000);
  afterAll(() => servers?.stop());

  const inputs = (more: Readonly<Record<string, string>> = {}) =>
    parsedInputs({
      'role-to-assume': minio.roleArn,
      'endpoint-url': minio.endpointUrl,
      'sts-endpoint-url': gate.url,
      'force-path-style': 'true',
      'role-duration': '15m',
      ...more,
    });

  test('reads and writes below its prefix; the token and its credentials are masked', async () => {
    const bucket = await minio.makeBucket();
    const context = recordedContext(issuer.environment);
    const store = await openAwsStore(`s3://${bucket}/some/prefix`, await inputs(), context, 'write');
    await put(store, 'a', 'bytes');
    expect(await text(store, 'a')).toBe('bytes');
    expect(context.masked).toContain(issuer.issued.at(-1));
    expect(context.masked.length).toBeGreaterThanOrEqual(4);
  });

  test('with session-policy: scoped is limited to that prefix by the server itself', async () => {
    const bucket = await minio.makeBucket();
    const scoped = await inputs({ 'session-policy': 'scoped' });
    const context = recordedContext(issuer.environment);
    const ours = await openAwsStore(`s3://${bucket}/ours`, scoped, context, 'write');
    await put(ours, 'a', 'bytes');
    expect(await text(ours, 'a')).toBe('bytes');
    expect(await text(ours, 'missing')).toBeUndefined();
    const keys: string[] = [];
    for await (const { key } of ours.list('')) keys.push(key);
    expect(keys).toEqual(['a']);
    expect(gate.requests.at(-1)?.get('Policy')).toContain(`arn:aws:s3:::${bucket}/ours/*`);

    const reader = await openAwsStore(`s3://${bucket}/ours`, scoped, context, 'read');
    expect(await text(reader, 'a')).toBe('bytes');
    await expect(put(reader, 'a', 'other')).rejects.toMatchObject({ code: 'access-denied' });
  });

  test('fails before anything is read if STS refuses', async () => {
    issuer.change({ audience: 'another-audience' });
    const context = recordedContext(issuer.environment);
    const opening = openAwsStore('s3://no-such-bucket', await inputs(), context, 'read');
    await expect(opening).rejects.toMatchObject({ code: 'credentials-refused', retryable: false });
    issuer.change({});
  });

  test('is opened in threads, which get their credentials from this one, even after a refresh', async () => {
    const bucket = await minio.makeBucket();
    let shiftMs = 0;
    const clock: Clock = { ...systemClock, nowMs: () => Date.now() + shiftMs };
    const context = recordedContext(issuer.environment, clock);
    const before = gate.tokens.length;
    const { store, seed } = await openSharedStore(`s3://${bucket}/p`, await inputs(), context, 'write');
    await put(store, 'a', 'bytes of a');
    await put(store, 'b', 'bytes of b');
    const [one, two] = [readerThread(seed()), readerThread(seed())];
    expect(await Promise.all([one('a', 'b'), two('b', 'missing')])).toEqual([
      ['bytes of a', 'bytes of b'],
      ['bytes of b', undefined],
    ]);
    expect(gate.tokens.length - before).toBe(1);
    shiftMs = 14.5 * 60_000;
    expect(await Promise.all([one('a'), two('b')])).toEqual([['bytes of a'], ['bytes of b']]);
    expect(gate.tokens.length - before).toBe(2);
  });

  test('continues with new credentials during many uploads, none of which fails', async () => {
    const proxy = await startS3FaultProxy(minio.endpointUrl);
    const bucket = await minio.makeBucket();
    let shiftMs = 0;
    const clock: Clock = { ...systemClock, nowMs: () => Date.now() + shiftMs };
    const before = gate.tokens.length;
    const given = await inputs({ 'endpoint-url': proxy.endpointUrl });
    const context = recordedContext(issuer.environment, clock);
    const store = await openAwsStore(`s3://${bucket}`, given, context, 'write');
    const names = Array.from({ length: 60 }, (_, index) => `object-${index}`);
    await mapConcurrently(names, 4, async (name, index) => {
      if (index === 20) shiftMs = 11 * 60_000;
      await put(store, name, `bytes of ${name}`);
    });
    expect(gate.tokens.length - before).toBe(2);
    expect(keysUsed(proxy).size).toBe(2);
    expect(await mapConcurrently(names, 4, (name) => text(store, name))).toEqual(
      names.map((name) => `bytes of ${name}`),
    );
    proxy.close();
  });

  test('continues with new credentials in the middle of a multipart upload', async () => {
    const proxy = await startS3FaultProxy(minio.endpointUrl);
    const bucket = await minio.makeBucket();
    const bytes = Buffer.alloc(8 * partSizeBytes, 'sixteen bytes...');
    const path = join(temporaryDirectory('upload'), 'large');
    await writeFile(path, bytes);
    let shiftMs = 0;
    const clock: Clock = { ...systemClock, nowMs: () => Date.now() + shiftMs };
    const before = gate.tokens.length;
    const given = await inputs({ 'endpoint-url': proxy.endpointUrl });
    const context = recordedContext(issuer.environment, clock);
    const tuning = { s3: { partSizeBytes, concurrency: 1 } };
    const store = await openAwsStore(`s3://${bucket}`, given, context, 'write', tuning);
    let sentBytes = 0;
    const sha256 = hashOnce('sha256', bytes);
    await store.write(
      'large',
      { kind: 'file', path, sizeBytes: bytes.length },
      {
        condition: 'absent',
        contentType: 'application/octet-stream',
        cache: 'immutable',
        sha256,
        onBytes(count) {
          sentBytes += count;
          if (sentBytes >= bytes.length / 2) shiftMs = 11 * 60_000;
        },
      },
    );
    expect(gate.tokens.length - before).toBe(2);
    const parts = proxy.requests.filter(({ url }) => url.includes('partNumber='));
    expect(parts).toHaveLength(8);
    expect(keysUsed({ requests: parts }).size).toBe(2);
    const stored = await store.read('large', { maxBytes: bytes.length });
    expect(hashOnce('sha256', stored?.body ?? '')).toBe(sha256);
    proxy.close();
  });

  test('has a seed for threads without any secret', async () => {
    const bucket = await minio.makeBucket();
    const context = recordedContext(issuer.environment);
    const { seed } = await openSharedStore(`s3://${bucket}`, await inputs(), context, 'read');
    const text = JSON.stringify(seed().seed);
    expect(text).toContain(minio.endpointUrl);
    for (const secret of context.masked) expect(text).not.toContain(secret);
  });
});
