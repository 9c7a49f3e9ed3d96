import { type ObjectInfo, type ObjectStore, systemClock } from '@slipway/core';
import {
  currentFacts,
  type FileFacts,
  type IndexConfiguration,
  type ShardState,
  shardOf,
} from '@slipway/simple-index';
import { openStore } from '@slipway/store';
import { haveMinio, type Minio, startMinio, temporaryDirectory } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuildOptions, type BuildResult, buildIndex, listIndex, Shards } from '../src/index.ts';
import {
  brokenLinks,
  configurationOf,
  put,
  quickClock,
  refusingStore,
  subdirectories,
  textOf,
  watchedStore,
  wheelName,
} from './index-store.ts';

const torch = `whl/cu118/${wheelName('torch')}`;
const numpy = `whl/cu118/${wheelName('numpy')}`;
const six = `whl/${wheelName('six')}`;
const torch2 = `whl/cu118/${wheelName('torch', '2.0')}`;
const simple = configurationOf([{ prefix: 'whl', subdirectories }]);
const torchPage = 'whl/cu118/torch/index.html';

const build = (
  source: ObjectStore,
  options: BuildOptions = {},
  configuration: IndexConfiguration = simple,
  destinations: readonly ObjectStore[] = [],
): Promise<BuildResult> => buildIndex({ configuration, source, destinations, clock: systemClock }, options);

describe('a run beside others', () => {
  const newStore = async (keys: readonly string[]): Promise<ObjectStore> => {
    const store = await openStore(`file://${temporaryDirectory('index')}`);
    for (const key of keys) await put(store, key);
    return store;
  };

  it('I6: deletes no page that somebody else has written since it was planned', async () => {
    const store = await newStore([torch, numpy]);
    await build(store);
    await store.delete(torch);
    let isWritten = false;
    const racing = watchedStore(store, async (call, key) => {
      if (call !== 'head' || key !== torchPage || isWritten) return;
      isWritten = true;
      await put(store, torchPage, 'of somebody else');
    });
    const result = await buildIndex(
      { configuration: simple, source: racing, destinations: [], clock: quickClock },
      {},
    );
    expect(result.isDone).toBe(true);
    expect(result.destinations[0]?.deleted).not.toContain(torchPage);
    expect(await textOf(store, torchPage)).toBe('of somebody else');
  });

  it('gives up with an error if others are always faster', async () => {
    const store = await newStore([torch]);
    let number = 0;
    const racing = watchedStore(store, async (call, key) => {
      if (call !== 'write' || key !== torchPage) return;
      number += 1;
      await put(store, torchPage, `version ${number}`);
    });
    const result = await buildIndex(
      { configuration: simple, source: racing, destinations: [], clock: quickClock },
      {},
    );
    expect(result.destinations[0]).toMatchObject({ isDone: false, error: { code: 'contention' } });
    expect(await textOf(store, torchPage)).toBe(`version ${number}`);
  });

  it('asks no more files once many did not answer', async () => {
    const store = await newStore(
      Array.from({ length: 100 }, (_, index) => `whl/${wheelName('six', `1.${index}`)}`),
    );
    const refused = new Set<string>();
    const refusing = refusingStore(store, (call, key) => call === 'head' && Boolean(refused.add(key)));
    const result = await build(refusing, { concurrency: 4 });
    expect(result.isDone).toBe(false);
    expect(result.failures.length).toBeGreaterThanOrEqual(20);
    expect(refused.size).toBeLessThan(25);
    expect(result.counts?.skipped).toBe(100 - refused.size);
    expect(await textOf(store, 'whl/six/index.html')).toBeUndefined();
  });

  it('I1: lists no project whose page was refused', async () => {
    const store = await newStore([torch]);
    await build(store);
    await put(store, numpy);
    const refusing = refusingStore(store, (call, key) => call === 'write' && key.includes('/numpy/'));
    const result = await build(refusing);
    expect(result.destinations[0]).toMatchObject({ isDone: false, error: { code: 'access-denied' } });
    expect(result.destinations[0]?.failures[0]?.key).toContain('/numpy/index.');
    expect(await textOf(store, 'whl/cu118/index.html')).not.toContain('numpy');
    expect((await build(store)).isDone).toBe(true);
    expect(await textOf(store, 'whl/cu118/index.html')).toContain('numpy');
  });

  it('writes the pages of one destination while another cannot even be read', async () => {
    const [source, bad, good] = [await newStore([torch]), await newStore([]), await newStore([])];
    const configuration = configurationOf([{ prefix: 'whl', subdirectories }], {
      source: { url: 's3://source' },
      destinations: [{ url: 's3://bad' }, { url: 's3://good' }],
    });
    const refusing = refusingStore(bad, () => true);
    const result = await build(source, {}, configuration, [refusing, good]);
    expect(result.destinations.map(({ isDone, error }) => [isDone, error?.code])).toEqual([
      [false, 'access-denied'],
      [true, undefined],
    ]);
    expect(result.isDone).toBe(false);
    expect(await textOf(good, torchPage)).toContain('torch-1.0');
  });
});

