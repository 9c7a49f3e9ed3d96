import { type ObjectStore, systemClock } from '@slipway/core';
import { openStore } from '@slipway/store';
import { temporaryDirectory } from '@slipway/testkit';
import { expect } from 'vitest';
import { type BuildOptions, type BuildResult, buildIndex } from '../src/index.ts';
import {
  configurationOf,
  pagesOf,
  put,
  quickClock,
  subdirectories,
  watchedStore,
  wheelName,
} from './index-store.ts';

const configuration = configurationOf([{ prefix: 'whl', subdirectories }]);
export const first = [
  `whl/cu118/${wheelName('torch')}`,
  `whl/cu118/${wheelName('numpy')}`,
  `whl/${wheelName('six')}`,
];
export const torch2 = `whl/cu118/${wheelName('torch', '2.0')}`;
export const torch3 = `whl/cu118/${wheelName('torch', '3.0')}`;

export const build = (
  source: ObjectStore,
  options: BuildOptions = {},
  clock = systemClock,
): Promise<BuildResult> =>
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

export async function expectRight(store: ObjectStore): Promise<void> {
  expect(comparable(await pagesOf(store))).toEqual(comparable(await singleRun(store)));
}

/** A store that does something before the call of that number, counted from 1; `calls` counts. */
export function interruptedStore(store: ObjectStore, number: number, what: () => Promise<void>) {
  const state = { calls: 0, store };
  state.store = watchedStore(store, async () => {
    state.calls += 1;
    if (state.calls === number) await what();
  });
  return state;
}
