import { counted, type ObjectStore, UserError } from '@slipway/core';
import { classifyKey } from '@slipway/spack-buildcache';
import { type Finding, finding } from '../findings.ts';
import { classifyKeyV2, looksLikeSpecV2, specKeyV2 } from './names.ts';

/** Further unknown files are only counted: a source mirror may share the directory. */
const maxUnknownFindings = 100;

export interface EntryNames {
  readonly stem: string;
  readonly dagHash: string;
  readonly signed: boolean;
  readonly unsigned: boolean;
}

/** What a layout-v2 mirror holds, judging by names alone. */
export interface ListingV2 {
  /** Sorted by stem. */
  readonly entries: readonly EntryNames[];
  /** Stored size in bytes of each tarball, by key. */
  readonly tarballSizes: ReadonlyMap<string, number>;
  readonly keyFingerprints: readonly string[];
}

/** Lists a layout-v2 mirror. Names that have no place in the layout are findings, not errors. */
export async function listLayoutV2(store: ObjectStore, findings: Finding[]): Promise<ListingV2> {
  const entries = new Map<string, EntryNames>();
  const tarballSizes = new Map<string, number>();
  const keyFingerprints: string[] = [];
  let unknown = 0;
  const note = (key: string, sizeBytes: number): void => {
    const classified = classifyKeyV2(key);
    switch (classified.kind) {
      case 'spec': {
        const { stem, dagHash, signed } = classified;
        const other = entries.get(stem);
        entries.set(stem, {
          stem,
          dagHash,
          signed: signed || other?.signed === true,
          unsigned: !signed || other?.unsigned === true,
        });
        return;
      }
      case 'tarball':
        tarballSizes.set(key, sizeBytes);
        return;
      case 'key':
        keyFingerprints.push(classified.fingerprint);
        return;
      case 'index':
      case 'index-checksum':
      case 'key-index':
        return;
      case 'unknown':
        if (looksLikeSpecV2(key)) {
          findings.push(finding('name-invalid', key, 'its name is not the name of a spec of layout v2'));
        } else if (classifyKey(key).kind === 'unknown') {
          unknown += 1;
          if (unknown <= maxUnknownFindings)
            findings.push(finding('file-unknown', key, 'it is not part of a buildcache'));
        }
    }
  };
  try {
    for await (const { key, sizeBytes } of store.list('')) note(key, sizeBytes);
  } catch (error) {
    if (!(error instanceof UserError) || (error.code !== 'path-outside' && error.code !== 'name-invalid'))
      throw error;
    findings.push(finding(error.code, undefined, error.message, error.hint));
  }
  if (unknown > maxUnknownFindings) {
    const more = counted(unknown - maxUnknownFindings, 'more file is', 'more files are');
    findings.push(finding('file-unknown', undefined, `${more} not part of a buildcache`));
  }
  return {
    entries: [...entries.values()].sort((a, b) => (a.stem < b.stem ? -1 : 1)),
    tarballSizes,
    keyFingerprints: keyFingerprints.sort(),
  };
}

/** The key of the spec to read: clients prefer the signed one if there are two. */
export function specKeyOf(names: EntryNames): string {
  return specKeyV2(names.stem, names.signed);
}
