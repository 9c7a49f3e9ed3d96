import { hash as hashOnce } from 'node:crypto';
import { type Clock, isConditionFailed, type ObjectStore, retrying, UserError } from '@slipway/core';
import { readPublicKeys } from '@slipway/signing';
import {
  blobKey,
  classifyKey,
  formatKeyIndex,
  formatManifest,
  keyIndexManifestKey,
  keyManifestKey,
  keyManifestPrefix,
  layoutDocument,
  layoutKey,
  maxManifestBytes,
  mediaTypes,
  parseKeyIndex,
  parseManifest,
  singleBlobManifest,
} from '@slipway/spack-buildcache';
import { writeDocument } from './documents.ts';
import { parsed, storeFinding } from './entry-findings.ts';
import { type Finding, finding } from './findings.ts';
import { writeImmutable } from './immutable.ts';
import { readOrFind } from './index-pointer.ts';
import { openDocument } from './signature-policy.ts';
import { checkSize, missingBlob, tamperedBlob } from './tarball.ts';

const maxKeyBytes = 1024 * 1024;
const maxAttempts = 100;

/** The next publish repairs a key list that was deleted. */
export const keyListHint = 'The next publish stores its keys and updates the list.';

/** The public keys that a mirror or staged tree offers. They prove nothing: only pinned ones are used. */
export interface OfferedKeys {
  readonly keys: readonly {
    readonly fingerprint: string;
    readonly armored: string;
    readonly blobSha256: string;
  }[];
  /** What the key index lists; undefined if there is no key index. */
  readonly indexed: readonly string[] | undefined;
  /** Blobs that key manifests refer to. */
  readonly blobs: readonly string[];
}

/** Reads the keys with these fingerprints (from a listing), or those in the key index if nothing can be listed. */
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
        finding('key-index-mismatch', keyIndexManifestKey, 'it lists something other than a fingerprint'),
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
  const stored = listed && [...listed, ...(await storedSince(store, listed, indexed ?? []))];
  findings.push(...keyIndexFindings(keyIndexManifestKey, stored, indexed));
  return { keys, indexed, blobs };
}

/** Keys in the index that were stored after the listing was read. */
async function storedSince(
  store: ObjectStore,
  listed: readonly string[],
  indexed: readonly string[],
): Promise<readonly string[]> {
  const since: string[] = [];
  for (const fingerprint of indexed) {
    if (listed.includes(fingerprint) || !/^[0-9A-F]{40}$/.test(fingerprint)) continue;
    if (await isThere(store, keyManifestKey(fingerprint))) since.push(fingerprint);
  }
  return since;
}

/** The listing already reported anything that the store refuses, and it is not a key. */
async function isThere(store: ObjectStore, key: string): Promise<boolean> {
  try {
    return (await store.head(key)) !== undefined;
  } catch (error) {
    if (storeFinding(error, key, 'file-unreadable', 'it is too large') === undefined) throw error;
    return false;
  }
}

/** The keys that a listable mirror offers. */
export async function readMirrorKeys(store: ObjectStore, findings: Finding[]): Promise<OfferedKeys['keys']> {
  return (await readOfferedKeys(store, await listFingerprints(store), findings)).keys;
}

/** Fingerprints of the stored keys, sorted. */
async function listFingerprints(store: ObjectStore): Promise<readonly string[]> {
  const fingerprints: string[] = [];
  for await (const { key } of store.list(keyManifestPrefix)) {
    const classified = classifyKey(key);
    if (classified.kind === 'key-manifest') fingerprints.push(classified.fingerprint);
  }
  return fingerprints.sort();
}

