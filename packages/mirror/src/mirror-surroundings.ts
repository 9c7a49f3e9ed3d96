import type { ObjectStore } from '@slipway/core';
import { keyIndexManifestKey, keyManifestKey } from '@slipway/spack-buildcache';
import { type Finding, finding } from './findings.ts';
import { findLayoutV2 } from './layout-v2/detect.ts';
import { keyListHint } from './mirror-keys.ts';

/** What clients may find in a mirror besides its entries and indexes. */
export interface Surroundings {
  /** Fingerprints of the keys it offers. */
  readonly offeredKeys: readonly string[];
  /** Fingerprints whose signatures count; undefined if none are pinned. */
  readonly pinnedKeys: readonly string[] | undefined;
  readonly allowUnpinnedKeys: boolean;
  /** If unsigned entries are accepted, nothing else that clients install from is judged either. */
  readonly allowUnsigned: boolean;
  readonly allowLayoutV2: boolean;
}

/**
 * Finds what anyone who can write to a mirror could plant for clients to use: keys, all of which `spack buildcache keys
 * --install --trust` imports, and a layout-v2 buildcache, whose entries Spack 1.x offers along with those of layout v3.
 */
export async function surroundingFindings(
  store: ObjectStore,
  surroundings: Surroundings,
): Promise<readonly Finding[]> {
  return [...unpinnedFindings(surroundings), ...(await layoutFindings(store, surroundings))];
}

function unpinnedFindings({ offeredKeys, pinnedKeys, allowUnpinnedKeys }: Surroundings): readonly Finding[] {
  if (pinnedKeys === undefined || allowUnpinnedKeys) return [];
  return offeredKeys
    .filter((fingerprint) => !pinnedKeys.includes(fingerprint))
    .map((fingerprint) =>
      finding(
        'key-not-pinned',
        keyManifestKey(fingerprint),
        'the mirror offers this key to its clients, but it is not in trusted-keys',
        `Find out whose it is. If it belongs there, add it to trusted-keys, or set allow-unpinned-keys; else delete it and ${keyIndexManifestKey}. ${keyListHint}`,
      ),
    );
}

async function layoutFindings(
  store: ObjectStore,
  { allowUnsigned, allowLayoutV2 }: Surroundings,
): Promise<readonly Finding[]> {
  const found = allowLayoutV2 ? undefined : await findLayoutV2(store);
  if (found === undefined) return [];
  if (allowUnsigned) {
    return [
      finding(
        'layout-v2-unaudited',
        undefined,
        'the mirror also holds a buildcache of layout v2, under build_cache, which was not checked',
        'Spack 1.x still installs from there. Delete it once every entry is migrated, or audit it at a URL of its own.',
      ),
    ];
  }
  return [
    finding(
      'layout-v2-unvouched',
      found,
      'the mirror also holds a buildcache of layout v2, whose index nobody signs, and Spack 1.x installs from it',
      'Find out who put it there. Delete build_cache once every entry is migrated; set allow-layout-v2 if older clients need it.',
    ),
  ];
}
