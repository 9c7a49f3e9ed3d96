import { counted, mapConcurrently } from '@slipway/core';
import { headersOf } from '../headers.ts';
import type { FileOperation } from '../operation.ts';
import { observeObject } from '../stored-state.ts';
import {
  bestMs,
  type Clocks,
  coveredWindows,
  currentWindow,
  dueWindows,
  newestOver,
  readClocks,
  refuseDisagreement,
} from '../window-times.ts';
import type { ObservedAddress, VerifyInput } from './plan.ts';

const concurrentLooks = 16;

/** Reads the clocks, and what is stored at the addresses of the files. Throws `UserError` `plan-refused` when the clocks disagree. */
export async function observeVerify({
  files,
  addresses,
  store,
  rules,
  context,
}: FileOperation): Promise<{ readonly clocks: Clocks; readonly input: VerifyInput }> {
  const { progress, clock } = context;
  const clocks = await readClocks(clock, store);
  refuseDisagreement(clocks, rules.toleranceMs);
  const due = new Set(dueWindows(clocks, rules));
  const windows = coveredWindows(clocks, rules);
  const places = windows.flatMap((window) =>
    files.flatMap((file) => addresses.of(file, window).map((address) => ({ window, file, ...address }))),
  );
  progress.start(`Looking at ${counted(places.length, 'object')}`, places.length, 'entries');
  const observed = await mapConcurrently(places, concurrentLooks, async (place): Promise<ObservedAddress> => {
    const { window, file, key, url = '' } = place;
    const { platform, name, path = '', sizeBytes, sha256 } = file;
    const headers = headersOf(name, window, rules);
    const wanted = { key, window, platform, name, path, sizeBytes, sha256, headers };
    const stored = await observeObject(store, key, sizeBytes);
    progress.advance(1);
    return { wanted, url, stored, isDue: due.has(window) };
  });
  const pastAndPresent = { current: currentWindow(clocks, rules), over: newestOver(clocks, rules) };
  return { clocks, input: { windows, observed, files, addresses, pastAndPresent, nowMs: bestMs(clocks) } };
}
