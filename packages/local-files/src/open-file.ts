import fs from 'node:fs';
import { printable, systemErrorCode, UserError } from '@slipway/core';

const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;

/** Opens a file for reading without waiting for the writer of a pipe. */
export const openFollowingFlags = O_RDONLY | O_NONBLOCK;
/** The same, and refuses symbolic links. */
export const openFlags = openFollowingFlags | O_NOFOLLOW;

/** What a `UserError` says of a file that cannot be read. */
export function unreadableFile(path: string, cause: unknown, hint?: string): UserError {
  const code = systemErrorCode(cause);
  const what = `${printable(path, 200)} cannot be read (${code ?? 'for an unknown reason'})`;
  return new UserError(code === 'ENOENT' ? 'source-missing' : 'source-unreadable', what, { cause, hint });
}

export function notRegularFile(path: string): UserError {
  return new UserError('source-unreadable', `${printable(path, 200)} is not a regular file`);
}
