import { counted, UserError } from '@slipway/core';
import { type DownloadHeaders, headerDifferences } from '../headers.ts';
import { shownKey } from '../redacted-links.ts';
import type { StoredState } from '../stored-state.ts';

const maxNamedConflicts = 10;

/** An object to store. */
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

/** Stores a file under a key, if the object there has not changed since it was observed. */
export interface StoreStep extends WantedObject {
  readonly kind: 'store';
  /** The key of an earlier step whose object is copied within the store. Undefined if the file is sent. */
  readonly copyOf: string | undefined;
  readonly reason: 'new' | 'other-headers' | 'replaced';
  readonly condition: 'absent' | 'any' | { readonly etag: string };
}

export interface PublishPlan {
  readonly windows: readonly number[];
  /** In the order of windows, so that what is needed first is stored first. */
  readonly steps: readonly StoreStep[];
  /** How many objects need no change. */
  readonly unchanged: number;
}

export interface ObservedObject {
  readonly wanted: WantedObject;
  readonly stored: StoredState;
}

/**
 * Decides what to store; files of at least `minCopyBytes` are sent once and then copied. Throws `UserError` `immutable-conflict`
 * that names the keys whose different bytes may not be replaced (I2). Pure.
 */
export function planPublish(
  windows: readonly number[],
  observed: readonly ObservedObject[],
  { replace, minCopyBytes }: { readonly replace: boolean; readonly minCopyBytes: number },
): PublishPlan {
  const conflicts = observed.filter(({ wanted, stored }) => hasOtherBytes(wanted, stored));
  if (conflicts.length > 0 && !replace) throw conflictError(conflicts.map(({ wanted }) => wanted.key));
  const steps = observed
    .flatMap(({ wanted, stored }) => stepFor(wanted, stored))
    .toSorted((a, b) => a.window - b.window);
  return {
    windows,
    steps: withCopies(steps, minCopyBytes),
    unchanged: observed.length - steps.length,
  };
}

/**
 * Of steps with the same bytes, the first sends them and the others copy what it stored. What an earlier run stored is not
 * copied: only the bytes that this run sends are known.
 */
function withCopies(steps: readonly StoreStep[], minCopyBytes: number): readonly StoreStep[] {
  const sent = new Map<string, string>();
  return steps.map((step) => {
    const copyOf = sent.get(step.sha256);
    if (copyOf === undefined) sent.set(step.sha256, step.key);
    return step.sizeBytes < minCopyBytes ? step : { ...step, copyOf };
  });
}

function stepFor(wanted: WantedObject, stored: StoredState): readonly StoreStep[] {
  if (stored.kind === 'missing')
    return [{ ...wanted, kind: 'store', copyOf: undefined, reason: 'new', condition: 'absent' }];
  const condition = stored.etag === undefined ? 'any' : { etag: stored.etag };
  if (hasOtherBytes(wanted, stored))
    return [{ ...wanted, kind: 'store', copyOf: undefined, reason: 'replaced', condition }];
  const { headers } = stored;
  if (headers === undefined || headerDifferences(headers, wanted.headers).length === 0) return [];
  return [{ ...wanted, kind: 'store', copyOf: undefined, reason: 'other-headers', condition }];
}

export function hasOtherBytes(wanted: WantedObject, stored: StoredState): boolean {
  return stored.kind === 'stored' && stored.sha256 !== wanted.sha256;
}

/** The error for keys that already have other bytes. */
export function conflictError(keys: readonly string[], cause?: unknown): UserError {
  const lines = keys.slice(0, maxNamedConflicts).map((key) => `  ${shownKey(key)}`);
  if (keys.length > lines.length) lines.push(`  and ${keys.length - lines.length} more`);
  return new UserError(
    'immutable-conflict',
    `${counted(keys.length, 'file already exists', 'files already exist')} with different bytes:\n${lines.join('\n')}`,
    {
      hint: 'A link that is already in use must not open another file: give the new file its own name, for example with its version. To replace the old file, set replace: true, and invalidate the CDN, which may still serve it.',
      cause,
    },
  );
}
