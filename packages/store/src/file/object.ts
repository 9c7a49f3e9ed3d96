import { hash } from 'node:crypto';
import { type ObjectInfo, openFlags, systemErrorCode } from '@slipway/core';
import { tooLarge } from '../key-errors.ts';
import { pooledCalls } from './calls.ts';
import { isMissing, notAFile, readError } from './errors.ts';
import { pathOf, type StoreDirectory } from './store-directory.ts';

const streamChunkBytes = 256 * 1024;

/** Describes an entry at a key that is not a file, directory or link, for errors. */
export const notAFileKinds = 'a pipe, a socket or a device';

export interface OpenFile {
  readonly descriptor: number;
  readonly sizeBytes: number;
}

/** Opens an object's file; undefined if it is missing. Never waits for a pipe or follows a link out of the store. */
export async function openFile(tree: StoreDirectory, key: string): Promise<OpenFile | undefined> {
  const path = pathOf(tree, key);
  if (path === undefined) return undefined;
  const descriptor = await openDescriptor(tree, path, key);
  if (descriptor === undefined) return undefined;
  const { calls } = tree;
  let use = false;
  try {
    const stats = await calls.fstat(descriptor);
    if (stats.isDirectory()) return undefined;
    if (!stats.isFile()) throw notAFile(key, notAFileKinds);
    use = true;
    return { descriptor, sizeBytes: stats.size };
  } finally {
    if (!use) await calls.close(descriptor);
  }
}

async function openDescriptor(tree: StoreDirectory, path: string, key: string): Promise<number | undefined> {
  try {
    return await tree.calls.open(path, openFlags);
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (systemErrorCode(error) !== 'ELOOP') throw error;
    const target = tree.followLink(path, key);
    return target === undefined ? undefined : tree.calls.open(target, openFlags);
  }
}

export function etagOf(sha256: string): string {
  return `"${sha256}"`;
}

/** Computes the ETag only when it is read: most readers of small objects ignore it, and hashing costs as much as reading. */
export function infoWithEtag(key: string, body: Uint8Array): ObjectInfo {
  let etag: string | undefined;
  return {
    key,
    sizeBytes: body.length,
    get etag() {
      etag ??= etagOf(hash('sha256', body));
      return etag;
    },
  };
}

/** The content of an open file, at most `maxBytes`; closes it at the end. */
export async function* chunksOf(
  descriptor: number,
  key: string,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let totalBytes = 0;
  try {
    for (;;) {
      const chunk = new Uint8Array(streamChunkBytes);
      const count = await pooledCalls.read(descriptor, chunk, 0, chunk.length);
      if (count === 0) return;
      totalBytes += count;
      if (totalBytes > maxBytes) throw tooLarge(key, maxBytes);
      yield chunk.subarray(0, count);
    }
  } catch (error) {
    throw readError(error, key);
  } finally {
    await pooledCalls.close(descriptor);
  }
}
