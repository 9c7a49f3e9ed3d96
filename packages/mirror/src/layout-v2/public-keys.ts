import type { ObjectStore } from '@slipway/core';
import { parseKeyIndex } from '@slipway/spack-buildcache';
import { parsed } from '../entry-findings.ts';
import { type Finding, finding } from '../findings.ts';
import { keyIndexFindings, readKey } from '../mirror-keys.ts';
import { keyIndexKeyV2, publicKeyKeyV2 } from './names.ts';
import { readDocument } from './stored-document.ts';

const maxKeyBytes = 1024 * 1024;

/**
 * The armored public keys that a layout-v2 mirror offers: those with these fingerprints (from a listing), or those in
 * its key index if nothing can be listed. They prove nothing: only pinned ones are used.
 */
export async function readOfferedKeysV2(
  store: ObjectStore,
  listed: readonly string[] | undefined,
  findings: Finding[],
): Promise<readonly string[]> {
  const index = await readDocument(store, keyIndexKeyV2, maxKeyBytes, 'key-index-mismatch', findings);
  const indexed =
    index.kind === 'read'
      ? parsed(keyIndexKeyV2, 'key-index-mismatch', findings, () => parseKeyIndex(index.body))
      : undefined;
  const armored: string[] = [];
  for (const fingerprint of listed ?? indexed ?? []) {
    const key = await readOfferedKey(store, fingerprint, findings);
    if (key !== undefined) armored.push(key);
  }
  // An unreadable index has its own finding.
  if (index.kind === 'missing' || indexed !== undefined)
    findings.push(...keyIndexFindings(keyIndexKeyV2, listed, indexed));
  return armored;
}

async function readOfferedKey(
  store: ObjectStore,
  fingerprint: string,
  findings: Finding[],
): Promise<string | undefined> {
  if (!/^[0-9A-F]{40}$/.test(fingerprint)) {
    findings.push(
      finding('key-index-mismatch', keyIndexKeyV2, 'it lists something other than a fingerprint'),
    );
    return undefined;
  }
  const key = publicKeyKeyV2(fingerprint);
  const stored = await readDocument(store, key, maxKeyBytes, 'key-malformed', findings);
  if (stored.kind === 'missing')
    findings.push(finding('key-index-mismatch', key, 'a key that is listed is not stored'));
  if (stored.kind !== 'read') return undefined;
  const found = await readKey(stored.body);
  if (found?.fingerprint === fingerprint) return found.armored;
  findings.push(
    found === undefined
      ? finding('key-malformed', key, 'it holds no OpenPGP public key')
      : finding('key-mismatch', key, `it holds the key ${found.fingerprint}`),
  );
  return undefined;
}
