import { keysBelow } from '@slipway/download-window';
import { cdnPathOf, everythingUnder, type Replacements } from '@slipway/pending-invalidations';
import { servedKey } from '../addresses.ts';
import type { Inputs } from '../inputs.ts';
import type { StoreStep } from './plan.ts';

export type CdnPlace = Pick<Inputs, 'prefix' | 'originPath' | 'baseUrl'>;

/** The CDN path of everything in a window. The number of a window is not secret; its contents are. */
export function windowPath(place: CdnPlace, window: number): string {
  return `${cdnPathOf(servedKey(place, `${keysBelow(place.prefix)}${window}`), place.baseUrl)}/*`;
}

/**
 * The windows for which a CDN may have cached what these steps make outdated: other bytes or headers, or a 404. Links of later
 * windows have not been handed out yet, so new files there have not been requested.
 */
export function windowsToForget(steps: readonly StoreStep[], latestWindow: number): readonly number[] {
  const windows = steps
    .filter(({ reason, window }) => reason !== 'new' || window <= latestWindow)
    .map(({ window }) => window);
  return [...new Set(windows)].toSorted((a, b) => a - b);
}

/** What a publish is about to replace, for the record of pending invalidations. */
export function replacementsIn(place: CdnPlace, windows: readonly number[]): Replacements {
  return { paths: windows.map((window) => windowPath(place, window)), everything: everythingOf(place) };
}

function everythingOf(place: CdnPlace): string {
  const start = servedKey(place, keysBelow(place.prefix)).replace(/\/$/, '');
  return start === '' ? everythingUnder(place.baseUrl) : `${cdnPathOf(start, place.baseUrl)}/*`;
}
