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

/** What a CDN in front of a mirror must be told has changed: paths under the mirror, one a line, with those of earlier runs. */
export function invalidationPaths(keys: readonly string[], pendingPaths: readonly string[] = []): string {
  return invalidationLines([...keys.map(pathInMirror), ...pendingPaths], undefined);
}

/** A key as a path under the mirror, which begins with a slash. */
export function pathInMirror(key: string): string {
  return cdnPathOf(key, undefined);
}

/**
 * The paths that earlier runs have replaced and that no invalidation is proven for, sorted. Throws what the store throws, and
 * `UserError` `not-supported` for what a later version remembers.
 */
export async function pendingMirrorPaths(mirror: ObjectStore): Promise<readonly string[]> {
  // No path is hidden in a mirror, whose index names them all.
  return pathsToHandOn(await readPending(mirror), () => []);
}

/** The mirror, which remembers what caches may have of what is replaced in it (ADR 0031). */
export function rememberingMirror(mirror: ObjectStore, clock: Clock): RememberingStore {
  return rememberingStore(mirror, replacedPathOf, clock);
}

/** Of what clients ask for before it is there, a CDN keeps the answer that there is nothing; entries they know from the index. */
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
