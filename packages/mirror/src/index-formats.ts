import { counted } from '@slipway/core';
import { formatOfSpecfile } from '@slipway/spack-buildcache';
import type { EntryFormats } from './entry-formats.ts';
import { type Finding, finding } from './findings.ts';
import type { KeptIndex } from './index-history.ts';
import type { IndexSet } from './index-set.ts';

export interface FormatsInput {
  readonly pointer: KeptIndex;
  readonly index: IndexSet;
  readonly formats: EntryFormats;
  /** Keys of the spec manifests, by DAG hash. */
  readonly stored: ReadonlyMap<string, string>;
}

/**
 * Checks that each client, which reads only one of the indexes, finds in it exactly the entries it can read. Another
 * tool may have updated only its own index.
 */
export function indexFormatFindings({
  pointer,
  index: set,
  formats,
  stored,
}: FormatsInput): readonly Finding[] {
  const findings: Finding[] = [];
  const { indexes } = set;
  const oldest = indexes.at(-1)?.databaseVersion ?? 0;
  /** DAG hashes missing from each index, by version. */
  const lacking = new Map<number, string[]>();
  const lacks = (version: number, hash: string): void => {
    const hashes = lacking.get(version);
    if (hashes === undefined) lacking.set(version, [hash]);
    else hashes.push(hash);
  };
  const isOurs = pointer.manifest.lineage !== undefined;
  for (const hash of set.entries()) {
    const own = ownVersion(formats, hash);
    if (own === undefined || (own === oldest && indexes.every((index) => index.hasEntry(hash)))) continue;
    if (indexes.every(({ databaseVersion }) => databaseVersion !== own) && own < Number.POSITIVE_INFINITY)
      lacks(own, hash);
    for (const index of indexes) {
      const { databaseVersion: version } = index;
      if (index.hasEntry(hash) === version >= own) continue;
      if (version < own) {
        const what = `its index of version ${version} offers ${hash}, but clients that take this index cannot read its spec`;
        findings.push(finding('index-version-mismatch', pointer.key, what, remakeHint));
      } else if (version === own && isOurs) {
        const what = `it is stored, but the index of version ${version}, where it belongs, leaves it out`;
        findings.push(finding('index-hides-entry', stored.get(hash) ?? pointer.key, what, remakeHint));
      } else lacks(version, hash);
    }
  }
  for (const [version, hashes] of lacking) {
    const entries = `${counted(hashes.length, 'entry', 'entries')} (${hashes[0]} first)`;
    const what = set.versions.includes(version)
      ? `its index of version ${version} leaves out ${entries} that another of its indexes offers`
      : `it has no index of version ${version}, in which clients that read nothing newer would find ${entries}`;
    findings.push(finding('index-incomplete', pointer.key, what, completeHint));
  }
  return findings;
}

/** The version of the oldest index that an entry belongs in; Infinity if it belongs in none. */
function ownVersion(formats: EntryFormats, hash: string): number | undefined {
  if (formats.isNewer(hash)) return Number.POSITIVE_INFINITY;
  const specfile = formats.indexableVersion(hash);
  return specfile === undefined ? undefined : formatOfSpecfile(specfile)?.database;
}

const remakeHint = 'Find out who changed it, then run buildcache-index with operation: rebuild.';
const completeHint =
  'Another version of Spack may have updated only its own index. Run buildcache-index with operation: update.';
