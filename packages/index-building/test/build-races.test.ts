import { mapConcurrently, type ObjectStore, systemClock } from '@slipway/core';
import { mayBePage } from '@slipway/simple-index';
import { openStore } from '@slipway/store';
import {
  dyingStore,
  haveMinio,
  type Minio,
  StoreDied,
  startMinio,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuildOptions, type BuildResult, buildIndex } from '../src/index.ts';
import {
  brokenLinks,
  configurationOf,
  pagesOf,
  put,
  quickClock,
  subdirectories,
  watchedStore,
  wheelName,
} from './index-store.ts';

const configuration = configurationOf([{ prefix: 'whl', subdirectories }]);
const first = [
  `whl/cu118/${wheelName('torch')}`,
  `whl/cu118/${wheelName('numpy')}`,
  `whl/${wheelName('six')}`,
];
const torch2 = `whl/cu118/${wheelName('torch', '2.0')}`;
const torch3 = `whl/cu118/${wheelName('torch', '3.0')}`;

const build = (source: ObjectStore, options: BuildOptions = {}, clock = systemClock): Promise<BuildResult> =>
  buildIndex({ configuration, source, destinations: [], clock }, { concurrency: 4, ...options });

/** What a single run makes of the files of a store. */
async function singleRun(store: ObjectStore): Promise<Readonly<Record<string, string>>> {
  const copy = await openStore(`file://${temporaryDirectory('single')}`);
  for await (const { key } of store.list('')) {
    if (!key.endsWith('.whl')) continue;
    const stored = await store.read(key, { maxBytes: 1_000 });
    if (stored !== undefined) await put(copy, key, stored.body);
  }
  await build(copy, {}, quickClock);
  return pagesOf(copy);
}

/** Pages without times, which differ from store to store, and without sums that only some stores know. */
function comparable(pages: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(pages).map(([key, text]) => [
      key,
      text
        .replaceAll(/ data-upload-time="[^"]*"/g, '')
        .replaceAll(/,?"upload-time":\s*"[^"]*"/g, '')
        .replaceAll(/#sha256=[0-9a-f]{64}/g, '')
        .replaceAll(/"sha256":\s*"[0-9a-f]{64}"/g, ''),
    ]),
  );
}

async function expectRight(store: ObjectStore): Promise<void> {
  expect(comparable(await pagesOf(store))).toEqual(comparable(await singleRun(store)));
}

/** A store that does something before the call of that number, counted from 1; `calls` counts. */
function interruptedStore(store: ObjectStore, number: number, what: () => Promise<void>) {
  const state = { calls: 0, store };
  state.store = watchedStore(store, async () => {
    state.calls += 1;
    if (state.calls === number) await what();
  });
  return state;
}

describe('an index in a directory', () => {
  const newStore = async (keys: readonly string[] = first): Promise<ObjectStore> => {
    const store = await openStore(`file://${temporaryDirectory('index')}`);
    for (const key of keys) await put(store, key);
    return store;
  };

  it('has the pages of a single run, and is left alone by the next one', async () => {
    const store = await newStore();
    expect((await build(store)).isDone).toBe(true);
    const again = await build(store);
    expect(again).toMatchObject({
      isDone: true,
      factsWritten: 0,
      destinations: [{ written: [], statesWritten: 0 }],
    });
  });

  it('I5: is finished by the next run, whenever a run dies', async () => {
    let deaths = 0;
    for (let change = 1; ; change += 1) {
      const store = await newStore();
      await build(store, {}, quickClock);
      await put(store, torch2);
      await put(store, `whl/cpu/${wheelName('scipy')}`);
      await store.delete(first[1] ?? '');
      const dying = dyingStore(store, change);
      await build(dying.store, {}, quickClock).catch((error: unknown) => {
        if (!(error instanceof StoreDied)) throw error;
      });
      // The old page of a file that somebody has deleted stays until a run has replaced it.
      const broken = await brokenLinks(store);
      expect(broken.filter((link) => !link.endsWith(`: ${first[1]}`))).toEqual([]);
      expect((await build(store, {}, quickClock)).isDone).toBe(true);
      await expectRight(store);
      expect((await build(store, {}, quickClock)).destinations[0]?.written).toEqual([]);
      if (!dying.hasDied()) break;
      deaths += 1;
    }
    expect(deaths).toBeGreaterThan(8);
  });

  it('I3: has what a publisher adds while a run is under way and another one ends, at whatever moment', async () => {
    for (let number = 1; ; number += 1) {
      const store = await newStore();
      await build(store, {}, quickClock);
      await put(store, torch2);
      const interrupted = interruptedStore(store, number, async () => {
        await put(store, torch3);
        await build(store, {}, quickClock);
      });
      const result = await build(interrupted.store, {}, quickClock);
      expect(result.destinations[0]).toMatchObject({ error: undefined, isDone: true });
      if (interrupted.calls < number) break;
      await expectRight(store);
    }
  });

  it('is right after the next run, whatever a publisher does at whatever moment', async () => {
    for (let number = 1; ; number += 1) {
      const store = await newStore();
      await build(store, {}, quickClock);
      await put(store, torch2);
      const interrupted = interruptedStore(store, number, async () => {
        await put(store, torch3);
        await put(store, first[0] ?? '', 'other bytes');
        await store.delete(first[1] ?? '');
      });
      await build(interrupted.store, {}, quickClock);
      if (interrupted.calls < number) break;
      expect((await build(store, {}, quickClock)).isDone).toBe(true);
      await expectRight(store);
    }
  });
});

