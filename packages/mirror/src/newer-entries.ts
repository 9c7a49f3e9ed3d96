import { mapConcurrently, type ObjectStore } from '@slipway/core';
import {
  formatOfSpecfile,
  isNewerSpecfile,
  maxManifestBytes,
  parseManifest,
  specRecordsOf,
} from '@slipway/spack-buildcache';
import { newerSpecFinding, parsed } from './entry-findings.ts';
import type { Finding } from './findings.ts';
import { readOrFind } from './index-pointer.ts';
import { isFinding, openDocument, type SignaturePolicy } from './signature-policy.ts';

const concurrentReads = 32;

/**
 * An index that leaves out an entry because its spec is too new is not hiding it: turns those findings into notices.
 * Reads only the manifests of entries left out.
 */
export async function excuseNewerEntries(
  store: ObjectStore,
  policy: SignaturePolicy,
  findings: readonly Finding[],
): Promise<readonly Finding[]> {
  return mapConcurrently(findings, concurrentReads, async (found) => {
    if (found.code !== 'index-hides-entry' || found.key === undefined) return found;
    const version = await newerVersion(store, policy, found.key);
    return version === undefined ? found : newerSpecFinding(found.key, version);
  });
}

/** The version of a spec that is too new; undefined if it is a known one or the manifest is not trusted. */
async function newerVersion(
  store: ObjectStore,
  policy: SignaturePolicy,
  key: string,
): Promise<number | undefined> {
  const stored = await readOrFind(store, key, maxManifestBytes, []);
  const opened = stored && (await openDocument(stored.body, key, policy));
  if (opened === undefined || isFinding(opened)) return undefined;
  const manifest = parsed(key, 'manifest-malformed', [], () => parseManifest(opened.text));
  const versions = (manifest === undefined ? [] : specRecordsOf(manifest)).map(({ version }) => version);
  if (versions.some((version) => formatOfSpecfile(version) !== undefined)) return undefined;
  return versions.findLast(isNewerSpecfile);
}
