import { CopyObjectCommand } from '@aws-sdk/client-s3';
import { type ObjectStore, systemClock } from '@slipway/core';
import { type IndexConfiguration, prefixKey } from '@slipway/simple-index';
import { openStore } from '@slipway/store';
import { haveMinio, type Minio, type S3FaultProxy, startMinio, startS3FaultProxy } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuildOptions, type BuildResult, buildIndex } from '../src/index.ts';
import {
  brokenLinks,
  configurationOf,
  pagesOf,
  put,
  refusingStore,
  subdirectories,
  textOf,
  wheelName,
} from './index-store.ts';

const torch = `whl/cu118/${wheelName('torch', '2.9.0')}`;
const vision = `whl/cu118/${wheelName('torchvision', '0.20')}`;
const six = `whl/${wheelName('six')}`;
const simple = configurationOf([{ prefix: 'whl', subdirectories, formats: ['html', 'json'] }]);

describe.skipIf(!haveMinio())('an index on S3 (needs minio)', () => {
  let minio: Minio;
  let proxy: S3FaultProxy;
  beforeAll(async () => {
    minio = await startMinio();
    proxy = await startS3FaultProxy(minio.endpointUrl);
  });
  afterAll(async () => {
    proxy?.close();
    await minio?.stop();
  });

  async function makeStore(keys: readonly string[] = []): Promise<{ bucket: string; store: ObjectStore }> {
    const bucket = await minio.makeBucket();
    const settings = { ...minio.settings, endpointUrl: proxy.endpointUrl };
    const s3 = { settings, credentials: async () => minio.credentials, slashKeys: true };
    const store = await openStore(`s3://${bucket}`, { s3 });
    for (const key of keys) await put(store, key);
    return { bucket, store };
  }

  async function build(
    source: ObjectStore,
    options: BuildOptions = {},
    configuration: IndexConfiguration = simple,
    destinations: readonly ObjectStore[] = [],
  ): Promise<BuildResult> {
    return buildIndex({ configuration, source, destinations, clock: systemClock }, options);
  }

  /** The requests of each method that a call makes. */
  async function counted<T>(call: () => Promise<T>) {
    const before = proxy.requests.length;
    const result = await call();
    const methods = proxy.requests
      .slice(before)
      .map(({ method, url }) => (method === 'GET' && url.includes('list-type=2') ? 'LIST' : method));
    const requests = Object.fromEntries(
      [...Map.groupBy(methods, (method) => method)].map(([name, all]) => [name, all.length]),
    );
    return { result, requests };
  }

  it('I6: tells each plan before anything of it is done, and does nothing of it if that fails', async () => {
    const { store } = await makeStore([torch]);
    const failed = await build(store, {
      onPlan: async () => {
        throw new Error('not now');
      },
    });
    expect(failed).toMatchObject({
      isDone: false,
      destinations: [{ written: [], error: { message: 'not now' } }],
    });
    expect(await pagesOf(store)).toEqual({});
    const told: number[] = [];
    const { isDone, selection } = await build(store, {
      onPlan: async (destination, { steps }) => {
        told.push(Object.keys(await pagesOf(destination)).length, steps.length);
      },
    });
    expect(isDone).toBe(true);
    expect(told).toEqual([0, 5]);
    expect([...(selection?.prefixes[0]?.projects.keys() ?? [])]).toEqual(['torch']);
  });

  it('has pages with hashes, and roots that list them', async () => {
    const { store } = await makeStore([torch, vision, six]);
    const result = await build(store);
    expect(result).toMatchObject({ isDone: true, failures: [], counts: { hashesLearned: 3 } });
    const pages = await pagesOf(store);
    expect(Object.keys(pages)).toHaveLength(2 * (3 + 3 + 2));
    expect(pages['whl/cu118/torch/index.html']).toMatch(
      /href="\.\.\/torch-2\.9\.0-py3-none-any\.whl#sha256=[0-9a-f]{64}"/,
    );
    expect(JSON.parse(pages['whl/cu118/index.json'] ?? '').projects).toEqual([
      { name: 'six' },
      { name: 'torch' },
      { name: 'torchvision' },
    ]);
    expect(await brokenLinks(store)).toEqual([]);
  });

  it('is read and left alone by a run that finds nothing new: no HEAD, no PUT', async () => {
    const { store } = await makeStore([torch, vision, six, `${torch}.metadata`]);
    await build(store);
    const { result, requests } = await counted(() => build(store));
    expect(requests).toEqual({ LIST: 1, GET: expect.any(Number) });
    expect(requests['GET']).toBeLessThanOrEqual(6);
    expect(result).toMatchObject({ isDone: true, factsWritten: 0, counts: { known: 3, hashesLearned: 0 } });
    expect(result.destinations[0]).toMatchObject({ written: [], statesWritten: 0, rounds: 1 });
  });

  it('asks for a new file alone, and writes its pages and roots that change', async () => {
    const { store } = await makeStore([torch, vision, six]);
    await build(store);
    await put(store, `whl/cu118/${wheelName('torch', '2.9.1')}`);
    const { result, requests } = await counted(() => build(store));
    expect(requests).toMatchObject({ HEAD: 1, LIST: 1 });
    const written = [
      'whl/cu118/torch/index.html',
      'whl/cu118/torch/index.json',
      'whl/torch/index.html',
      'whl/torch/index.json',
    ];
    expect(result.destinations[0]?.written).toEqual(written);
    // Pages, the shard and the state.
    expect(requests['PUT']).toBe((result.destinations[0]?.written.length ?? 0) + 2);
    expect(await textOf(store, 'whl/cu118/torch/index.html')).toContain('torch-2.9.1');
  });

  it('forgets files that are gone, and deletes the page of their project', async () => {
    const { store } = await makeStore([torch, vision, six]);
    await build(store);
    await store.delete(torch);
    const result = await build(store);
    expect(result.destinations[0]?.deleted).toContain('whl/cu118/torch/index.html');
    const pages = await pagesOf(store);
    expect(Object.keys(pages).filter((key) => key.includes('/torch/'))).toEqual([]);
    expect(pages['whl/cu118/index.html']).not.toContain('>torch<');
    expect(result.isDone).toBe(true);
  });

  it('keeps the time of upload of an object that was copied onto itself', async () => {
    const { store, bucket } = await makeStore([torch]);
    await build(store);
    const before = await pagesOf(store);
    const head = await store.head(torch);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await minio.client.send(
      new CopyObjectCommand({
        Bucket: bucket,
        Key: torch,
        CopySource: `${bucket}/${torch}`,
        MetadataDirective: 'REPLACE',
        Metadata: { moved: 'yes' },
      }),
    );
    expect((await store.head(torch))?.modifiedAtMs).toBeGreaterThan(head?.modifiedAtMs ?? 0);
    await build(store);
    expect(await pagesOf(store)).toEqual(before);
    expect(before['whl/cu118/torch/index.json']).toContain('upload-time');
  });

  it('knows Requires-Python and the hash of METADATA beside a file', async () => {
    const { store } = await makeStore([torch]);
    await put(
      store,
      `${torch}.metadata`,
      'Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0\nRequires-Python: >=3.10\n',
    );
    const { result, requests } = await counted(() => build(store));
    expect(result.counts).toMatchObject({ metadataRead: 1, hashesLearned: 1 });
    expect(requests['HEAD']).toBe(1);
    const page = JSON.parse((await textOf(store, 'whl/cu118/torch/index.json')) ?? '');
    expect(page.files[0]).toMatchObject({
      'requires-python': '>=3.10',
      'core-metadata': { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });

  it('says which object did not answer, and leaves the pages of its project alone', async () => {
    const { store } = await makeStore([torch, six]);
    await build(store);
    const before = await pagesOf(store);
    await put(store, `whl/cu118/${wheelName('torch', '3.0')}`);
    await put(store, `whl/cu118/${wheelName('numpy')}`);
    const refusing = refusingStore(store, (call, key) => call === 'head' && key.includes('torch-3.0'));
    const result = await build(refusing);
    expect(result.isDone).toBe(false);
    expect(result.failures.map(({ key }) => key)).toEqual([`whl/cu118/${wheelName('torch', '3.0')}`]);
    const after = await pagesOf(store);
    expect(after['whl/cu118/torch/index.html']).toBe(before['whl/cu118/torch/index.html']);
    expect(after['whl/cu118/numpy/index.html']).toContain('numpy-1.0');
    expect(await brokenLinks(store)).toEqual([]);
  });

  it('writes slash keys with their content type, packed, and is left alone by the next run', async () => {
    const configuration = configurationOf([
      { prefix: 'whl', subdirectories, layout: 'slash-keys', gzip: true, 'cache-control': 'max-age=600' },
    ]);
    const { store } = await makeStore([torch]);
    await build(store, {}, configuration);
    expect((await store.head('whl/cu118/torch/'))?.headers).toMatchObject({
      contentType: 'application/vnd.pypi.simple.v1+json',
      contentEncoding: 'gzip',
      cacheControl: 'max-age=600',
    });
    const { requests } = await counted(() => build(store, {}, configuration));
    expect(requests['PUT'] ?? 0).toBe(0);
  });

  it('looks only at what keys are about that are said to have changed', async () => {
    const { store } = await makeStore([torch, vision, six]);
    await build(store);
    const added = `whl/cu118/${wheelName('torch', '3.0')}`;
    await put(store, added);
    await store.delete(vision);
    await put(store, `whl/cu118/${wheelName('torchvision', '0.21')}`);
    const { result, requests } = await counted(() =>
      build(store, { changedKeys: [added, vision, `whl/cu118/${wheelName('torchvision', '0.21')}`] }),
    );
    expect(requests['LIST']).toBeUndefined();
    expect(result.mode).toEqual({ kind: 'changed-keys', projects: new Set(['torch', 'torchvision']) });
    const pages = await pagesOf(store);
    expect(pages['whl/cu118/torch/index.html']).toContain('torch-3.0');
    expect(pages['whl/cu118/torchvision/index.html']).not.toContain('torchvision-0.20');
    // A whole run has nothing to add.
    const whole = await counted(() => build(store));
    expect(whole.requests['PUT'] ?? 0).toBe(0);
    expect(whole.requests['HEAD'] ?? 0).toBe(0);
  });

  it('lists everything if a changed key is in a directory that had no file', async () => {
    const { store } = await makeStore([torch]);
    await build(store);
    const added = `whl/cu121/${wheelName('torch')}`;
    await put(store, added);
    const result = await build(store, { changedKeys: [added] });
    expect(result.mode).toMatchObject({ kind: 'whole', reason: expect.stringContaining('cu121') });
    expect(await textOf(store, 'whl/cu121/torch/index.html')).toContain(wheelName('torch'));
  });

  it('takes over pages of a destination whose state is lost, without writing them', async () => {
    const { store } = await makeStore([torch, six]);
    const { store: other } = await makeStore();
    const configuration = configurationOf([{ prefix: 'whl', subdirectories }], {
      source: { url: 's3://source' },
      destinations: [{ url: 's3://other' }],
    });
    const first = await build(store, {}, configuration, [other]);
    expect(first.isDone).toBe(true);
    await other.delete(prefixKey('whl'));
    const again = await build(store, {}, configuration, [other]);
    expect(again.destinations[0]).toMatchObject({
      written: [],
      statesWritten: 1,
      isDone: true,
      rounds: 1,
    });
    expect(Object.keys(await pagesOf(store))).toEqual([]);
    expect(Object.keys(await pagesOf(other)).length).toBeGreaterThan(3);
  });

  it('is right in one destination although another refuses', async () => {
    const { store } = await makeStore([torch, six]);
    const { bucket, store: good } = await makeStore();
    const credentials = await minio.limitedCredentials(['s3:GetObject', 's3:ListBucket']);
    const settings = { ...minio.settings };
    const refused = await openStore(`s3://${bucket}/refused`, {
      s3: { settings, credentials: async () => credentials, slashKeys: true },
    });
    const configuration = configurationOf([{ prefix: 'whl', subdirectories }], {
      source: { url: 's3://source' },
      destinations: [{ url: 's3://one' }, { url: 's3://two' }],
    });
    const result = await build(store, {}, configuration, [refused, good]);
    expect(result.isDone).toBe(false);
    expect(result.destinations.map(({ isDone }) => isDone)).toEqual([false, true]);
    expect(result.destinations[0]).toMatchObject({ error: { code: 'access-denied' }, written: [] });
    expect(result.destinations[0]?.failures[0]?.key).toMatch(/^whl\//);
    expect(result.memoryError).toMatchObject({ code: 'access-denied' });
    expect(await textOf(good, 'whl/cu118/torch/index.html')).toContain('torch-2.9.0');
  });

  it('changes nothing if a page of the listing fails', async () => {
    const { store } = await makeStore([torch, six]);
    await build(store);
    const before = await pagesOf(store);
    await put(store, vision);
    const refusing = refusingStore(store, (call) => call === 'list');
    await expect(build(refusing)).rejects.toMatchObject({ code: 'access-denied' });
    expect(await pagesOf(store)).toEqual(before);
  });
});