/** The public key in an object; undefined unless it holds exactly one. */
export async function readKey(
  body: Uint8Array,
): Promise<{ readonly fingerprint: string; readonly armored: string } | undefined> {
  try {
    const [key, ...more] = await readPublicKeys(Buffer.from(body).toString('utf8'));
    return more.length === 0 ? key : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Checks that the key index at `indexKey` lists exactly the stored keys. No findings if nothing could be listed. */
export function keyIndexFindings(
  indexKey: string,
  listed: readonly string[] | undefined,
  indexed: readonly string[] | undefined,
): Finding[] {
  if (listed === undefined) return [];
  const findings: Finding[] = [];
  for (const fingerprint of indexed ?? []) {
    if (!listed.includes(fingerprint)) {
      findings.push(
        finding('key-index-mismatch', indexKey, `it lists the key ${fingerprint}, which is not stored`),
      );
    }
  }
  for (const fingerprint of listed) {
    if (indexed !== undefined && !indexed.includes(fingerprint)) {
      findings.push(finding('key-unlisted', indexKey, `it leaves out the key ${fingerprint}`));
    }
  }
  if (indexed === undefined && listed.length > 0) {
    findings.push(finding('key-unlisted', indexKey, 'there are keys, but no key index'));
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
    findings.push(finding('key-malformed', key, 'it is signed, but key manifests never are'));
    return undefined;
  }
  const manifest = parsed(key, 'key-malformed', findings, () => parseManifest(opened.text));
  if (manifest === undefined) return undefined;
  // Spack takes the first payload, whatever its media type says.
  const [record] = manifest.data;
  if (record?.mediaType !== mediaType) {
    findings.push(
      finding(
        'key-malformed',
        key,
        `its first payload, which clients take, is not a ${mediaType}`,
        `Find out who wrote it, and delete it${key === keyIndexManifestKey ? '' : ` and ${keyIndexManifestKey}`}. ${keyListHint}`,
      ),
    );
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

/**
 * Adds public keys and lists them in the key index, as `spack gpg publish` does. An existing key is replaced only if
 * its armored text differs (a new expiry, a revocation). Returns the keys of the manifests written.
 */
export async function addPublicKeys(
  store: ObjectStore,
  keys: readonly { readonly fingerprint: string; readonly armored: string }[],
  clock: Clock,
): Promise<readonly string[]> {
  if (keys.length === 0) return [];
  return retrying(
    { clock, maxAttempts, backoff: { baseMs: 20, capMs: 2_000 }, isTransient: isConditionFailed },
    () => writeKeys(store, keys),
  );
}

async function writeKeys(
  store: ObjectStore,
  keys: readonly { readonly fingerprint: string; readonly armored: string }[],
): Promise<readonly string[]> {
  const written: string[] = [];
  for (const { fingerprint, armored } of keys) {
    const key = keyManifestKey(fingerprint);
    if (await replaceDocument(store, key, mediaTypes.key, armored)) written.push(key);
  }
  const index = formatKeyIndex(await listFingerprints(store));
  if (await replaceDocument(store, keyIndexManifestKey, mediaTypes.keyIndex, index))
    written.push(keyIndexManifestKey);
  return written;
}

/** Stores a payload and points its manifest to it, unless it already does. */
async function replaceDocument(
  store: ObjectStore,
  manifestKey: string,
  mediaType: typeof mediaTypes.key | typeof mediaTypes.keyIndex,
  payload: string,
): Promise<boolean> {
  const body = Buffer.from(payload);
  const sha256 = hashOnce('sha256', body);
  const manifest = Buffer.from(formatManifest(singleBlobManifest(mediaType, body.length, sha256)));
  const present = await store.read(manifestKey, { maxBytes: maxManifestBytes });
  if (present !== undefined && Buffer.compare(present.body, manifest) === 0) return false;
  await writeImmutable(store, blobKey(sha256), { kind: 'bytes', bytes: body }, mediaType, sha256);
  const condition = present?.info.etag === undefined ? 'absent' : { etag: present.info.etag };
  await writeDocument(store, manifestKey, manifest, { condition });
  return true;
}

/** Writes `layout.json` if it is missing; without it, Spack does not recognize a mirror. */
export async function ensureLayout(store: ObjectStore): Promise<boolean> {
  if ((await store.head(layoutKey)) !== undefined) return false;
  const bytes = Buffer.from(layoutDocument);
  return writeImmutable(
    store,
    layoutKey,
    { kind: 'bytes', bytes },
    'application/json',
    hashOnce('sha256', bytes),
  );
}
