import { hash } from 'node:crypto';
import fs from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode, systemErrorReason, UserError, type WriteSource } from '@slipway/core';
import { callsFor, type FileCalls, pooledCalls } from './file/calls.ts';
import { notAFile } from './file/errors.ts';
import { quoted } from './key-errors.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = fs.constants;
/** Larger pieces are always read through the pool, whose threads work in parallel with this one. */
const smallBytes = 256 * 1024;

/** The error for a source that does not match its announcement. */
export function otherBytes(key: string, why = 'its bytes have another SHA-256'): UserError {
  return new UserError('content-invalid', `${quoted(key)} was not stored: ${why} than announced.`, {
    hint: 'The source changed after it was checked, or is damaged: stage it again.',
  });
}

/** Opens a source without waiting for a pipe or following a link. */
export async function openSource(calls: FileCalls, key: string, path: string): Promise<number> {
  try {
    return await calls.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const code = systemErrorCode(error);
    const why = code === 'ELOOP' ? 'is a symbolic link' : `cannot be opened: ${systemErrorReason(error)}`;
    throw new UserError(
      'content-invalid',
      `${quoted(key)} was not stored: its source ${quoted(path)} ${why}.`,
      {
        hint: 'Stage the file again, as a plain file that this job may read.',
        cause: error,
      },
    );
  }
}

export async function readSource(
  calls: FileCalls,
  from: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  path: string,
): Promise<number> {
  try {
    return await calls.read(from, buffer, offset, length);
  } catch (error) {
    throw new UserError(
      'content-invalid',
      `The source ${quoted(path)} cannot be read: ${systemErrorReason(error)}.`,
      {
        hint: 'Check the disk that holds it, then stage it again.',
        cause: error,
      },
    );
  }
}

/** The announced size of a source. */
export function sizeOf(source: WriteSource): number {
  return source.kind === 'bytes' ? source.bytes.length : source.sizeBytes;
}

/** Reads a source once, from the start, in pieces. */
export interface SourceReader {
  readonly sizeBytes: number;
  /** The next `length` bytes. Throws `UserError` `content-invalid` if there are fewer. */
  next(length: number): Promise<Uint8Array>;
  /** Throws `UserError` `content-invalid` unless everything was read and the source has not grown. */
  end(): Promise<void>;
  close(): Promise<void>;
}

const localDirectories = new Map<string, FileCalls>();
const maxRememberedDirectories = 10_000;

/** Opens a source for reading. Throws `UserError` `content-invalid` if it is not a file of the announced size. */
export async function openReader(key: string, source: WriteSource): Promise<SourceReader> {
  if (source.kind === 'bytes') return bytesReader(source.bytes);
  const { path, sizeBytes } = source;
  const calls = callsForFile(path);
  const descriptor = await openSource(calls, key, path);
  try {
    const stats = await calls.fstat(descriptor);
    if (!stats.isFile()) throw notAFile(path, 'a directory or a device');
    if (stats.size !== sizeBytes) throw otherBytes(key, 'its source has another size');
  } catch (error) {
    await calls.close(descriptor);
    throw error;
  }
  let readBytes = 0;
  const fill = async (length: number): Promise<Uint8Array> => {
    // Not from Node's pool of small buffers, and not zero-filled.
    const buffer = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const piece = length - filled;
      const count = await readSource(
        piece <= smallBytes ? calls : pooledCalls,
        descriptor,
        buffer,
        filled,
        piece,
        path,
      );
      if (count === 0) break;
      filled += count;
    }
    readBytes += filled;
    return buffer.subarray(0, filled);
  };
  return {
    sizeBytes,
    async next(length) {
      const bytes = await fill(length);
      if (bytes.length !== length) throw otherBytes(key, 'its source has another size');
      return bytes;
    },
    async end() {
      const rest = await fill(1);
      if (readBytes !== sizeBytes || rest.length > 0) throw otherBytes(key, 'its source has another size');
    },
    close: async () => calls.close(descriptor),
  };
}

/** A whole source of at most a part's size, checked. Throws `UserError` `content-invalid` if it does not match. */
export async function readChecked(key: string, source: WriteSource, sha256: string): Promise<Uint8Array> {
  const reader = await openReader(key, source);
  try {
    const bytes = await reader.next(reader.sizeBytes);
    await reader.end();
    if (hash('sha256', bytes) !== sha256) throw otherBytes(key);
    return bytes;
  } finally {
    await reader.close();
  }
}

function bytesReader(bytes: Uint8Array): SourceReader {
  let position = 0;
  return {
    sizeBytes: bytes.length,
    async next(length) {
      const piece = bytes.subarray(position, position + length);
      position += piece.length;
      return piece;
    },
    async end() {},
    async close() {},
  };
}

function callsForFile(path: string): FileCalls {
  const directory = dirname(path);
  let calls = localDirectories.get(directory);
  if (calls === undefined) {
    try {
      calls = callsFor(directory);
    } catch {
      return pooledCalls;
    }
    if (localDirectories.size >= maxRememberedDirectories) localDirectories.clear();
    localDirectories.set(directory, calls);
  }
  return calls;
}
