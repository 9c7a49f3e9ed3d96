import { hash } from 'node:crypto';
import { dirname } from 'node:path';
import { openFlags, systemErrorCode, systemErrorReason, UserError, type WriteSource } from '@slipway/core';
import { callsFor, type FileCalls, pooledCalls } from './file/calls.ts';
import { notAFile } from './file/errors.ts';
import { quoted } from './key-errors.ts';

/** Larger pieces are always read through the pool, whose threads work in parallel with this one. */
const smallBytes = 256 * 1024;

/** The error for a source that does not match its announcement. */
export function otherBytes(key: string, why = 'its bytes have another SHA-256'): UserError {
  return new UserError('content-invalid', `${quoted(key)} was not stored: ${why} than announced.`, {
    hint: 'The source changed after it was checked, or is damaged: stage it again.',
  });
}

/** The announced size of a source. */
export function sizeOf(source: WriteSource): number {
  return source.kind === 'bytes' ? source.bytes.length : source.sizeBytes;
}

/** Reads a source once, from the start, in pieces. */
export interface SourceReader {
  readonly sizeBytes: number;
  /** The next `length` bytes, in `into` or in memory of their own. Throws `UserError` `content-invalid` if there are fewer. */
  next(length: number, into?: Uint8Array): Promise<Uint8Array>;
  /** Throws `UserError` `content-invalid` unless everything was read and the source has not grown. */
  end(): Promise<void>;
  close(): Promise<void>;
}

const localDirectories = new Map<string, FileCalls>();
const maxRememberedDirectories = 10_000;

/**
 * Opens a source for reading. Throws `UserError` `content-invalid` if it is not a file of the announced size. It does not use
 * `readStable`, which makes every call through the pool: most sources are small, and their SHA-256 shows any change.
 */
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
  const fill = async (buffer: Uint8Array): Promise<number> => {
    let filled = 0;
    while (filled < buffer.length) {
      const piece = buffer.length - filled;
      const { read } = piece <= smallBytes ? calls : pooledCalls;
      const count = await read(descriptor, buffer, filled, piece);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  };
  const read = async (buffer: Uint8Array, expectedBytes: number): Promise<void> => {
    let count: number;
    try {
      count = await fill(buffer);
    } catch (error) {
      throw new UserError(
        'content-invalid',
        `The source ${quoted(path)} cannot be read: ${systemErrorReason(error)}.`,
        { hint: 'Check the disk that holds it, then stage it again.', cause: error },
      );
    }
    if (count !== expectedBytes) throw otherBytes(key, 'its source has another size');
  };
  let leftBytes = sizeBytes;
  return {
    sizeBytes,
    // Not from Node's pool of small buffers, and not zero-filled.
    async next(length, into = Buffer.allocUnsafeSlow(length)) {
      const bytes = into.subarray(0, length);
      await read(bytes, length);
      leftBytes -= length;
      return bytes;
    },
    async end() {
      await read(new Uint8Array(1), 0);
      if (leftBytes !== 0) throw otherBytes(key, 'its source has another size');
    },
    close: async () => calls.close(descriptor),
  };
}

/** Opens a source without waiting for a pipe or following a link. */
async function openSource(calls: FileCalls, key: string, path: string): Promise<number> {
  try {
    return await calls.open(path, openFlags);
  } catch (error) {
    const code = systemErrorCode(error);
    const why = code === 'ELOOP' ? 'is a symbolic link' : `cannot be opened: ${systemErrorReason(error)}`;
    throw new UserError(
      'content-invalid',
      `${quoted(key)} was not stored: its source ${quoted(path)} ${why}.`,
      { hint: 'Stage the file again, as a plain file that this job may read.', cause: error },
    );
  }
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
