import { type ObjectStore, RemoteError, UserError } from '@slipway/core';
import { classifyKey, indexManifestKey, layoutKey } from '@slipway/spack-buildcache';
import { tooOld } from './index-database.ts';
import { indexKeyV2, keyIndexKeyV2, looksLikeSpecV1, looksLikeSpecV2, prefixV2 } from './names.ts';

/** Which layouts a mirror has something of. */
export interface FoundLayouts {
  readonly v3: boolean;
  readonly v2: boolean;
}

/**
 * The layout that a mirror is to be read as: v3 where anything of it is there, since a client asks for it first, else v2;
 * undefined where there is neither. Throws `RemoteError` for a store that fails, and `UserError` `not-supported` for a mirror
 * that is older than layout v2.
 */
export async function detectLayout(store: ObjectStore): Promise<'v3' | 'v2' | undefined> {
  if (await hasLayoutV3(store)) return 'v3';
  if (!(await hasLayoutV2(store))) return undefined;
  if (await hasOnlySpecsV1(store)) {
    throw tooOld(`${store.url} is`, 'its specs are spec.yaml files');
  }
  return 'v2';
}

/** Both answers, for those who want to say that a mirror has the two layouts side by side. */
export async function findLayouts(store: ObjectStore): Promise<FoundLayouts> {
  return { v3: await hasLayoutV3(store), v2: await hasLayoutV2(store) };
}

async function hasLayoutV3(store: ObjectStore): Promise<boolean> {
  if (await isThere(store, layoutKey)) return true;
  if (await isThere(store, indexManifestKey(undefined))) return true;
  return holds(store, 'v3/', (key) => classifyKey(key).kind !== 'unknown');
}

async function hasLayoutV2(store: ObjectStore): Promise<boolean> {
  return (await findLayoutV2(store)) !== undefined;
}

/**
 * A key of the layout-v2 buildcache in a mirror, its index or its list of keys if it has one; undefined where there is none.
 * Spack asks for both by their names, so they are found where nothing can be listed.
 */
export async function findLayoutV2(store: ObjectStore): Promise<string | undefined> {
  for (const key of [indexKeyV2, keyIndexKeyV2]) if (await isOffered(store, key)) return key;
  return (await holds(store, prefixV2, () => true)) ? prefixV2 : undefined;
}

/** Mirrors that were used for long have specs of both kinds, and Spack read the newer ones. */
async function hasOnlySpecsV1(store: ObjectStore): Promise<boolean> {
  let hasV1 = false;
  const hasV2 = await holds(store, prefixV2, (key) => {
    hasV1 ||= looksLikeSpecV1(key);
    return looksLikeSpecV2(key);
  });
  return hasV1 && !hasV2;
}

/** A thing that the store refuses to look at (a link out of the mirror) is there all the same: the audit will say so. */
async function isThere(store: ObjectStore, key: string): Promise<boolean> {
  try {
    return (await store.head(key)) !== undefined;
  } catch (error) {
    if (error instanceof UserError) return true;
    throw error;
  }
}

/** Web servers in front of S3 answer 403 for what is missing; what nobody is let read, no client takes either. */
async function isOffered(store: ObjectStore, key: string): Promise<boolean> {
  try {
    return await isThere(store, key);
  } catch (error) {
    if (!store.listable && error instanceof RemoteError && error.code === 'access-denied') return false;
    throw error;
  }
}

async function holds(
  store: ObjectStore,
  prefix: string,
  isMarker: (key: string) => boolean,
): Promise<boolean> {
  if (!store.listable) return false;
  try {
    for await (const { key } of store.list(prefix)) if (isMarker(key)) return true;
    return false;
  } catch (error) {
    if (error instanceof UserError) return true;
    throw error;
  }
}
