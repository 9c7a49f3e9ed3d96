import { DigestMap, isOwnDocument, type ObjectStore, UserError } from '@slipway/core';
import { classifyKey } from '@slipway/spack-buildcache';
import { type Finding, finding } from './findings.ts';

/** What a buildcache holds, judging by names alone. */
export interface Listing {
  /** Keys of everything that has a place in the layout, if they were asked for. */
  readonly keys: readonly string[];
  /** Keys of spec manifests, sorted: the order in which Spack indexes them. */
  readonly specManifests: readonly string[];
  readonly keyFingerprints: readonly string[];
  /** Views that have their own index. */
  readonly views: readonly string[];
  /** Stored size in bytes of each blob, by SHA-256. */
  readonly blobSizes: DigestMap;
  readonly hasLayoutV2: boolean;
  readonly objectCount: number;
}

/** Lists a buildcache. Names that have no place in the layout are findings, not errors. */
export async function listBuildcache(
  store: ObjectStore,
  findings: Finding[],
  options: { readonly keepKeys: boolean },
): Promise<Listing> {
  const keys: string[] = [];
  const specManifests: string[] = [];
  const keyFingerprints: string[] = [];
  const views: string[] = [];
  const blobSizes = new DigestMap();
  let hasLayoutV2 = false;
  let objectCount = 0;
  const note = (key: string, sizeBytes: number): void => {
    if (isOwnDocument(key)) return;
    objectCount += 1;
    const classified = classifyKey(key);
    if (options.keepKeys && classified.kind !== 'unknown') keys.push(key);
    switch (classified.kind) {
      case 'spec-manifest':
        specManifests.push(key);
        return;
      case 'key-manifest':
        keyFingerprints.push(classified.fingerprint);
        return;
      case 'index-manifest':
        if (classified.view !== undefined) views.push(classified.view);
        return;
      case 'blob':
        blobSizes.set(classified.sha256, sizeBytes);
        return;
      case 'unknown':
        if (key.startsWith('build_cache/')) hasLayoutV2 = true;
        else findings.push(unknownKeyFinding(key));
        return;
      default:
        return;
    }
  };
  try {
    for await (const { key, sizeBytes } of store.list('')) note(key, sizeBytes);
  } catch (error) {
    if (!(error instanceof UserError) || (error.code !== 'path-outside' && error.code !== 'name-invalid'))
      throw error;
    findings.push(finding(error.code, undefined, error.message, error.hint));
  }
  return {
    keys,
    specManifests: specManifests.sort(),
    keyFingerprints: keyFingerprints.sort(),
    views: views.sort(),
    blobSizes,
    hasLayoutV2,
    objectCount,
  };
}

/** A bad name that clients would trip over is an error; a stray file elsewhere is only worth a note. */
export function unknownKeyFinding(key: string): Finding {
  if (key.startsWith('v3/manifests/') && key.endsWith('.manifest.json')) {
    return finding(
      'name-invalid',
      key,
      'its name is not the name of anything in a buildcache',
      'Find out who stored it, and delete it.',
    );
  }
  return finding('file-unknown', key, 'it is not part of a buildcache');
}
