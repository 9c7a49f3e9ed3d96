import { type AwsCredentials, type Clock, mapConcurrently, RemoteError, systemClock } from '@slipway/core';
import { type S3FaultProxy, type S3Faults, seededRandom, startS3FaultProxy } from '@slipway/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../src/index.ts';
import { bytesSource, collect, drain, options, put, sha256Of, textOf } from '../objects.ts';
import { openMinioStore, useMinio, withoutMinio } from './minio.ts';

/** A clock whose waits are shortened and recorded. */
function hurriedClock(seed: number): Clock & { readonly waitsMs: number[] } {
  const waitsMs: number[] = [];
  return {
    nowMs: systemClock.nowMs,
    random: seededRandom(seed),
    waitsMs,
    async sleep(ms) {
      waitsMs.push(ms);
      await systemClock.sleep(ms / 50);
    },
  };
}

const weather: S3Faults = {
  slowDown: 0.1,
  reset: 0.05,
  cut: 0.02,
  wrongEtag: 0.01,
  ambiguous: 0.03,
  conflict: 0.03,
  shiftedDate: 0.02,
  tooSkewed: 0.01,
  expired: 0.01,
};

describe.skipIf(withoutMinio)('S3Store with faults (needs minio)', () => {
  const minio = useMinio();

  async function setUp(faults: S3Faults, seed = 1) {
    const bucket = await minio().makeBucket();
    const proxy = await startS3FaultProxy(minio().endpointUrl, faults, seed);
    onTestFinished(() => proxy.close());
    const clock = hurriedClock(seed);
    const settings = { endpointUrl: proxy.endpointUrl, partSizeBytes: 5 * 2 ** 20 };
    const open = () => openMinioStore(minio(), `s3://${bucket}/in`, settings, clock);
    return { bucket, proxy, clock, open, store: await open() };
  }

  test('stores, lists and reads hundreds of objects, byte for byte, with few requests', async () => {
    const { store, proxy, clock } = await setUp(weather, 7);
    const contents = Array.from({ length: 400 }, (_, index) => Buffer.alloc(index * 50, `object ${index} `));
    const name = (index: number) => `a/${index % 7}/object ${index}`;
    await mapConcurrently(contents, 16, (content, index) => put(store, name(index), content, 'absent'));
    const large = Array.from({ length: 2 }, (_, index) =>
      Buffer.alloc(12_000_000 + index, `large ${index} `),
    );
    await mapConcurrently(large, 2, (content, index) =>
      store.write(`large/${index}`, bytesSource(content), options(content, 'absent')),
    );
    const sent = proxy.requests.length;
    const wanted = [
      ...contents.map((content, index) => ({ key: name(index), content })),
      ...large.map((content, index) => ({ key: `large/${index}`, content })),
    ];
    // 400 objects, and for each large one: a check, a listing, a start, three parts and a completion.
    expect(sent).toBeLessThan(1.6 * (400 + 2 * 7));
    proxy.setFaults({ ...weather, cut: 0.1 });
    const listed = await collect(store.list(''));
    expect(listed.map(({ key, sizeBytes }) => `${key} ${sizeBytes}`).sort()).toEqual(
      wanted.map(({ key, content }) => `${key} ${content.length}`).sort(),
    );
    await mapConcurrently(wanted, 16, async ({ key, content }) => {
      const object = await store.read(key, { maxBytes: 20_000_000 });
      expect(sha256Of(object?.body ?? '')).toBe(sha256Of(content));
      const stream = await store.readStream(key, { maxBytes: 20_000_000 });
      expect(sha256Of(await drain(stream?.body ?? []))).toBe(sha256Of(content));
    });
    const left = await store.deleteMany(wanted.map(({ key }) => key));
    expect(left).toEqual([]);
    expect(await collect(store.list(''))).toEqual([]);
    const asked = proxy.requests.filter(({ fault }) => fault === 'slowDown').length;
    expect(asked).toBeGreaterThan(50);
    // A third of the 503 ask for a second.
    expect(clock.waitsMs.filter((ms) => ms >= 1000).length).toBeGreaterThanOrEqual(asked / 6);
  });

  test('gives up after twelve attempts with the reason', async () => {
    const { store, proxy } = await setUp({ slowDown: 1 });
    await expect(put(store, 'a', 'x')).rejects.toMatchObject({ code: 'store-failed', retryable: true });
    expect(proxy.requests).toHaveLength(12);
    proxy.setFaults({ reset: 1 });
    await expect(store.read('a', { maxBytes: 10 })).rejects.toMatchObject({ code: 'unreachable' });
    expect(proxy.requests).toHaveLength(24);
  });

  test('I3: exactly those compare-and-swaps won that were reported as won', async () => {
    const { open } = await setUp(
      { ambiguous: 0.2, conflict: 0.1, preconditionFailed: 0.05, cut: 0.05, reset: 0.05, slowDown: 0.05 },
      3,
    );
    const first = await open();
    await put(first, 'counter', '0', 'absent', 'pointer');
    let won = 0;
    await mapConcurrently(Array.from({ length: 6 }), 6, async () => {
      const store = await open();
      for (let done = 0; done < 8; ) {
        const object = await store.read('counter', { maxBytes: 20 });
        const next = String(Number(Buffer.from(object?.body ?? []).toString()) + 1);
        try {
          await put(store, 'counter', next, { etag: object?.info.etag ?? '' }, 'pointer');
          done += 1;
          won += 1;
        } catch (error) {
          if (!(error instanceof RemoteError && error.code === 'condition-failed')) throw error;
        }
      }
    });
    expect(await textOf(first, 'counter')).toBe(String(won));
  });

  test('I2: of many that store one key at once, with lost answers, exactly one succeeds', async () => {
    const { open } = await setUp({ ambiguous: 0.4, conflict: 0.1, reset: 0.1 }, 5);
    for (let round = 0; round < 10; round += 1) {
      const stores = await Promise.all(Array.from({ length: 5 }, open));
      // The same bytes: only the writes themselves differ.
      const results = await Promise.allSettled(
        stores.map((store) => put(store, `round ${round}`, 'same', 'absent')),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'condition-failed' });
      }
    }
  });

  test('a large file whose completion is lost is stored once, and reported as stored', async () => {
    const { store, proxy } = await setUp({});
    const content = Buffer.alloc(11_000_000, 'large ');
    const completes = ({ method, url }: { method: string; url: string }) =>
      method === 'POST' && url.includes('uploadId=');
    proxy.provoke('ambiguous', completes);
    proxy.provoke('wrongEtag', ({ url }) => url.includes('partNumber=2'));
    await store.write('large', bytesSource(content), options(content, 'absent'));
    await expect(
      store.write('large', bytesSource(content), options(content, 'absent')),
    ).rejects.toMatchObject({
      code: 'condition-failed',
    });
    const { info } = (await store.read('large', { maxBytes: content.length })) ?? {};
    expect(info?.sha256).toBe(sha256Of(content));
    // Refused three times, then carried out without an answer; then its own object fails the condition.
    proxy.provoke('conflict', completes, 3);
    proxy.provoke('ambiguous', completes);
    proxy.provoke('preconditionFailed', completes);
    const replaced = await store.write(
      'large',
      bytesSource(content),
      options(content, { etag: info?.etag ?? '' }),
    );
    expect((await store.head('large'))?.etag).toBe(replaced.etag);
    expect(proxy.requests.filter(({ url }) => url.endsWith('?uploads='))).toHaveLength(2);
  });

  test('a pointer has its own ETag, even if an answer gave another', async () => {
    const { store, proxy } = await setUp({});
    proxy.provoke('wrongEtag', ({ method }) => method === 'PUT');
    const { etag } = await put(store, 'pointer', 'one', 'absent', 'pointer');
    proxy.provoke('wrongEtag', ({ method }) => method === 'GET');
    expect((await store.read('pointer', { maxBytes: 10 }))?.info.etag).toBe(etag);
    await put(store, 'pointer', 'two', { etag }, 'pointer');
  });

  test('a stream is resumed where it broke, and never with another object', async () => {
    const { store, proxy } = await setUp({});
    const content = Buffer.alloc(9_000_000, 'streamed ');
    await store.write('streamed', bytesSource(content), options(content));
    proxy.provoke('cut', ({ method }) => method === 'GET', 3);
    const stream = await store.readStream('streamed', { maxBytes: content.length });
    expect(sha256Of(await drain(stream?.body ?? []))).toBe(sha256Of(content));
    proxy.provoke('cut', ({ method }) => method === 'GET');
    const replaced = await store.readStream('streamed', { maxBytes: content.length });
    await put(store, 'streamed', 'another');
    await expect(drain(replaced?.body ?? [])).rejects.toMatchObject({ code: 'condition-failed' });
  });
});

