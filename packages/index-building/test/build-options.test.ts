import { type ObjectStore, systemClock } from '@slipway/core';
import { decodeShard, type IndexConfiguration, prefixKey, shardKey, shardOf } from '@slipway/simple-index';
import { openStore } from '@slipway/store';
import { haveMinio, type Minio, startMinio, temporaryDirectory } from '@slipway/testkit';
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuildOptions, type BuildResult, buildIndex, hasRelativeLinks } from '../src/index.ts';
import {
  brokenLinks,
  configurationOf,
  pagesOf,
  put,
  quickClock,
  type StoreCall,
  subdirectories,
  textOf,
  watchedStore,
  wheelName,
} from './index-store.ts';

const torch = `whl/cu118/${wheelName('torch', '2.9.0')}`;
const six = `whl/${wheelName('six')}`;
const simple = configurationOf([{ prefix: 'whl', subdirectories, formats: ['html', 'json'] }]);

async function directoryWith(keys: readonly string[]): Promise<ObjectStore> {
  const store = await openStore(`file://${temporaryDirectory('index')}`);
  for (const key of keys) await put(store, key);
  return store;
}

function build(
  source: ObjectStore,
  options: BuildOptions = {},
  configuration: IndexConfiguration = simple,
  destinations: readonly ObjectStore[] = [],
): Promise<BuildResult> {
  return buildIndex({ configuration, source, destinations, clock: quickClock }, options);
}

/** Counts the calls of each kind. */
function countingStore(store: ObjectStore) {
  const calls = new Map<StoreCall, number>();
  return {
    calls,
    store: watchedStore(store, (call) => {
      calls.set(call, (calls.get(call) ?? 0) + 1);
    }),
  };
}

async function wheelOf(metadata: string): Promise<Uint8Array> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
  await zip.add('torch-2.9.0.dist-info/METADATA', new Uint8ArrayReader(Buffer.from(metadata)));
  return zip.close();
}