describe('facts in a shard', () => {
  const facts = (key: string): readonly [string, FileFacts] => [
    key,
    currentFacts({ key, etag: `"${key}"`, sizeBytes: 1, modifiedAtMs: 5_000 }, undefined, undefined, {
      hash: { sha256: null, origin: 'none' },
    }),
  ];
  const shard = shardOf('torch');

  it('I3: are those of both of two runs that save them at once', async () => {
    const store = await openStore(`file://${temporaryDirectory('shards')}`);
    const before = new Shards(store);
    await before.load([shard], 1);
    await before.save(shard, quickClock, new Map([facts('old'), facts('gone')]));
    const [one, other] = [new Shards(store), new Shards(store)];
    await one.load([shard], 1);
    await other.load([shard], 1);
    // One has seen that a file is gone, the other has not.
    expect(await one.save(shard, quickClock, new Map([facts('old'), facts('one')]))).toBe(true);
    expect(await other.save(shard, quickClock, new Map([facts('old'), facts('gone'), facts('other')]))).toBe(
      true,
    );
    const after = new Shards(store);
    await after.load([shard], 1);
    expect([...after.facts(shard).keys()].sort()).toEqual(['old', 'one', 'other']);
  });

  it('are not written again if nothing is new', async () => {
    const store = await openStore(`file://${temporaryDirectory('shards')}`);
    const shards = new Shards(store);
    await shards.load([shard], 1);
    expect(await shards.save(shard, quickClock, new Map())).toBe(false);
    const known: ShardState = new Map([facts('a')]);
    expect(await shards.save(shard, quickClock, known)).toBe(true);
    const again = new Shards(store);
    await again.load([shard], 1);
    expect(await again.save(shard, quickClock, new Map([facts('a')]))).toBe(false);
  });
});

