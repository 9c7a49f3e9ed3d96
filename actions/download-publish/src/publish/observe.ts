import { counted, mapConcurrently } from '@slipway/core';
import { headersOf } from '../headers.ts';
import type { FileOperation } from '../operation.ts';
import { observeObject } from '../stored-state.ts';
import { type Clocks, coveredWindows, readClocks, refuseDisagreement } from '../window-times.ts';
import type { ObservedObject, WantedObject } from './plan.ts';

const concurrentLooks = 16;

export interface Observed {
  readonly clocks: Clocks;
  /** The windows that must have the files now, except those already done. */
  readonly windows: readonly number[];
}

/** Reads the clocks, and derives which windows to publish. */
export async function observeWindows(
  { context, store, rules }: FileOperation,
  done: ReadonlySet<number>,
): Promise<Observed> {
  const clocks = await readClocks(context.clock, store);
  const windows = coveredWindows(clocks, rules).filter((window) => !done.has(window));
  return { clocks, windows };
}

/** What is stored under the keys of the files in these windows. Throws `UserError` `plan-refused` when the clocks disagree. */
export async function observeObjects(
  { clocks, windows }: Observed,
  operation: FileOperation,
): Promise<readonly ObservedObject[]> {
  const { context, store, rules } = operation;
  refuseDisagreement(clocks, rules.toleranceMs);
  const wanted = wantedObjects(windows, operation);
  context.progress.start(`Looking for ${counted(wanted.length, 'object')}`, wanted.length, 'entries');
  return mapConcurrently(wanted, concurrentLooks, async (object) => {
    const stored = await observeObject(store, object.key, object.sizeBytes);
    context.progress.advance(1);
    return { wanted: object, stored };
  });
}

/** Each file in each window under each secret; an address shared by secrets counts once. */
function wantedObjects(
  windows: readonly number[],
  { files, addresses, rules }: FileOperation,
): readonly WantedObject[] {
  const wanted = new Map<string, WantedObject>();
  for (const window of windows) {
    for (const file of files) {
      const { platform, name, path = '', sizeBytes, sha256 } = file;
      const headers = headersOf(name, window, rules);
      for (const { key } of addresses.of(file, window)) {
        wanted.set(key, { key, window, platform, name, path, sizeBytes, sha256, headers });
      }
    }
  }
  return [...wanted.values()];
}
