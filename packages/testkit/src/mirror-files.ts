import { hash as hashOnce } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  type BlobRecord,
  blobKey,
  classifyKey,
  findRecord,
  formatManifest,
  type Manifest,
  mediaTypes,
  parseManifest,
} from '@slipway/spack-buildcache';
import { clearSign, type TestSigner, takeOffSignature } from './clear-sign.ts';

/** Files of a mirror in a directory, read and written without the code under test. */

export function readObject(directory: string, key: string): Buffer {
  return readFileSync(join(directory, key));
}

export function writeObject(directory: string, key: string, body: string | Uint8Array): void {
  const path = join(directory, key);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, body);
}

/** Stores a blob under the name of its SHA-256 and returns the record that a manifest has of it. */
export function writeBlob(
  directory: string,
  body: Uint8Array,
  mediaType: string,
  compression: 'gzip' | 'none',
): BlobRecord {
  const checksum = hashOnce('sha256', body);
  writeObject(directory, blobKey(checksum), body);
  return { contentLength: body.length, mediaType, compression, checksumAlgorithm: 'sha256', checksum };
}

/** Every file's key, sorted. Symbolic links to directories are not entered. */
export function listKeys(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

/** Keys of the spec manifests, in the order in which Spack lists them. */
export function listSpecManifests(directory: string): string[] {
  return listKeys(directory).filter((key) => classifyKey(key).kind === 'spec-manifest');
}

/** The text of a manifest without its signature. */
export function readManifestText(directory: string, key: string): string {
  return takeOffSignature(readObject(directory, key).toString('utf8'));
}

export function readManifest(directory: string, key: string): Manifest {
  return parseManifest(readManifestText(directory, key));
}

export function isSigned(directory: string, key: string): boolean {
  return existsSync(join(directory, key)) && readObject(directory, key).includes('-----BEGIN PGP SIGNED');
}

/** Writes a manifest, clear-signed when there is a signer. */
export async function writeManifest(
  directory: string,
  key: string,
  manifest: Manifest | string,
  signer?: TestSigner,
): Promise<void> {
  const text = typeof manifest === 'string' ? manifest : formatManifest(manifest);
  writeObject(directory, key, signer === undefined ? text : await clearSign(text, signer));
}

export function requiredRecord(manifest: Manifest, mediaType: string): BlobRecord {
  const record = findRecord(manifest, mediaType);
  if (record === undefined) throw new Error(`the manifest has no ${mediaType}`);
  return record;
}

/** The JSON text of the spec that a manifest names. */
export function readSpecJson(directory: string, manifestKey: string): string {
  const record = requiredRecord(readManifest(directory, manifestKey), mediaTypes.spec);
  return gunzipSync(readObject(directory, blobKey(record.checksum))).toString('utf8');
}

/** Removes the pending invalidations of a mirror or destination, as a proven invalidation does. */
export function forgetInvalidations(directory: string): void {
  rmSync(join(directory, '.slipway/pending-invalidations.v1.json'), { force: true });
}