describe.skipIf(!haveMinio())('an index on S3 that several runs build (needs minio)', () => {
  let minio: Minio;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio?.stop());

  async function newStore(keys: readonly string[] = first): Promise<ObjectStore> {
    const s3 = { settings: minio.settings, credentials: async () => minio.credentials };
    const store = await openStore(`s3://${await minio.makeBucket()}`, { s3 });
    for (const key of keys) await put(store, key);
    return store;
  }

  it('I3: is what one run would have made, when two run at once', async () => {
    await mapConcurrently([1, 2, 3], 3, async () => {
      const store = await newStore();
      const results = await Promise.all([build(store), build(store), build(store)]);
      expect(results.map(({ isDone }) => isDone)).toEqual([true, true, true]);
      await expectRight(store);
    });
  });

  it('I3: never replaces a page that was written while the files were listed', async () => {
    const store = await newStore();
    await build(store);
    let isFirst = true;
    const slow: ObjectStore = {
      ...watchedStore(store, () => {}),
      // Listings are no snapshots: what comes first may be old when the rest comes.
      async *list(prefix, options) {
        const old = [];
        for await (const info of store.list(prefix, options)) old.push(info);
        if (isFirst) {
          isFirst = false;
          await put(store, torch3);
          await build(store);
        }
        yield* old.filter(({ key }) => !mayBePage(key));
        for await (const info of store.list(prefix, options)) if (mayBePage(info.key)) yield info;
      },
    };
    const result = await build(slow);
    expect(result.destinations[0]).toMatchObject({ isDone: true, rounds: 2 });
    await expectRight(store);
  });

  const runs: readonly (readonly [string, BuildOptions, BuildOptions])[] = [
    ['a whole run', {}, {}],
    ['a run for changed keys', { changedKeys: [torch2] }, { changedKeys: [torch3] }],
    ['a whole run meets one for changed keys', {}, { changedKeys: [torch3] }],
    ['a run for changed keys meets a whole one', { changedKeys: [torch2] }, {}],
  ];
  it.each(runs)('I3: has what is added meanwhile, at whatever moment: %s', async (_, options, others) => {
    const numbers = Array.from({ length: 24 }, (_, index) => index + 1);
    const tried = await mapConcurrently(numbers, 6, async (number) => {
      const store = await newStore();
      await build(store);
      await put(store, torch2);
      const interrupted = interruptedStore(store, number, async () => {
        await put(store, torch3);
        expect((await build(store, others)).isDone).toBe(true);
      });
      const result = await build(interrupted.store, options);
      expect(result.destinations[0]).toMatchObject({ error: undefined, isDone: true });
      if (interrupted.calls < number) return false;
      await expectRight(store);
      expect((await build(store)).destinations[0]?.written).toEqual([]);
      return true;
    });
    expect(tried.indexOf(false)).toBeGreaterThan(8);
  });
});
