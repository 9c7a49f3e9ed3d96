import { isOwnDocument, type ObjectInfo, UserError } from '@slipway/core';
import { type KeyPlace, keysBelow, parseKey } from '@slipway/download-window';
import type { Operation } from '../operation.ts';
import { type Clocks, readClocks } from '../window-times.ts';
import { type CleanupPlan, planCleanup, type StoredWindow, type StoredWindows } from './plan.ts';

const maxNamedKeys = 20;

/** What a cleanup would delete, by what is stored and by the clocks. */
export interface PreparedCleanup {
  readonly clocks: Clocks;
  readonly plan: CleanupPlan;
}

/** Observes the clocks and what is stored, and plans. Throws if it cannot decide. */
export async function prepareCleanup({ given, rules, context, store }: Operation): Promise<PreparedCleanup> {
  const { progress, clock } = context;
  const clocks = await readClocks(clock, store);
  if (clocks.storeMs === undefined && !given.dryRun) throw noSecondClock();
  progress.start('Looking for windows');
  const { scheme, prefix } = given;
  const stored = await sortIntoWindows(store.list(keysBelow(prefix)), { scheme, prefix });
  return { clocks, plan: planCleanup(stored, clocks, { ...rules, maxIdleMs: given.maxIdle }) };
}

/** Sorts the objects of a store into windows. An object belongs to one only if its key is exactly one that this scheme creates. */
export async function sortIntoWindows(
  objects: AsyncIterable<ObjectInfo>,
  place: KeyPlace,
): Promise<StoredWindows> {
  const windows = new Map<number, StoredWindow & { keys: string[] }>();
  const unrelated = { count: 0, keys: [] as string[] };
  for await (const { key, sizeBytes, modifiedAtMs } of objects) {
    if (isOwnDocument(key)) continue;
    const window = parseKey(place, key)?.window;
    if (window === undefined) {
      unrelated.count += 1;
      if (unrelated.keys.length < maxNamedKeys) unrelated.keys.push(key);
      continue;
    }
    const known = windows.get(window) ?? { keys: [], sizeBytes: 0, writtenAtMs: 0 };
    known.keys.push(key);
    const writtenAtMs =
      known.writtenAtMs === undefined || modifiedAtMs === undefined
        ? undefined
        : Math.max(known.writtenAtMs, modifiedAtMs);
    windows.set(window, { keys: known.keys, sizeBytes: known.sizeBytes + sizeBytes, writtenAtMs });
  }
  return { windows, unrelated };
}

function noSecondClock(): UserError {
  return new UserError(
    'plan-refused',
    'The store does not report its time, so nothing confirms the clock of this machine. Nothing was deleted.',
    {
      hint: 'For file://, check that the directory exists and that this job may write to it. For s3://, a proxy may remove the Date header of answers.',
    },
  );
}
