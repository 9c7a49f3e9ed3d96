import { pathToFileURL } from 'node:url';
import { windowAt } from '@slipway/download-window';
import { openStore } from '@slipway/store';
import { temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import {
  dayMs,
  fourPlatforms,
  handClock,
  hourMs,
  type InputTexts,
  runOnStore,
  storeByClock,
} from './downloads.ts';

const release = fourPlatforms();
const startMs = Date.UTC(2026, 0, 2, 15);

/** A site whose store and runners share one clock. */
async function site(inputs: InputTexts = {}) {
  const clock = handClock(startMs);
  const directory = temporaryDirectory('out');
  const store = storeByClock(await openStore(pathToFileURL(directory).href), clock);
  const base = { scheme: 'window-sha256', ...inputs };
  const keys = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { key } of store.list('downloads/')) found.push(key);
    return found.toSorted();
  };
  return {
    clock,
    keys,
    run: (operation: string, more: InputTexts = {}) =>
      runOnStore(store, release.workspace, { files: release.files, ...base, operation, ...more }, clock),
    cleanup: (more: InputTexts = {}) =>
      runOnStore(
        store,
        release.workspace,
        { ...base, operation: 'cleanup', secret: undefined, ...more },
        clock,
      ),
    windows: async () =>
      [...new Set((await keys()).map((key) => Number(key.split('/')[1])))].toSorted((a, b) => a - b),
    /** The keys that the current links lead to. */
    linked: async () => {
      const window = windowAt(clock.nowMs()).number;
      return (await keys()).filter((key) => key.startsWith(`downloads/${window}/`));
    },
  };
}

describe('a schedule of renew', () => {
  test('keeps the current links alive for weeks, each for exactly 48 hours', async () => {
    const { clock, run, keys, linked, windows } = await site();
    await run('publish');
    const givenOut: { readonly key: string; readonly sinceMs: number }[] = [];
    for (let hour = 0; hour < 21 * 24; hour += 1) {
      clock.move(hourMs);
      // Now and then, a scheduled run is missing.
      if (hour % 6 === 0 && hour % 30 !== 0) expect((await run('renew')).failure).toBeUndefined();
      const now = await linked();
      expect(now, `hour ${hour}`).toHaveLength(4);
      const { startsAtMs } = windowAt(clock.nowMs());
      if (startsAtMs === clock.nowMs()) givenOut.push(...now.map((key) => ({ key, sinceMs: startsAtMs })));
      const stored = new Set(await keys());
      for (const { key, sinceMs } of givenOut) {
        if (clock.nowMs() < sinceMs + 48 * hourMs) expect(stored).toContain(key);
      }
    }
    await run('renew');
    const current = windowAt(clock.nowMs()).number;
    const [oldest = 0] = await windows();
    expect(oldest).toBeGreaterThanOrEqual(current - 4);
    expect((await windows()).at(-1)).toBe(current + 1);
  });

  test('restores dead links, and then deletes past windows', async () => {
    const { clock, run, linked, windows } = await site();
    await run('publish');
    clock.move(5 * dayMs);
    expect(await linked()).toEqual([]);
    const dry = await run('renew', { 'dry-run': 'true' });
    expect(await linked()).toEqual([]);
    const renewed = await run('renew');
    expect(renewed.failure).toBeUndefined();
    expect(renewed.outputs).toMatchObject({ uploaded: 8, deleted: 8 });
    expect(await linked()).toHaveLength(4);
    const current = windowAt(clock.nowMs()).number;
    expect(await windows()).toEqual([current, current + 1]);
    const planOf = (log: readonly string[]) => log.filter((line) => /^(Would|Will| {2}downloads)/.test(line));
    expect(planOf(dry.log).map((line) => line.replace('Would', 'Will'))).toEqual(planOf(renewed.log));
    expect(planOf(dry.log)).toHaveLength(8 + 2 + 8);
    expect((await run('renew')).outputs).toMatchObject({ uploaded: 0, unchanged: 8, deleted: 0 });
  });

  test('deletes nothing unless every file is stored', async () => {
    const { clock, run, keys } = await site();
    await run('publish');
    clock.move(3 * dayMs);
    await run('publish');
    const before = await keys();
    const other = fourPlatforms('another build');
    const refused = await run('renew', {
      files: other.files.replaceAll('out/', `${other.workspace}/out/`),
    }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'immutable-conflict' });
    expect(await keys()).toEqual(before);
  });

  test('stores the files and deletes nothing if nothing was published for longer than max-idle', async () => {
    const { clock, run, linked, windows } = await site();
    await run('publish');
    clock.move(40 * dayMs);
    const renewed = await run('renew');
    expect(renewed.failure).toMatchObject({
      code: 'plan-refused',
      message: expect.stringContaining('max-idle'),
    });
    expect(renewed.outputs).toMatchObject({ uploaded: 8, deleted: 0 });
    expect(await linked()).toHaveLength(4);
    expect(await windows()).toHaveLength(4);
    // By now, something was published recently.
    expect((await run('renew')).outputs).toMatchObject({ uploaded: 0, deleted: 8 });
  });
});

describe('a schedule that only runs cleanup', () => {
  test('warns as soon as no current link is left, and refuses to delete the last ones', async () => {
    const { clock, run, cleanup, keys, linked } = await site();
    await run('publish');
    clock.move(dayMs);
    expect(await linked()).toEqual([]);
    const warned = await cleanup();
    expect(warned.failure).toBeUndefined();
    expect(warned.problems).toMatchObject([{ code: 'downloads-ended', severity: 'warning' }]);
    clock.move(2 * dayMs);
    const before = await keys();
    for (const dryRun of ['true', 'false']) {
      const refused = await cleanup({ 'dry-run': dryRun });
      expect(refused.failure).toMatchObject({ code: 'plan-refused' });
      expect(refused.outputs['deleted']).toBe(0);
      expect(refused.problems).toMatchObject([
        {
          code: 'downloads-would-end',
          severity: 'error',
          hint: expect.stringContaining('delete-last: true'),
        },
      ]);
      expect(refused.log.filter((line) => line.startsWith('Would delete window'))).toHaveLength(2);
      expect(await keys()).toEqual(before);
    }
    const last = await cleanup({ 'delete-last': 'true' });
    expect(last).toMatchObject({ failure: undefined, problems: [], outputs: { deleted: 8 } });
    expect(await keys()).toEqual([]);
    expect((await cleanup()).problems).toEqual([]);
  });

  test('runs as before while the current window is stored', async () => {
    const { clock, run, cleanup, linked } = await site();
    await run('publish');
    clock.move(5 * dayMs);
    await run('publish');
    expect(await cleanup()).toMatchObject({ failure: undefined, problems: [], outputs: { deleted: 8 } });
    expect(await linked()).toHaveLength(4);
  });
});
