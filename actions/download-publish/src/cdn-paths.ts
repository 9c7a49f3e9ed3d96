import { keysBelow } from '@slipway/download-window';
import { cdnPathOf, everythingUnder, type Replacements } from '@slipway/pending-invalidations';
import { servedKey } from './addresses.ts';
import type { Inputs } from './inputs.ts';
import type { StoreStep } from './publish-plan.ts';

export type CdnPlace = Pick<Inputs, 'prefix' | 'originPath' | 'baseUrl'>;

/** Everything of a window, as a CDN is asked for it: which window is no secret, and what is in it is. */
export function windowPath(place: CdnPlace, window: number): string {
  return `${cdnPathOf(servedKey(place, `${keysBelow(place.prefix)}${window}`), place.baseUrl)}/*`;
}

/**
 * The windows of which a CDN may have something that these steps make wrong: other bytes or headers, or the answer that there is
 * nothing. Nobody has been given a link of a window after the current one, so what is new there is asked for by nobody.
 */
export function windowsToForget(steps: readonly StoreStep[], latestWindow: number): readonly number[] {
  const windows = steps
    .filter(({ reason, window }) => reason !== 'new' || window <= latestWindow)
    .map(({ window }) => window);
  return [...new Set(windows)].toSorted((a, b) => a - b);
}

/** What a publish is about to replace, to be remembered. */
export function replacementsIn(place: CdnPlace, windows: readonly number[]): Replacements {
  return { paths: windows.map((window) => windowPath(place, window)), everything: everythingOf(place) };
}

function everythingOf(place: CdnPlace): string {
  const start = servedKey(place, keysBelow(place.prefix)).replace(/\/$/, '');
  return start === '' ? everythingUnder(place.baseUrl) : `${cdnPathOf(start, place.baseUrl)}/*`;
}
