import { pathToFileURL } from 'node:url';
import type { ObjectStore } from '@slipway/core';
import { windowAt } from '@slipway/download-window';
import { pendingInvalidationsKey, readPending } from '@slipway/pending-invalidations';
import { openStore } from '@slipway/store';
import { dyingStore, temporaryDirectory, treeOf } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { dayMs, fourPlatforms, handClock, type InputTexts, runOnStore, storeByClock } from './downloads.ts';

const first = twoPlatforms('1');
const second = twoPlatforms('2');
const platforms = ['linux-x64', 'macos-arm64'];
const startMs = Date.UTC(2026, 0, 2, 15);
const base = { scheme: 'window-sha256' } as const;

interface Place {
  readonly store: ObjectStore;
  /** The stored editions by window and platform. */
  editions(): Readonly<Record<string, string>>;
  run(inputs: InputTexts, on?: ObjectStore): ReturnType<typeof runOnStore>;
}

function twoPlatforms(edition: string): ReturnType<typeof fourPlatforms> {
  const { workspace, files } = fourPlatforms(edition);
  return { workspace, files: files.split('\n').slice(0, 2).join('\n') };
}

/** A directory with the first edition in the windows of the given days. */
async function place(daysAgo: readonly number[]): Promise<Place> {
  const clock = handClock(startMs - 10 * dayMs);
  const directory = temporaryDirectory('out');
  const store = storeByClock(await openStore(pathToFileURL(directory).href), clock);
  const run: Place['run'] = (inputs, on = store) =>
    runOnStore(on, first.workspace, { ...base, files: first.files, ...inputs }, clock);
  for (const days of daysAgo.toSorted((a, b) => b - a)) {
    clock.move(startMs - days * dayMs - clock.nowMs());
    await run({ operation: 'publish' });
  }
  clock.move(startMs - clock.nowMs());
  await store.delete(pendingInvalidationsKey);
  return {
    store,
    run,
    editions: () =>
      Object.fromEntries(
        Object.entries(treeOf(directory)).map(([key, content]) => {
          const [, window, , platform] = key.split('/');
          return [`${window} ${platform}`, content.split(' ')[1] ?? ''];
        }),
      ),
  };
}

const current = windowAt(startMs).number;

function editionsIn(windows: readonly number[], edition: string): Record<string, string> {
  return Object.fromEntries(
    windows.flatMap((window) => platforms.map((platform) => [`${window} ${platform}`, edition])),
  );
}

/**
 * Dies before each change of a run in turn, and runs again each time. `check` gets the state before, after the death and after the
 * rerun.
 */
async function dieEverywhere(
  daysAgo: readonly number[],
  inputs: InputTexts,
  check: (tried: {
    readonly before: Readonly<Record<string, string>>;
    readonly dead: Readonly<Record<string, string>>;
    readonly after: Readonly<Record<string, string>>;
    readonly paths: string;
    readonly place: Place;
  }) => void | Promise<void>,
): Promise<number> {
  for (let change = 1; ; change += 1) {
    const there = await place(daysAgo);
    const before = there.editions();
    const dying = dyingStore(there.store, change);
    // It does not matter whether the run or the process ends with the error.
    await there.run(inputs, dying.store).catch(() => undefined);
    const dead = there.editions();
    const rerun = await there.run(inputs);
    expect(rerun.failure, `change ${change}`).toBeUndefined();
    await check({
      before,
      dead,
      after: there.editions(),
      paths: String(rerun.outputs['invalidation-paths'] ?? ''),
      place: there,
    });
    const again = await there.run(inputs);
    expect(again.outputs).not.toMatchObject({ uploaded: expect.toSatisfy((count) => count > 0) });
    expect(again.outputs).not.toMatchObject({ deleted: expect.toSatisfy((count) => count > 0) });
    if (!dying.hasDied()) return change - 1;
  }
}

/** Every current link opens the old or the new edition. */
function expectAlive(before: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): void {
  for (const platform of platforms) {
    const key = `${current} ${platform}`;
    if (before[key] !== undefined) expect(['1', '2']).toContain(now[key]);
  }
}

