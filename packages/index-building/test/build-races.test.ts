import type { ObjectStore } from '@slipway/core';
import { openStore } from '@slipway/store';
import { dyingStore, StoreDied, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { brokenLinks, put, quickClock, wheelName } from './index-store.ts';
import { build, expectRight, first, interruptedStore, torch2, torch3 } from './race-runs.ts';

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
