import { type FileHandle, open } from 'node:fs/promises';
import { openFlags, printable, SlipwayError, UserError } from '@slipway/core';
import { notRegularFile, unreadableFile } from './open-file.ts';

/** Tells a file from one that was written since: files of the same identity have the same bytes. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
  readonly sizeBytes: number;
  readonly modifiedAtNs: bigint;
  readonly changedAtNs: bigint;
}

export interface StableReadOptions {
  readonly chunkBytes: number;
  /** The size that the file had when it was found. */
  readonly expectedSizeBytes?: number | undefined;
  /** The file must still be this one. */
  readonly expectedIdentity?: FileIdentity | undefined;
  /** Called once, before the first piece. */
  readonly onOpened?: ((identity: FileIdentity) => void) | undefined;
}

/**
 * The bytes of a file in pieces of `chunkBytes`, the last of them shorter, each in memory of its own.
 * Throws `UserError` `content-invalid` when the file changes before its end was read, `source-missing` and
 * `source-unreadable`. Symbolic links are not followed.
 */
export async function* readStable(
  path: string,
  { chunkBytes, expectedSizeBytes, expectedIdentity, onOpened }: StableReadOptions,
): AsyncGenerator<Buffer<ArrayBuffer>, void> {
  const handle = await openFile(path);
  try {
    const identity = await identityOf(handle, path);
    if (expectedSizeBytes !== undefined && expectedSizeBytes !== identity.sizeBytes) throw changed(path);
    if (expectedIdentity !== undefined && !isSame(expectedIdentity, identity)) throw changed(path);
    onOpened?.(identity);
    for (let position = 0; position < identity.sizeBytes; ) {
      const wanted = Math.min(chunkBytes, identity.sizeBytes - position);
      const chunk = await readFully(handle, wanted, position);
      if (chunk === undefined) throw changed(path);
      position += wanted;
      // Checked before the last piece is handed out, so that nobody gets the whole of a file that changed.
      if (position >= identity.sizeBytes && !isSame(identity, await identityOf(handle, path)))
        throw changed(path);
      yield chunk;
    }
  } catch (error) {
    throw error instanceof SlipwayError ? error : unreadableFile(path, error);
  } finally {
    await handle.close();
  }
}

/** Throws `UserError` `content-invalid` unless the file at `path` still has this identity. */
export async function requireUnchanged(path: string, identity: FileIdentity): Promise<void> {
  const handle = await openFile(path);
  try {
    if (!isSame(identity, await identityOf(handle, path))) throw changed(path);
  } finally {
    await handle.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, openFlags);
  } catch (error) {
    throw unreadableFile(path, error);
  }
}

async function identityOf(handle: FileHandle, path: string): Promise<FileIdentity> {
  const stats = await handle.stat({ bigint: true });
  if (!stats.isFile()) throw notRegularFile(path);
  return {
    device: stats.dev,
    inode: stats.ino,
    sizeBytes: Number(stats.size),
    modifiedAtNs: stats.mtimeNs,
    changedAtNs: stats.ctimeNs,
  };
}

function isSame(one: FileIdentity, other: FileIdentity): boolean {
  return (
    one.device === other.device &&
    one.inode === other.inode &&
    one.sizeBytes === other.sizeBytes &&
    one.modifiedAtNs === other.modifiedAtNs &&
    one.changedAtNs === other.changedAtNs
  );
}

/** Undefined when the file ends before. */
async function readFully(
  handle: FileHandle,
  sizeBytes: number,
  position: number,
): Promise<Buffer<ArrayBuffer> | undefined> {
  const buffer = Buffer.allocUnsafeSlow(sizeBytes);
  for (let filled = 0; filled < sizeBytes; ) {
    const { bytesRead } = await handle.read(buffer, filled, sizeBytes - filled, position + filled);
    if (bytesRead === 0) return undefined;
    filled += bytesRead;
  }
  return buffer;
}

function changed(path: string): UserError {
  return new UserError('content-invalid', `${printable(path)} changed while it was being read`, {
    hint: 'Make sure that nothing still writes to the files when this step begins, and run it again.',
  });
}