describe.skipIf(withoutMinio)('problems that only a person can fix (needs minio)', () => {
  const minio = useMinio();

  /** Every operation, with the number of requests it made before it failed. */
  async function refusals(
    url: string,
    credentials: AwsCredentials,
    settings: { region?: string } = {},
  ): Promise<{ proxy: S3FaultProxy; failures: Record<string, unknown> }> {
    const proxy = await startS3FaultProxy(minio().endpointUrl);
    onTestFinished(() => proxy.close());
    const store = await openStore(url, {
      s3: {
        settings: { ...minio().settings, ...settings, endpointUrl: proxy.endpointUrl },
        credentials: async () => credentials,
      },
    });
    const failures: Record<string, unknown> = {};
    const operations: Record<string, () => Promise<unknown>> = {
      head: () => store.head('key'),
      read: () => store.read('key', { maxBytes: 10 }),
      readStream: () => store.readStream('key', { maxBytes: 10 }),
      list: () => collect(store.list('')),
      write: () => put(store, 'key', 'x', 'absent'),
      delete: () => store.delete('key'),
      deleteMany: async () => store.deleteMany?.(['key']),
    };
    for (const [name, operation] of Object.entries(operations)) {
      const before = proxy.requests.length;
      failures[name] = await operation().then(
        (result) => result ?? 'done',
        (error: unknown) => error,
      );
      const made = proxy.requests.slice(before).map(({ method, url }) => `${method} ${url}`);
      expect(made.length, `${name}: ${made.join(', ')}`).toBeLessThanOrEqual(2);
    }
    return { proxy, failures };
  }

  test('a missing bucket is named at once', async () => {
    const { failures } = await refusals('s3://no-such-bucket/x', minio().credentials);
    for (const [name, failure] of Object.entries(failures)) {
      expect(failure, name).toMatchObject({ code: 'bucket-missing', retryable: false });
    }
  });

  test('a wrong region is reported with the right one', async () => {
    const bucket = await minio().makeBucket();
    const { failures } = await refusals(`s3://${bucket}`, minio().credentials, { region: 'eu-west-1' });
    for (const [name, failure] of Object.entries(failures)) {
      // Some servers check signatures key by key here.
      if (name === 'deleteMany')
        expect(failure).toMatchObject([{ reason: expect.stringContaining('region is wrong') }]);
      else
        expect(failure, name).toMatchObject({ code: 'region-wrong', hint: 'Set the region to us-east-1.' });
    }
  });

  test('I7: refused credentials are reported without showing them', async () => {
    const bucket = await minio().makeBucket();
    const { accessKeyId } = minio().credentials;
    const wrong = [
      { accessKeyId, secretAccessKey: 'hunter2-is-not-it' },
      { accessKeyId: 'AKIANOBODY', secretAccessKey: 'hunter2-is-not-it' },
      { ...minio().credentials, sessionToken: 'hunter2-is-not-it' },
    ];
    for (const credentials of wrong) {
      const { failures } = await refusals(`s3://${bucket}`, credentials);
      for (const [name, failure] of Object.entries(failures)) {
        if (Array.isArray(failure)) expect([name, failure]).toMatchObject(['deleteMany', [{ key: 'key' }]]);
        else expect(failure, name).toMatchObject({ code: 'credentials-refused' });
        expect(JSON.stringify(failure) + String(failure)).not.toContain('hunter2');
      }
    }
  });

  test('403 is not 404: the missing permission is named', async () => {
    const bucket = await minio().makeBucket();
    const statement = (action: string, resource: string) =>
      JSON.stringify({ Effect: 'Allow', Action: action, Resource: `arn:aws:s3:::${bucket}${resource}` });
    const readOnly = await minio().limitedCredentials(['s3:GetObject', 's3:ListBucket']);
    const reading = await refusals(`s3://${bucket}/pre`, readOnly);
    expect(reading.failures).toMatchObject({ head: 'done', read: 'done', list: [] });
    for (const [name, action] of Object.entries({ write: 's3:PutObject', delete: 's3:DeleteObject' })) {
      expect(reading.failures[name]).toMatchObject({ code: 'access-denied' });
      expect(reading.failures[name]).toHaveProperty(
        'hint',
        expect.stringContaining(statement(action, '/pre/*')),
      );
    }
    const writeOnly = await minio().limitedCredentials(['s3:PutObject']);
    const writing = await refusals(`s3://${bucket}/pre`, writeOnly);
    for (const name of ['head', 'read', 'readStream']) {
      expect(writing.failures[name]).toMatchObject({ code: 'access-denied' });
      const hint = expect.stringContaining(statement('s3:ListBucket', ''));
      expect(writing.failures[name]).toHaveProperty('hint', hint);
    }
    expect(writing.failures['list']).toMatchObject({ code: 'access-denied' });
  });

  test('expired credentials are renewed once', async () => {
    const bucket = await minio().makeBucket();
    const proxy = await startS3FaultProxy(minio().endpointUrl);
    onTestFinished(() => proxy.close());
    let asked = 0;
    const store = await openStore(`s3://${bucket}`, {
      s3: {
        settings: { ...minio().settings, endpointUrl: proxy.endpointUrl },
        credentials: async () => {
          asked += 1;
          return minio().credentials;
        },
      },
    });
    proxy.provoke('expired', () => true);
    await put(store, 'a', 'x');
    expect(asked).toBe(2);
    proxy.setFaults({ expired: 1 });
    await expect(put(store, 'b', 'x')).rejects.toMatchObject({ code: 'credentials-refused' });
    expect(asked).toBe(4);
  });
});
