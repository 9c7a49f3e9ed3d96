import { createHash, hash as hashOnce } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ObjectStore, UserError, type WriteSource } from '@slipway/core';
import {
  type BlobRecord,
  blobKey,
  indexMediaType,
  maxIndexBytes,
  type PackageIndex,
} from '@slipway/spack-buildcache';
import { writeUnlessConflicting } from './immutable.ts';

/** Indexes up to this size are built in memory, larger ones in a temporary file. */
const maxIndexBytesInMemory = 32 * 1024 * 1024;

/** Stores an index as a blob and returns its record. Above 32 MiB it is never held in memory as a whole. */
export async function storeIndex(store: ObjectStore, index: PackageIndex): Promise<BlobRecord> {
  const { sizeBytes } = index;
  const mediaType = indexMediaType(index.databaseVersion);
  if (sizeBytes <= maxIndexBytesInMemory) {
    const bytes = index.toBytes();
    const sha256 = hashOnce('sha256', bytes);
    await storeIndexBlob(store, { kind: 'bytes', bytes }, mediaType, sha256);
    return recordOf(sizeBytes, mediaType, sha256);
  }
  const directory = await mkdtemp(join(tmpdir(), 'slipway-index-'));
  try {
    const path = join(directory, 'index.json');
    const sha256 = writeIndexFile(index, path);
    await storeIndexBlob(store, { kind: 'file', path, sizeBytes }, mediaType, sha256);
    return recordOf(sizeBytes, mediaType, sha256);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Writes an index to a file in pieces and returns its SHA-256. */
function writeIndexFile(index: PackageIndex, path: string): string {
  const hash = createHash('sha256');
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    for (const chunk of index.serialize()) {
      hash.update(chunk);
      for (let written = 0; written < chunk.length; ) written += writeSync(descriptor, chunk, written);
    }
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}

function recordOf(sizeBytes: number, mediaType: string, sha256: string): BlobRecord {
  return {
    contentLength: sizeBytes,
    mediaType,
    compression: 'none',
    checksumAlgorithm: 'sha256',
    checksum: sha256,
  };
}

/** A pointer is about to name this blob (I1), so an existing one is read, and replaced if damaged. */
async function storeIndexBlob(
  store: ObjectStore,
  source: WriteSource,
  mediaType: string,
  sha256: string,
): Promise<void> {
  const key = blobKey(sha256);
  if (await writeUnlessConflicting(store, key, source, mediaType, sha256)) return;
  if ((await storedSha256(store, key)) === sha256) return;
  await store.write(key, source, {
    condition: 'any',
    contentType: mediaType,
    cache: 'immutable',
    sha256,
  });
}

/** The SHA-256 of a stored index; undefined if it is missing or too large to be an index. */
async function storedSha256(store: ObjectStore, key: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    const stored = await store.readStream(key, { maxBytes: maxIndexBytes });
    if (stored === undefined) return undefined;
    for await (const chunk of stored.body) hash.update(chunk);
    return hash.digest('hex');
  } catch (error) {
    if (error instanceof UserError && error.code === 'too-large') return undefined;
    throw error;
  }
}
