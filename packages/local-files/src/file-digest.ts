import { createHash, hash } from 'node:crypto';
import fs from 'node:fs';
import { openFlags, systemErrorCode } from '@slipway/core';

/** The digest of a file, or why there is none. */
export type FileDigest =
  | { readonly kind: 'digest'; readonly sizeBytes: number; readonly sha256: string }
  | { readonly kind: 'changing' }
  | { readonly kind: 'unreadable'; readonly code: string };

const chunkBytes = 1024 * 1024;

/** One for each thread: nothing else runs while a file is read into it. */
let sharedBuffer: Uint8Array | undefined;

/**
 * Reads and hashes a regular file, which must be the same file of the same size and time before and after. Symbolic links are
 * not followed. The calls block.
 */
export function digestFile(path: string): FileDigest {
  sharedBuffer ??= new Uint8Array(chunkBytes);
  const buffer = sharedBuffer;
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, openFlags);
  } catch (error) {
    return unreadable(error);
  }
  try {
    const before = fs.fstatSync(descriptor);
    if (!before.isFile()) return { kind: 'unreadable', code: 'not a regular file' };
    const sha256 =
      before.size < buffer.length
        ? digestSmall(descriptor, before.size, buffer)
        : digestLarge(descriptor, before.size, buffer);
    const after = fs.fstatSync(descriptor);
    if (sha256 === undefined || after.size !== before.size || after.mtimeMs !== before.mtimeMs) {
      return { kind: 'changing' };
    }
    return { kind: 'digest', sizeBytes: before.size, sha256 };
  } catch (error) {
    return unreadable(error);
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * Whether `path` is a regular file of this size and SHA-256. The calls block. False for a symbolic link, and for anything that
 * cannot be read.
 */
export function hasContents(
  path: string,
  { sizeBytes, sha256 }: { readonly sizeBytes: number; readonly sha256: string },
): boolean {
  if (fs.lstatSync(path, { throwIfNoEntry: false })?.size !== sizeBytes) return false;
  const digest = digestFile(path);
  return digest.kind === 'digest' && digest.sizeBytes === sizeBytes && digest.sha256 === sha256;
}

/** The first bytes of a file, at most `maxBytes`. Symbolic links are not followed. Throws what the file system does. */
export function readFileStart(path: string, maxBytes: number): Buffer {
  const descriptor = fs.openSync(path, openFlags);
  try {
    const buffer = Buffer.alloc(maxBytes);
    return buffer.subarray(0, fs.readSync(descriptor, buffer, 0, maxBytes, 0));
  } finally {
    fs.closeSync(descriptor);
  }
}

/** One read, of a byte more than there should be; undefined when there is another number of them. */
function digestSmall(descriptor: number, sizeBytes: number, buffer: Uint8Array): string | undefined {
  let filled = 0;
  for (;;) {
    const count = fs.readSync(descriptor, buffer, filled, sizeBytes + 1 - filled, null);
    filled += count;
    if (count === 0 || filled > sizeBytes) break;
  }
  return filled === sizeBytes ? hash('sha256', buffer.subarray(0, filled)) : undefined;
}

function digestLarge(descriptor: number, sizeBytes: number, buffer: Uint8Array): string | undefined {
  const digest = createHash('sha256');
  let total = 0;
  for (;;) {
    const count = fs.readSync(descriptor, buffer, 0, buffer.length, null);
    if (count === 0) break;
    total += count;
    // A file that grows as fast as it is read would never end.
    if (total > sizeBytes) return undefined;
    digest.update(buffer.subarray(0, count));
  }
  return total === sizeBytes ? digest.digest('hex') : undefined;
}

function unreadable(error: unknown): FileDigest {
  return { kind: 'unreadable', code: systemErrorCode(error) ?? 'for an unknown reason' };
}
