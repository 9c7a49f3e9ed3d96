import { counted, UserError } from '@slipway/core';
import { type DownloadHeaders, headerDifferences } from './headers.ts';
import { shownKey } from './shown.ts';
import type { StoredState } from './stored-objects.ts';

const maxNamedConflicts = 10;

/** An object that is to be there. */
export interface WantedObject {
  readonly key: string;
  readonly window: number;
  readonly platform: string;
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly headers: DownloadHeaders;
}

/** Stores a file under a key, if what is there is still what was seen. */
export interface StoreStep extends WantedObject {
  readonly kind: 'store';
  readonly reason: 'new' | 'other-headers' | 'replaced';
  readonly condition: 'absent' | 'any' | { readonly etag: string };
}

export interface PublishPlan {
  readonly windows: readonly number[];
  /** In the order of windows: what is needed first is stored first. */
  readonly steps: readonly StoreStep[];
  /** How many objects are as they should be. */
  readonly unchanged: number;
}

export interface SeenObject {
  readonly wanted: WantedObject;
  readonly stored: StoredState;
}

/**
 * What to store. Throws `UserError` `immutable-conflict` that names the files when other bytes are under their keys and may not be
 * replaced (I2). Pure.
 */
export function planPublish(
  windows: readonly number[],
  seen: readonly SeenObject[],
  { replace }: { readonly replace: boolean },
): PublishPlan {
  const conflicts = seen.filter(({ wanted, stored }) => hasOtherBytes(wanted, stored));
  if (conflicts.length > 0 && !replace) throw conflictError(conflicts.map(({ wanted }) => wanted.key));
  const steps = seen.flatMap(({ wanted, stored }) => stepFor(wanted, stored));
  return {
    windows,
    steps: steps.toSorted((a, b) => a.window - b.window),
    unchanged: seen.length - steps.length,
  };
}

function stepFor(wanted: WantedObject, stored: StoredState): readonly StoreStep[] {
  if (stored.kind === 'missing') return [{ ...wanted, kind: 'store', reason: 'new', condition: 'absent' }];
  const condition = stored.etag === undefined ? 'any' : { etag: stored.etag };
  if (hasOtherBytes(wanted, stored)) return [{ ...wanted, kind: 'store', reason: 'replaced', condition }];
  const { headers } = stored;
  if (headers === undefined || headerDifferences(headers, wanted.headers).length === 0) return [];
  return [{ ...wanted, kind: 'store', reason: 'other-headers', condition }];
}

export function hasOtherBytes(wanted: WantedObject, stored: StoredState): boolean {
  return stored.kind === 'stored' && stored.sha256 !== wanted.sha256;
}

/** The error for keys that have other bytes already. */
export function conflictError(keys: readonly string[], cause?: unknown): UserError {
  const lines = keys.slice(0, maxNamedConflicts).map((key) => `  ${shownKey(key)}`);
  if (keys.length > lines.length) lines.push(`  and ${keys.length - lines.length} more`);
  return new UserError(
    'immutable-conflict',
    `${counted(keys.length, 'file is', 'files are')} there already with other bytes:\n${lines.join('\n')}`,
    {
      hint: 'A link that somebody has must not open another file: give the new file a name of its own, such as one with its version. If the old one must go, set replace: true, and invalidate the CDN, which may have it still.',
      cause,
    },
  );
}
