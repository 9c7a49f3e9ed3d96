import type { Clock, ObjectStore, WriteOptions } from '@slipway/core';
import {
  cdnPathOf,
  invalidationPaths as invalidationLines,
  pathsToHandOn,
  type RememberingStore,
  readPending,
  rememberingStore,
} from '@slipway/pending-invalidations';
import { classifyKey } from '@slipway/spack-buildcache';

export { pendingNotice } from '@slipway/pending-invalidations';

/** The paths that a CDN in front of the mirror must invalidate, one per line, including those from earlier runs. */
export function invalidationPaths(keys: readonly string[], pendingPaths: readonly string[] = []): string {
  return invalidationLines([...keys.map(pathInMirror), ...pendingPaths], undefined);
}

/** A key as a path under the mirror, with a leading slash. */
export function pathInMirror(key: string): string {
  return cdnPathOf(key, undefined);
}

/**
 * Paths that earlier runs replaced and whose invalidation is not proven, sorted. Throws what the store throws, and
 * `UserError` `not-supported` for records of a later version.
 */
export async function pendingMirrorPaths(mirror: ObjectStore): Promise<readonly string[]> {
  // A mirror hides no paths: its index names them all.
  return pathsToHandOn(await readPending(mirror), () => []);
}

/** The mirror, recording what caches may hold of what is replaced in it (ADR 0031). */
export function rememberingMirror(mirror: ObjectStore, clock: Clock): RememberingStore {
  return rememberingStore(mirror, replacedPathOf, clock);
}

/** A CDN caches misses for what clients ask for before it exists. Entries are only asked for once they are indexed. */
function replacedPathOf(key: string, { condition }: Pick<WriteOptions, 'condition'>): string | undefined {
  switch (classifyKey(key).kind) {
    case 'layout':
    case 'key-manifest':
    case 'key-index-manifest':
    case 'index-manifest':
      return pathInMirror(key);
    case 'spec-manifest':
      return condition === 'absent' ? undefined : pathInMirror(key);
    default:
      return undefined;
  }
}
