import { hash as hashOnce } from 'node:crypto';
import type { ObjectStore } from '@slipway/core';
import { readPublicKeys } from '@slipway/signing';
import {
  blobKey,
  findRecord,
  keyIndexManifestKey,
  keyManifestKey,
  maxManifestBytes,
  mediaTypes,
  parseKeyIndex,
  parseManifest,
} from '@slipway/spack-buildcache';
import { parsed } from './entry-reader.ts';
import { type Finding, finding } from './findings.ts';
import { readOrFind } from './index-pointer.ts';
import { openDocument } from './signature-policy.ts';
import { checkSize, missingBlob, tamperedBlob } from './tarball.ts';

const maxKeyBytes = 1024 * 1024;

/** The public keys that a mirror or staged tree offers. They prove nothing: only pinned ones are ever used. */
export interface OfferedKeys {
  readonly keys: readonly {
    readonly fingerprint: string;
    readonly armored: string;
    readonly blobSha256: string;
  }[];
  /** What the key index lists; undefined where there is no key index. */
  readonly indexed: readonly string[] | undefined;
  /** Blobs that key manifests refer to. */
  readonly blobs: readonly string[];
}

/** Reads the keys of these fingerprints (from a listing), or of the key index where nothing can be listed. */
export async function readOfferedKeys(
  store: ObjectStore,
  listed: readonly string[] | undefined,
  findings: Finding[],
): Promise<OfferedKeys> {
  const blobs: string[] = [];
  const indexBody = await readPayload(
    store,
    keyIndexManifestKey,
    mediaTypes.keyIndex,
    findings,
    blobs,
    false,
  );
  const indexed =
    indexBody && parsed(keyIndexManifestKey, 'key-index-mismatch', findings, () => parseKeyIndex(indexBody));
  const keys: { readonly fingerprint: string; readonly armored: string; readonly blobSha256: string }[] = [];
  for (const fingerprint of listed ?? indexed ?? []) {
    if (!/^[0-9A-F]{40}$/.test(fingerprint)) {
      findings.push(
        finding('key-index-mismatch', keyIndexManifestKey, 'it lists something that is no fingerprint'),
      );
      continue;
    }
    const key = keyManifestKey(fingerprint);
    const body = await readPayload(store, key, mediaTypes.key, findings, blobs, true);
    if (body === undefined) continue;
    const found = await readKey(body);
    if (found === undefined) findings.push(finding('key-malformed', key, 'it holds no OpenPGP public key'));
    else if (found.fingerprint !== fingerprint) {
      findings.push(finding('key-mismatch', key, `it holds the key ${found.fingerprint}`));
    } else keys.push({ fingerprint, armored: found.armored, blobSha256: hashOnce('sha256', body) });
  }
  findings.push(...keyIndexFindings(listed, indexed));
  return { keys, indexed, blobs };
}

async function readKey(
  body: Uint8Array,
): Promise<{ readonly fingerprint: string; readonly armored: string } | undefined> {
  try {
    const [key, ...more] = await readPublicKeys(Buffer.from(body).toString('utf8'));
    return more.length === 0 ? key : undefined;
  } catch {
    return undefined;
  }
}

function keyIndexFindings(
  listed: readonly string[] | undefined,
  indexed: readonly string[] | undefined,
): Finding[] {
  if (listed === undefined) return [];
  const findings: Finding[] = [];
  for (const fingerprint of indexed ?? []) {
    if (!listed.includes(fingerprint)) {
      findings.push(
        finding(
          'key-index-mismatch',
          keyIndexManifestKey,
          `it lists the key ${fingerprint}, which is not stored`,
        ),
      );
    }
  }
  for (const fingerprint of listed) {
    if (indexed !== undefined && !indexed.includes(fingerprint)) {
      findings.push(
        finding('key-index-mismatch', keyIndexManifestKey, `it leaves out the key ${fingerprint}`),
      );
    }
  }
  if (indexed === undefined && listed.length > 0) {
    findings.push(finding('key-index-mismatch', keyIndexManifestKey, 'there are keys, but no index of them'));
  }
  return findings;
}

async function readPayload(
  store: ObjectStore,
  key: string,
  mediaType: typeof mediaTypes.key | typeof mediaTypes.keyIndex,
  findings: Finding[],
  blobs: string[],
  required: boolean,
): Promise<Uint8Array | undefined> {
  const stored = await readOrFind(store, key, maxManifestBytes, findings);
  if (stored === undefined) {
    if (required) findings.push(finding('key-index-mismatch', key, 'a key that is listed is not stored'));
    return undefined;
  }
  const opened = await openDocument(stored.body, key, { keyring: undefined, allowUnsigned: true });
  if (!('text' in opened)) {
    findings.push(finding('key-malformed', key, 'manifests of keys are not signed, and this one is'));
    return undefined;
  }
  const manifest = parsed(key, 'key-malformed', findings, () => parseManifest(opened.text));
  const record = manifest && findRecord(manifest, mediaType);
  if (record === undefined) {
    if (manifest !== undefined) findings.push(finding('key-malformed', key, `it lists no ${mediaType}`));
    return undefined;
  }
  blobs.push(record.checksum);
  const blob = blobKey(record.checksum);
  const body = (await readOrFind(store, blob, maxKeyBytes, findings))?.body;
  const problem =
    body === undefined
      ? missingBlob(blob, 'the key')
      : (checkSize(blob, body.length, record.contentLength) ??
        (hashOnce('sha256', body) === record.checksum ? undefined : tamperedBlob(blob)));
  if (problem !== undefined) findings.push(problem);
  return problem === undefined ? body : undefined;
}