describe('I5: killed before any of its changes, and run again', () => {
  test('publish has replaced everything, and names every window of which a CDN may have old bytes', async () => {
    const inputs = {
      operation: 'publish',
      replace: 'true',
      files: second.files.replaceAll('out/', `${second.workspace}/out/`),
    };
    const tried = await dieEverywhere([0], inputs, async ({ before, dead, after, paths, place: there }) => {
      expectAlive(before, dead);
      expect(after).toEqual(editionsIn([current, current + 1], '2'));
      expect(paths.split('\n')).toEqual([`/downloads/${current}/*`, `/downloads/${current + 1}/*`]);
      // A publish that died is never marked as complete, so what it replaced stays pending.
      expect(await readPending(there.store)).not.toEqual([]);
    });
    expect(tried).toBeGreaterThan(4);
  });

  test('renew has restored dead links and deleted past windows, and names the window that had no files', async () => {
    const tried = await dieEverywhere([5], { operation: 'renew' }, ({ dead, after, paths }) => {
      // Nothing is deleted before everything is stored.
      const isLess = Object.keys(editionsIn([current - 10, current - 9], '1')).some(
        (key) => dead[key] === undefined,
      );
      if (isLess) expect(dead).toMatchObject(editionsIn([current, current + 1], '1'));
      expect(after).toEqual(editionsIn([current, current + 1], '1'));
      expect(paths).toBe(`/downloads/${current}/*`);
    });
    expect(tried).toBeGreaterThan(8);
  });

  test('renew of living links leaves every one of them alive', async () => {
    const tried = await dieEverywhere([5, 0.5], { operation: 'renew' }, ({ before, dead, after, paths }) => {
      expectAlive(before, dead);
      expect(after).toEqual(editionsIn([current - 1, current, current + 1], '1'));
      // No link of the next window has been handed out.
      expect(paths).toBe('');
    });
    expect(tried).toBeGreaterThan(4);
  });

  test('cleanup has deleted past windows and nothing else', async () => {
    const tried = await dieEverywhere([6, 5, 0], { operation: 'cleanup' }, ({ before, dead, after }) => {
      expectAlive(before, dead);
      expect(after).toEqual(editionsIn([current, current + 1], '1'));
    });
    expect(tried).toBeGreaterThan(6);
  });
});

describe('what a CDN must invalidate', () => {
  test('is listed by every run until it is proven, with the path of base-url and without an origin path', async () => {
    const there = await place([]);
    const inputs = {
      operation: 'publish',
      prefix: 'site/downloads',
      'origin-path': 'site',
      'base-url': 'https://cdn.example.org/the%20files',
    };
    const expected = `/the%20files/downloads/${current}/*`;
    expect((await there.run(inputs)).outputs['invalidation-paths']).toBe(expected);
    const again = await there.run(inputs);
    expect(again.outputs).toMatchObject({ uploaded: 0, 'invalidation-paths': expected });
    expect(again.log.join('\n')).toContain('invalidation is not proven yet');
    await there.store.delete(pendingInvalidationsKey);
    expect((await there.run(inputs)).outputs['invalidation-paths']).toBe('');
  });

  test('I7: reveals window numbers to readers, but no link', async () => {
    const there = await place([]);
    await there.run({ operation: 'publish' });
    const stored = await there.store.read(pendingInvalidationsKey, { maxBytes: 1_000_000 });
    const text = Buffer.from(stored?.body ?? []).toString();
    expect(JSON.parse(text)).toMatchObject({
      publishes: [{ paths: [`/downloads/${current}/*`], digests: [] }],
    });
    expect(text).not.toMatch(/linux|macos|windows|zip/);
  });

  test('is listed by a dry run, which records nothing', async () => {
    const there = await place([]);
    const dry = await there.run({ operation: 'publish', 'dry-run': 'true' });
    expect(dry.outputs['invalidation-paths']).toBe(`/downloads/${current}/*`);
    expect(await readPending(there.store)).toEqual([]);
  });
});
