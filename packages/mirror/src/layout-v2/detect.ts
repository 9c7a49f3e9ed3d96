import { type ObjectStore, RemoteError, UserError } from '@slipway/core';
import { classifyKey, indexManifestKey, layoutKey } from '@slipway/spack-buildcache';
import { tooOld } from './index-database.ts';
import { indexKeyV2, keyIndexKeyV2, looksLikeSpecV1, looksLikeSpecV2, prefixV2 } from './names.ts';

export interface FoundLayouts {
  readonly v3: boolean;
  readonly v2: boolean;
}

/**
 * The layout to read a mirror as: v3 if part of it is there, since clients try it first; otherwise v2; undefined if
 * neither is there. Throws `RemoteError` if the store fails, and `UserError` `not-supported` for a mirror older than layout v2.
 */
export async function detectLayout(store: ObjectStore): Promise<'v3' | 'v2' | undefined> {
  if (await hasLayoutV3(store)) return 'v3';
  if (!(await hasLayoutV2(store))) return undefined;
  if (await hasOnlySpecsV1(store)) {
    throw tooOld(`${store.url} is`, 'its specs are spec.yaml files');
  }
  return 'v2';
}

/** Which layouts a mirror has, for callers that warn if it has both. */
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
 * A key of a mirror's layout-v2 buildcache, its index or key list if it has one; undefined if there is none. Clients
 * ask for both by name, so they are found even if nothing can be listed.
 */
export async function findLayoutV2(store: ObjectStore): Promise<string | undefined> {
  for (const key of [indexKeyV2, keyIndexKeyV2]) if (await isOffered(store, key)) return key;
  return (await holds(store, prefixV2, () => true)) ? prefixV2 : undefined;
}

/** Old mirrors have specs of both kinds, and Spack reads the newer ones. */
async function hasOnlySpecsV1(store: ObjectStore): Promise<boolean> {
  let hasV1 = false;
  const hasV2 = await holds(store, prefixV2, (key) => {
    hasV1 ||= looksLikeSpecV1(key);
    return looksLikeSpecV2(key);
  });
  return hasV1 && !hasV2;
}

/** Something that the store refuses to read, such as a link out of the mirror, still exists: the audit reports it. */
async function isThere(store: ObjectStore, key: string): Promise<boolean> {
  try {
    return (await store.head(key)) !== undefined;
  } catch (error) {
    if (error instanceof UserError) return true;
    throw error;
  }
}

/** Web servers in front of S3 answer 403 for missing objects; if reading is forbidden, clients cannot use it either. */
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