describe('a listing', () => {
  /** Gives keys in turns from its parts, as a store does that lists them in parallel. */
  function listingStore(keys: readonly string[]): ObjectStore {
    const unused = () => Promise.reject(new Error('not used'));
    return {
      url: 'double:',
      writable: false,
      listable: true,
      head: unused,
      read: unused,
      readStream: unused,
      write: unused,
      delete: unused,
      async *list(prefix, options) {
        const own = keys.filter((key) => key.startsWith(prefix));
        const bounds = [...(options?.splits ?? []), undefined];
        const parts = bounds.map((last, index) => {
          const after = bounds[index - 1] ?? '';
          return own.filter((key) => key > after && (last === undefined || key <= last));
        });
        for (let index = 0; parts.some((part) => index < part.length); index += 1) {
          for (const part of parts) {
            const key = part[index];
            if (key !== undefined)
              yield { key, sizeBytes: 1, etag: '"e"', modifiedAtMs: 1 } satisfies ObjectInfo;
          }
        }
      },
    };
  }

  it('is split into parts of some thousand keys, in the same way as long as that is right', async () => {
    const keys = Array.from({ length: 60_000 }, (_, index) => `whl/${String(index).padStart(6, '0')}.whl`);
    const store = listingStore(keys);
    const options = { directories: ['whl'], maxFiles: 100_000 };
    const seen: string[] = [];
    const selector = { add: ({ key }: { readonly key: string }) => void seen.push(key) };
    const { splits = [] } = await listIndex(store, selector, { ...options, splits: [] });
    expect(seen).toHaveLength(60_000);
    expect(splits).toHaveLength(12);
    const bounds = [0, ...splits.map((key) => keys.indexOf(key)), keys.length];
    for (const [index, bound] of bounds.slice(1).entries()) {
      expect(bound - (bounds[index] ?? 0)).toBeLessThan(10_000);
    }
    expect((await listIndex(store, selector, { ...options, splits })).splits).toBeUndefined();
    // One part has most of the keys.
    expect((await listIndex(store, selector, { ...options, splits: splits.slice(9) })).splits).toHaveLength(
      12,
    );
    // There are many parts, and few keys.
    const few = listingStore(keys.slice(0, 100));
    expect((await listIndex(few, selector, { ...options, splits })).splits).toEqual([]);
  });
});

describe.skipIf(!haveMinio())('a run on S3 beside others (needs minio)', () => {
  let minio: Minio;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio?.stop());

  async function newStore(keys: readonly string[]): Promise<ObjectStore> {
    const s3 = { settings: minio.settings, credentials: async () => minio.credentials };
    const store = await openStore(`s3://${await minio.makeBucket()}`, { s3 });
    for (const key of keys) await put(store, key);
    return store;
  }

  it('lists again if a file is replaced before it was asked for', async () => {
    const store = await newStore([torch]);
    let isReplaced = false;
    const racing = watchedStore(store, async (call) => {
      if (call !== 'head' || isReplaced) return;
      isReplaced = true;
      await put(store, torch, 'other bytes');
    });
    const result = await build(racing);
    expect(result).toMatchObject({ isDone: true, failures: [], destinations: [{ rounds: 1 }] });
    expect(result.destinations[0]?.plan?.findings).toEqual([]);
    expect(await textOf(store, torchPage)).toContain('data-size="11"');
  });

  it('for changed keys lists everything if a page is not the one that was remembered', async () => {
    const store = await newStore([torch]);
    await build(store);
    await put(store, torchPage, 'of a run that died');
    await put(store, torchPage.replace('.html', '.json'), 'of the same run');
    await put(store, torch2);
    const result = await build(store, { changedKeys: [torch2] });
    expect(result).toMatchObject({ isDone: true, mode: { kind: 'whole' } });
    expect(await textOf(store, torchPage)).toContain('torch-2.0');
  });

  it('for changed keys lists everything if the last run did not finish', async () => {
    const store = await newStore([torch, numpy, six]);
    await build(store);
    await put(store, `whl/cu118/${wheelName('scipy')}`);
    await put(store, `whl/cu118/${wheelName('numpy', '2.0')}`);
    let left = 3;
    const mayContinue = () => {
      left -= 1;
      return left >= 0;
    };
    const stopped = await build(store, { mayContinue, concurrency: 1 });
    expect(stopped).toMatchObject({ isDone: false, destinations: [{ error: undefined }] });
    expect(stopped.destinations[0]?.written).toHaveLength(1);
    await put(store, torch2);
    const result = await build(store, { changedKeys: [torch2] });
    expect(result).toMatchObject({ isDone: true, mode: { kind: 'whole' } });
    expect(await brokenLinks(store)).toEqual([]);
    expect((await build(store)).destinations[0]?.written).toEqual([]);
  });
});
