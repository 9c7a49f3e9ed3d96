import { mapConcurrently, type ObjectStore } from '@slipway/core';
import { mayBePage } from '@slipway/simple-index';
import { openStore } from '@slipway/store';
import { haveMinio, type Minio, startMinio, startS3FaultProxy } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BuildOptions } from '../src/index.ts';
import { brokenLinks, put, watchedStore } from './index-store.ts';
import { build, expectRight, first, interruptedStore, torch2, torch3 } from './race-runs.ts';

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

  it.each([1, 2, 3])('I5: is right although requests fail by chance, with seed %i', async (seed) => {
    const bucket = await minio.makeBucket();
    const open = (endpointUrl: string) =>
      openStore(`s3://${bucket}`, {
        s3: { settings: { ...minio.settings, endpointUrl }, credentials: async () => minio.credentials },
      });
    const store = await open(minio.endpointUrl);
    for (const key of first) await put(store, key);
    const faults = {
      slowDown: 0.05,
      reset: 0.05,
      cut: 0.05,
      ambiguous: 0.1,
      conflict: 0.05,
      preconditionFailed: 0.05,
      wrongEtag: 0.05,
    };
    const proxy = await startS3FaultProxy(minio.endpointUrl, faults, seed);
    try {
      const faulty = await open(proxy.endpointUrl);
      for (const key of [torch2, torch3]) {
        await put(store, key);
        expect((await build(faulty)).destinations[0]).toMatchObject({ isDone: true, error: undefined });
        expect(await brokenLinks(store)).toEqual([]);
        await expectRight(store);
      }
      expect(proxy.requests.filter(({ fault }) => fault !== undefined).length).toBeGreaterThan(3);
    } finally {
      proxy.close();
    }
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
