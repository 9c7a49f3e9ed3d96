import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type Artifact,
  formatBytes,
  openFlags,
  openFollowingFlags,
  parseArtifacts,
  printable,
  SlipwayError,
  sentence,
  UserError,
} from '@slipway/core';
import { notRegularFile, unreadableFile } from './open-file.ts';

const maxArtifactsBytes = 64 * 2 ** 20;
const chunkBytes = 64 * 1024;

export interface BoundedReadOptions {
  readonly maxBytes: number;
  /** Where a relative path starts. The process's own directory without it. */
  readonly baseDirectory?: string | undefined;
  /** Whether `path` may be a symbolic link. It may, unless this is `false`. */
  readonly followLinks?: boolean | undefined;
}

/**
 * The whole of a regular file. Pipes and devices are never waited for or read, and no more than `maxBytes` and one byte are
 * read even from a file that grows. Throws `UserError` `source-missing`, `source-unreadable` or `too-large`.
 */
export async function readBoundedFile(
  path: string,
  { maxBytes, baseDirectory = '.', followLinks = true }: BoundedReadOptions,
): Promise<Buffer<ArrayBuffer>> {
  try {
    await using file = await open(resolve(baseDirectory, path), followLinks ? openFollowingFlags : openFlags);
    const stats = await file.stat();
    if (!stats.isFile()) throw notRegularFile(path);
    const pieces: Buffer[] = [];
    for (let total = 0, wanted = stats.size; ; wanted = chunkBytes) {
      if (total + wanted > maxBytes) wanted = maxBytes - total;
      if (stats.size > maxBytes || total > maxBytes) throw tooLarge(path, maxBytes);
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(wanted + 1), 0, wanted + 1, total);
      if (bytesRead === 0) return Buffer.concat(pieces);
      pieces.push(buffer.subarray(0, bytesRead));
      total += bytesRead;
    }
  } catch (error) {
    throw error instanceof SlipwayError ? error : unreadableFile(path, error);
  }
}

/** The artifacts that the file of an input `artifacts` lists. Throws as `readBoundedFile` and `parseArtifacts` do. */
export async function readArtifacts(path: string, baseDirectory: string): Promise<readonly Artifact[]> {
  let bytes: Buffer;
  try {
    bytes = await readBoundedFile(path, { maxBytes: maxArtifactsBytes, baseDirectory });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.code, sentence(`The list of artifacts cannot be used: ${error.message}`), {
      hint: 'Give artifacts the output "artifacts" of the step that made the files.',
      cause: error,
    });
  }
  return parseArtifacts(bytes.toString('utf8'));
}

function tooLarge(path: string, maxBytes: number): UserError {
  return new UserError('too-large', `${printable(path, 200)} is larger than ${formatBytes(maxBytes)}`);
}
