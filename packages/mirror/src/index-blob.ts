import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { type ObjectStore, UserError, type WriteSource } from '@slipway/core';
import {
  type BlobRecord,
  blobKey,
  maxIndexBytes,
  mediaTypes,
  type PackageIndex,
} from '@slipway/spack-buildcache';
import { writeUnlessConflicting } from './immutable.ts';

/** An index up to this size is built in memory, a larger one in a temporary file. */
const maxIndexBytesInMemory = 32 * 1024 * 1024;

/** Stores an index as a blob and returns its record. Memory does not grow with it beyond 32 MiB. */
export async function storeIndex(store: ObjectStore, index: PackageIndex): Promise<BlobRecord> {
  const hash = createHash('sha256');
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  let spool:
    | {
        readonly directory: string;
        readonly path: string;
        readonly stream: ReturnType<typeof createWriteStream>;
      }
    | undefined;
  try {
    for (const chunk of index.serialize()) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      if (spool === undefined && sizeBytes <= maxIndexBytesInMemory) {
        chunks.push(chunk);
        continue;
      }
      if (spool === undefined) {
        const directory = await mkdtemp(join(tmpdir(), 'slipway-index-'));
        const path = join(directory, 'index.json');
        spool = { directory, path, stream: createWriteStream(path, { mode: 0o600 }) };
        for (const earlier of chunks.splice(0)) spool.stream.write(earlier);
      }
      if (!spool.stream.write(chunk)) await once(spool.stream, 'drain');
    }
    if (spool !== undefined) {
      spool.stream.end();
      await finished(spool.stream);
    }
    const sha256 = hash.digest('hex');
    const source: WriteSource =
      spool === undefined
        ? { kind: 'bytes', bytes: Buffer.concat(chunks) }
        : { kind: 'file', path: spool.path, sizeBytes };
    await storeIndexBlob(store, source, sha256);
    return {
      contentLength: sizeBytes,
      mediaType: mediaTypes.index,
      compression: 'none',
      checksumAlgorithm: 'sha256',
      checksum: sha256,
    };
  } finally {
    if (spool !== undefined) await rm(spool.directory, { recursive: true, force: true });
  }
}

/** One that is there already is read, because a pointer is about to name it (I1), and replaced where it is damaged. */
async function storeIndexBlob(store: ObjectStore, source: WriteSource, sha256: string): Promise<void> {
  const key = blobKey(sha256);
  if (await writeUnlessConflicting(store, key, source, mediaTypes.index, sha256)) return;
  if ((await storedSha256(store, key)) === sha256) return;
  await store.write(key, source, {
    condition: 'any',
    contentType: mediaTypes.index,
    cache: 'immutable',
    sha256,
  });
}

/** The SHA-256 of a stored index; undefined where it is missing or larger than any index. */
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