describe('a run', () => {
  it('writes nothing if it only plans', async () => {
    const store = await directoryWith([torch, six]);
    const { store: counting, calls } = countingStore(store);
    const result = await build(counting, { dryRun: true, extractMetadata: true });
    expect(result).toMatchObject({ isDone: false, destinations: [{ written: [], left: 13 }] });
    expect(calls.get('write')).toBeUndefined();
    expect(Object.keys(await pagesOf(store))).toEqual([]);
  });

  it('computes the hashes that a store does not know, once', async () => {
    const store = await directoryWith([torch, six]);
    await build(store);
    expect(await textOf(store, 'whl/cu118/torch/index.html')).not.toContain('sha256=');
    const first = countingStore(store);
    expect((await build(first.store, { computeMissing: true })).counts).toMatchObject({ hashesLearned: 2 });
    expect(first.calls.get('readStream')).toBe(2);
    expect(await textOf(store, 'whl/cu118/torch/index.html')).toMatch(/#sha256=[0-9a-f]{64}/);
    const again = countingStore(store);
    expect((await build(again.store, { computeMissing: true })).counts).toMatchObject({ known: 2 });
    expect(again.calls.get('readStream')).toBeUndefined();
    expect(again.calls.get('write')).toBeUndefined();
  });

  it('takes METADATA out of wheels, stores it beside them, and reads it no more', async () => {
    const metadata = 'Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0\nRequires-Python: >=3.10\n';
    const store = await directoryWith([six]);
    await put(store, torch, await wheelOf(metadata));
    const result = await build(store, { extractMetadata: true });
    expect(result).toMatchObject({ isDone: true, counts: { metadataExtracted: 1, metadataUnreadable: 1 } });
    expect(await textOf(store, `${torch}.metadata`)).toBe(metadata);
    const page = JSON.parse((await textOf(store, 'whl/cu118/torch/index.json')) ?? '');
    expect(page.files[0]).toMatchObject({
      'requires-python': '>=3.10',
      'core-metadata': { sha256: expect.any(String) },
    });
    // In a directory, the listing gives the file another identity than the write.
    expect((await build(store, { extractMetadata: true })).destinations[0]?.written).toEqual([]);
    const third = countingStore(store);
    expect((await build(third.store)).counts).toMatchObject({ metadataRead: 0, known: 2 });
    expect(third.calls.get('write')).toBeUndefined();
  });

  it('leaves what is there alone if METADATA appears while it is taken out', async () => {
    const store = await directoryWith([]);
    await put(store, torch, await wheelOf('Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0\n'));
    const theirs = 'Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0\nRequires-Python: >=3.11\n';
    let isThere = false;
    const racing = watchedStore(store, async (call, key) => {
      if (call !== 'write' || isThere || key !== `${torch}.metadata`) return;
      isThere = true;
      await put(store, key, theirs);
    });
    expect((await build(racing, { extractMetadata: true })).isDone).toBe(true);
    expect(await textOf(store, `${torch}.metadata`)).toBe(theirs);
    expect(await textOf(store, 'whl/cu118/torch/index.json')).toContain('>=3.11');
  });

  it('stops when its time is over, and the next ones finish: never a link to what is not there', async () => {
    const keys = ['torch', 'numpy', 'scipy', 'jinja2', 'six'].map((name) => `whl/cu118/${wheelName(name)}`);
    const store = await directoryWith(keys);
    let runs = 0;
    for (let isDone = false; !isDone && runs < 100; runs += 1) {
      let left = 3;
      const mayContinue = () => {
        left -= 1;
        return left >= 0;
      };
      const result = await build(store, { mayContinue, concurrency: 1 });
      ({ isDone } = result);
      expect(result.destinations[0]?.error).toBeUndefined();
      expect(await brokenLinks(store)).toEqual([]);
    }
    expect(runs).toBeGreaterThan(4);
    const whole = await directoryWith(keys);
    await build(whole);
    expect(Object.keys(await pagesOf(store))).toEqual(Object.keys(await pagesOf(whole)));
  });

  it('tells of damaged state, and makes it anew', async () => {
    const store = await directoryWith([torch, six]);
    await build(store);
    await put(store, prefixKey('whl'), 'damaged');
    await put(store, shardKey(shardOf('torch')), 'damaged');
    const result = await build(store);
    expect(result.findings.map(({ code, key }) => `${code} ${key}`).sort()).toEqual(
      [`state-damaged ${shardKey(shardOf('torch'))}`, `state-damaged ${prefixKey('whl')}`].sort(),
    );
    expect(result).toMatchObject({ isDone: true, counts: { hashesLearned: 1 } });
    expect((await build(store)).findings).toEqual([]);
  });

  it('remembers facts about files of other configurations', async () => {
    const store = await directoryWith([torch, `other/${wheelName('torch')}`]);
    await build(store, {}, configurationOf([{ prefix: 'other' }]));
    await build(store);
    const shard = await store.read(shardKey(shardOf('torch')), { maxBytes: 10_000 });
    const read = decodeShard(shard?.body ?? new Uint8Array());
    expect(read.kind === 'read' && [...read.value.keys()]).toEqual([`other/${wheelName('torch')}`, torch]);
  });

  it('I8: refuses a source with more objects than the limit', async () => {
    const store = await directoryWith([torch, six]);
    await expect(build(store, { maxFiles: 1 })).rejects.toMatchObject({ code: 'too-large' });
    expect((await build(store, { maxFiles: 2 })).isDone).toBe(true);
  });

  it('copies the pages of projects that are kept elsewhere in the source, if their links are absolute', async () => {
    const configuration = configurationOf([
      { prefix: 'whl', subdirectories, 'copied-pages': [{ names: ['numpy', 'pillow'] }] },
    ]);
    const store = await directoryWith([torch]);
    const page = '<a href="https://files.example/numpy-1.0-py3-none-any.whl">numpy</a>';
    await put(store, 'whl/numpy/index.html', page);
    await put(store, 'whl/pillow/index.html', '<a href="pillow-1.0-py3-none-any.whl">pillow</a>');
    const result = await build(store, {}, configuration);
    expect(await textOf(store, 'whl/cu118/numpy/index.html')).toBe(page);
    expect(await textOf(store, 'whl/cu118/pillow/index.html')).toBeUndefined();
    expect(result.destinations[0]?.plan?.findings.map(({ code }) => code)).toContain('copied-page-relative');
    expect((await build(store, {}, configuration)).destinations[0]?.written).toEqual([]);
  });

  it('writes pages of a view beside those of others', async () => {
    const configuration = configurationOf([{ prefix: 'whl' }], {
      views: [{ page: 'index', files: 'nightly' }],
    });
    const store = await directoryWith([`nightly/${wheelName('torch')}`]);
    await build(store, {}, configuration);
    expect(await textOf(store, 'index/torch/index.html')).toContain('../../nightly/torch-1.0');
    expect((await build(store, {}, configuration)).destinations[0]?.written).toEqual([]);
  });
});

describe('links of a page to copy', () => {
  it.each([
    ['<a href="https://a.example/b.whl">', false],
    ["<a href='/whl/b.whl'>", false],
    ['<a HREF = "../b.whl">', true],
    ['<a href=b.whl>', true],
    ['<a href="javascript:alert(1)">', true],
    ['nothing', false],
  ])('%s', (html, isRelative) => {
    expect(hasRelativeLinks(html)).toBe(isRelative);
  });
});

describe.skipIf(!haveMinio())('hostile keys on S3 (needs minio)', () => {
  let minio: Minio;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio?.stop());

  it('I8: are escaped, or left out with a finding; the other pages are right', async () => {
    const s3 = { settings: minio.settings, credentials: async () => minio.credentials };
    const store = await openStore(`s3://${await minio.makeBucket()}`, { s3 });
    const shown = [
      torch,
      'whl/cu118/torch-2.9.1%2Bcu118-py3-none-any.whl',
      'whl/cu118/torch-2.9.1+cu118-py3-none-any.whl',
    ];
    const refused = [
      'whl/cu118/<script>alert(1)</script>-1.0-py3-none-any.whl',
      'whl/cu118/a"b-1.0-py3-none-any.whl',
      "whl/cu118/a'b-1.0-py3-none-any.whl",
      'whl/cu118/\u202eevil-1.0-py3-none-any.whl',
      `whl/cu118/${'a'.repeat(200)}-py3-none-any.whl`,
      'whl/cu118/nightly-1.0.whl',
    ];
    for (const key of [...shown, ...refused]) await put(store, key);
    const result = await buildIndex(
      { configuration: simple, source: store, destinations: [], clock: systemClock },
      {},
    );
    expect(result.isDone).toBe(true);
    const found = new Set(result.destinations[0]?.plan?.findings.map(({ key }) => key));
    expect(refused.filter((key) => !found.has(key))).toEqual([]);
    const pages = await pagesOf(store);
    const text = pages['whl/cu118/torch/index.html'] ?? '';
    expect(text).toContain('torch-2.9.1%252Bcu118');
    expect(text).toContain('torch-2.9.1%2Bcu118');
    expect(Object.values(pages).some((page) => /<script|\u202e/.test(page))).toBe(false);
    expect(await brokenLinks(store)).toEqual([]);
  });
});
