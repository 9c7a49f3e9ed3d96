// Slow: about 30 s.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteObjectCommand, HeadObjectCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { type Clock, systemClock } from '@slipway/core';
import { windowAt } from '@slipway/download-window';
import { openStore } from '@slipway/store';
import {
  type ActionRunResult,
  failureOf,
  haveMinio,
  type LoopbackServer,
  type Minio,
  makeTree,
  requestBody,
  runAction,
  type S3Objects,
  s3Objects,
  serveLoopback,
  serverProgram,
  startCloudFrontEdgeDouble,
  startMinio,
  startS3FaultProxy,
  startVarnish,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { action } from '../src/action.ts';
import { headersOf } from '../src/headers.ts';
import {
  bucketInputs,
  clockAhead,
  fourPlatforms,
  hourMs,
  type InputTexts,
  previousSecret,
  secret,
  sha256Of,
} from './downloads.ts';

const haveServers = haveMinio() && serverProgram('varnishd') !== undefined;
const release = fourPlatforms();

interface Place {
  readonly bucket: string;
  readonly objects: S3Objects;
  readonly baseUrl: string;
  run(inputs: InputTexts, clock?: Clock): Promise<ActionRunResult>;
}

describe.skipIf(!haveServers)('a bucket behind a CDN (needs minio, varnishd and gcc)', () => {
  let minio: Minio;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio?.stop());

  /** A public bucket, and a real Varnish in front of it. */
  async function place(inputs: InputTexts = {}): Promise<Place> {
    const bucket = await minio.makeBucket();
    const statement = {
      Effect: 'Allow',
      Principal: '*',
      Action: ['s3:GetObject'],
      Resource: [`arn:aws:s3:::${bucket}/*`],
    };
    await minio.client.send(
      new PutBucketPolicyCommand({
        Bucket: bucket,
        Policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
      }),
    );
    const varnish = await startVarnish({ origin: minio.endpointUrl });
    onTestFinished(() => varnish.stop());
    const baseUrl = `${varnish.url}/${bucket}`;
    const all = {
      ...bucketInputs(minio, bucket),
      secret,
      files: release.files,
      'base-url': baseUrl,
      'verify-deadline': '10s',
      ...inputs,
    };
    return {
      bucket,
      baseUrl,
      objects: s3Objects({ url: minio.endpointUrl, bucket }, minio.credentials),
      run: (more, clock = systemClock) =>
        runAction(action, { ...all, ...more }, { workDirectory: release.workspace, clock }),
    };
  }

  test.each(['window-hmac', 'window-sha256'])('%s: only what is published is served', async (scheme) => {
    const { run, objects, bucket } = await place({ scheme });
    const published = await run({ operation: 'publish' });
    expect(published.failure).toBeUndefined();
    const [url = ''] = String(published.outputs['urls']).split('\n');
    const verified = await run({ operation: 'verify' });
    expect(verified.problems).toEqual([]);
    expect(verified.failure).toBeUndefined();
    expect(Number(verified.outputs['proven'])).toBeGreaterThanOrEqual(8);

    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('linux-x64 ');
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/zip',
      'content-disposition': 'attachment; filename=linux-x64.zip',
      'cache-control': 'public, max-age=60, must-revalidate, stale-if-error=0',
      expires: new Date(Date.parse(String(published.outputs['window-ends-at'])) + 36 * hourMs).toUTCString(),
      'x-cache': 'Hit from varnish',
    });
    const [key = ''] = await objects.list('downloads/');
    const head = await minio.client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    expect(head.Metadata?.['sha256']).toMatch(/^[0-9a-f]{64}$/);
    expect((await run({ operation: 'publish' })).outputs).toMatchObject({
      uploaded: 0,
      unchanged: published.outputs['uploaded'],
    });
  });

  test('while a secret is replaced, links of both are proven', async () => {
    const { run } = await place({ 'previous-secret': previousSecret, windows: '1' });
    const published = await run({ operation: 'publish' });
    const verified = await run({ operation: 'verify' });
    expect(verified.failure).toBeUndefined();
    expect(Number(verified.outputs['proven'])).toBeGreaterThanOrEqual(8);
    const onlyNew = await run({ operation: 'publish', 'previous-secret': '' });
    expect(onlyNew.outputs['urls']).toBe(published.outputs['urls']);
    expect(onlyNew.outputs['uploaded']).toBe(0);
  });

  test('a cached copy is served for max-age after the object is gone, and no longer', async () => {
    const { bucket, baseUrl } = await place();
    const credentials = async () => minio.credentials;
    const store = await openStore(`s3://${bucket}`, { s3: { settings: minio.settings, credentials } });
    const bytes = Buffer.from('a download');
    const lengthSeconds = 43_200;
    const window = windowAt(Date.now(), lengthSeconds).number;
    const { contentType, ...headers } = headersOf('app.zip', window, {
      lengthSeconds,
      graceMs: 0,
      count: 2,
      toleranceMs: 0,
      maxAgeSeconds: 2,
    });
    const source = { kind: 'bytes', bytes } as const;
    const options = {
      condition: 'absent',
      cache: 'document',
      contentType,
      sha256: sha256Of(bytes),
      headers,
    } as const;
    await store.write('app.zip', source, options);
    const get = async () => {
      const response = await fetch(`${baseUrl}/app.zip`);
      return [response.status, response.headers.get('x-cache')];
    };
    expect(await get()).toEqual([200, 'Miss from varnish']);
    await minio.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'app.zip' }));
    expect(await get()).toEqual([200, 'Hit from varnish']);
    await sleep(3_000);
    expect(await get()).toEqual([403, 'Miss from varnish']);
  });

  test('verify finds objects with different headers, and publish stores them again', async () => {
    const { run } = await place();
    await run({ operation: 'publish' });
    const other = await run({ operation: 'verify', grace: '37h' });
    expect([...new Set(other.problems.map(({ code }) => code))]).toEqual(['object-other-headers']);
    expect(other.problems[0]?.message).toContain('Expires');
    const again = await run({ operation: 'publish', grace: '37h' });
    expect(Number(again.outputs['uploaded'])).toBeGreaterThanOrEqual(8);
    expect((await run({ operation: 'publish', grace: '37h' })).outputs['uploaded']).toBe(0);
  });

  test('I2: different bytes are refused or replaced on the server, also with parts', async () => {
    const big = Buffer.alloc(18 * 2 ** 20, 'one');
    const workspace = makeTree({ 'big.bin': big });
    const { run, objects } = await place();
    const inputs = { files: `any: ${workspace}/big.bin`, windows: '1' };
    expect((await run(inputs)).failure).toBeUndefined();
    writeFileSync(join(workspace, 'big.bin'), Buffer.alloc(18 * 2 ** 20, 'two'));
    expect(await failureOf(run(inputs))).toMatchObject({ code: 'immutable-conflict' });
    const [key = ''] = await objects.list('downloads/');
    expect((await objects.read(key)).startsWith('one')).toBe(true);
    expect((await run({ ...inputs, replace: 'true' })).failure).toBeUndefined();
    expect((await objects.read(key)).startsWith('two')).toBe(true);
  });

  test('an object without a SHA-256 is read, and counts if its bytes are the same', async () => {
    const { run, objects } = await place({ files: 'macos: out/macos-x64.zip', windows: '1' });
    await run({});
    const keys = await objects.list('downloads/');
    for (const key of keys) await objects.write(key, 'macos-x64 ');
    const again = await run({});
    // Its headers differ from those of a download.
    expect(again.outputs).toMatchObject({ uploaded: keys.length, unchanged: 0 });
    for (const key of keys) await objects.write(key, 'MACOS-X64 ');
    expect(await failureOf(run({}))).toMatchObject({ code: 'immutable-conflict' });
  });

  test('across the boundary of a window, the new next window is published too', async () => {
    const proxy = await startS3FaultProxy(minio.endpointUrl);
    onTestFinished(() => proxy.close());
    const { run, objects } = await place({ 'clock-tolerance': '24h', 'endpoint-url': proxy.endpointUrl });
    const boundaryMs = (Math.floor(Date.now() / (12 * hourMs)) + 1) * 12 * hourMs;
    const clock: Clock = {
      ...systemClock,
      nowMs: () => {
        const isOver = proxy.requests.some(({ method }) => method === 'PUT');
        return boundaryMs + (isOver ? 1_000 : -1_000);
      },
    };
    const published = await run({}, clock);
    expect(published.failure).toBeUndefined();
    expect(published.log).toContain('The next window became due during the run: it is published too.');
    expect((await run({ operation: 'verify' }, clock)).failure).toBeUndefined();
    expect((await run({}, clock)).outputs).toMatchObject({ uploaded: 0 });
    const windows = new Set((await objects.list('downloads/')).map((key) => Number(key.split('/')[1])));
    for (const next of [0, 1]) expect(windows).toContain(windowAt(boundaryMs).number + next);
  });

  test('despite faults, every object is stored after several attempts, byte for byte', async () => {
    const proxy = await startS3FaultProxy(
      minio.endpointUrl,
      { slowDown: 0.2, reset: 0.1, cut: 0.05, conflict: 0.1, ambiguous: 0.05, wrongEtag: 0.02 },
      7,
    );
    onTestFinished(() => proxy.close());
    const { run, objects } = await place({ 'endpoint-url': proxy.endpointUrl });
    for (const fault of ['slowDown', 'reset', 'conflict'] as const) {
      proxy.provoke(fault, ({ method, url }) => method === 'PUT' && url.includes('linux-x64'), 1);
    }
    const published = await run({});
    expect(published.failure).toBeUndefined();
    const attempts = new Map<string, number>();
    for (const { method, url } of proxy.requests) {
      if (method === 'PUT') attempts.set(url, (attempts.get(url) ?? 0) + 1);
    }
    expect(Math.max(...attempts.values())).toBeGreaterThanOrEqual(3);
    proxy.setFaults({});
    for (const key of await objects.list('downloads/')) {
      const platform = key.split('/')[3];
      expect(await objects.read(key)).toBe(`${platform} `);
    }
    expect((await run({ operation: 'verify' })).failure).toBeUndefined();
    expect((await run({})).outputs['uploaded']).toBe(0);
  });

  test('a clock of the store that is off by more than the tolerance ends the run', async () => {
    const proxy = await startS3FaultProxy(minio.endpointUrl, { shiftedDate: 1 });
    onTestFinished(() => proxy.close());
    const { run, objects } = await place({ 'endpoint-url': proxy.endpointUrl, 'clock-tolerance': '30m' });
    for (const operation of ['publish', 'cleanup', 'verify']) {
      const error = await failureOf(run({ operation }));
      expect(error).toMatchObject({
        code: 'plan-refused',
        message: expect.stringContaining('clock-tolerance'),
      });
    }
    expect(await objects.list('downloads/')).toEqual([]);
  });

  test('I6: renew and cleanup delete a window once it has expired by both clocks, and keep the current and the next one', async () => {
    const { run, objects } = await place({ 'window-length': '1m', 'clock-tolerance': '10s', grace: '0s' });
    await run({ operation: 'publish' });
    const before = await objects.list('downloads/');
    expect((await run({ operation: 'cleanup' })).outputs['deleted']).toBe(0);
    // Twice as long is still within what S3 lets clocks differ.
    const aheadMs = 5 * 60_000;
    const ahead = clockAhead(aheadMs);
    expect(await failureOf(run({ operation: 'cleanup' }, ahead))).toMatchObject({ code: 'plan-refused' });
    // Five minutes later by both clocks, all of them have expired.
    const future = await startDateShifter(minio.endpointUrl, aheadMs);
    onTestFinished(() => future.close());
    const later = { operation: 'cleanup', 'endpoint-url': future.url };
    const dry = await run({ ...later, 'dry-run': 'true' }, ahead);
    expect(dry.log.join('\n')).toContain(`Would delete window ${before[0]?.split('/')[1]}`);
    expect(await objects.list('downloads/')).toEqual(before);
    expect(dry.problems).toMatchObject([{ code: 'downloads-would-end' }]);
    expect(dry.outputs['deleted']).toBe(0);
    const renewed = await run({ ...later, operation: 'renew' }, ahead);
    expect(renewed.failure).toBeUndefined();
    expect(renewed.outputs['deleted']).toBe(before.length);
    const left = await objects.list('downloads/');
    expect(left).toHaveLength(Number(renewed.outputs['uploaded']));
    for (const key of left) expect(before).not.toContain(key);
    const evenLater = await startDateShifter(minio.endpointUrl, 2 * aheadMs);
    onTestFinished(() => evenLater.close());
    const last = { ...later, 'endpoint-url': evenLater.url, secret: undefined, 'delete-last': 'true' };
    const cleaned = await run(last, clockAhead(2 * aheadMs));
    expect(cleaned.failure).toBeUndefined();
    expect(cleaned.outputs['deleted']).toBe(left.length);
    expect(await objects.list('downloads/')).toEqual([]);
  });

  test('cloudfront-signed: signed links are served until they expire, by either key', async () => {
    const keys = [rsaKey(), rsaKey()] as const;
    const ids = ['K2JCJMDEHXQW5F', 'K1XSBDEMM1TAPD'] as const;
    const { baseUrl, run } = await place();
    const { origin, pathname } = new URL(baseUrl);
    const edge = await startCloudFrontEdgeDouble({
      origin,
      publicKeys: { [ids[0]]: keys[0].publicKey, [ids[1]]: keys[1].publicKey },
    });
    onTestFinished(() => edge.close());
    const signed = {
      scheme: 'cloudfront-signed',
      secret: keys[0].privateKey,
      'key-pair-id': ids[0],
      'base-url': edge.url + pathname,
    };
    const published = await run(signed);
    expect(published.failure).toBeUndefined();
    const both = { ...signed, 'previous-secret': keys[1].privateKey, 'previous-key-pair-id': ids[1] };
    expect((await run(both)).outputs['uploaded']).toBe(0);
    const verified = await run({ ...both, operation: 'verify' });
    expect(verified.problems).toEqual([]);
    expect(Number(verified.outputs['proven'])).toBeGreaterThanOrEqual(16);

    const [url = ''] = String(published.outputs['urls']).split('\n');
    const expires = Number(new URL(url).searchParams.get('Expires'));
    expect(expires * 1_000).toBe(Date.parse(String(published.outputs['window-ends-at'])) + 36 * hourMs);
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url.replace(/\?.*/, ''))).status).toBe(403);
    // Behind an edge that checks nothing, everything is open, and verify reports that.
    const open = await run({ ...signed, operation: 'verify', 'base-url': baseUrl });
    expect([...new Set(open.problems.map(({ code }) => code))]).toEqual([
      'wrong-link-served',
      'old-link-served',
    ]);
  });
});

/** A proxy whose clock is ahead of the server behind it. */
function startDateShifter(target: string, aheadMs: number): Promise<LoopbackServer> {
  return serveLoopback(async (incoming, answer) => {
    const body = await requestBody(incoming);
    const { method, headers } = incoming;
    await new Promise<void>((resolve, reject) => {
      const sent = request(
        new URL(incoming.url ?? '/', target),
        { method, headers, setHost: false },
        (response) => {
          const date = new Date(Date.now() + aheadMs).toUTCString();
          answer.writeHead(response.statusCode ?? 502, { ...response.headers, date });
          response.pipe(answer).on('finish', resolve).on('error', reject);
        },
      );
      sent.on('error', reject).end(body);
    });
  });
}

function rsaKey() {
  return generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}
