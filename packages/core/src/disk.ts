import { constants, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { SlipwayError, systemErrorCode, UserError } from './errors.ts';
import { printable } from './printable.ts';

// Windows has neither of the last two.
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

/** Opens a file for reading without waiting for the writer of a pipe. */
export const openFollowingFlags = O_RDONLY | O_NONBLOCK;
/** The same, and refuses symbolic links. */
export const openFlags = openFollowingFlags | O_NOFOLLOW;

const reasons: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission is denied'],
  ['EPERM', 'the system does not permit it'],
  ['EROFS', 'the disk is mounted read-only'],
  ['ENOSPC', 'no space is left on the disk'],
  ['EDQUOT', 'the disk quota is used up'],
  ['ENOENT', 'there is no such file or directory'],
  ['ENOTDIR', 'a file is where a directory should be'],
  ['EISDIR', 'a directory is where a file should be'],
  ['EEXIST', 'something else has this name'],
  ['ELOOP', 'symbolic links lead in a circle'],
  ['ENAMETOOLONG', 'the name is too long for the file system'],
  ['EIO', 'the disk failed'],
  ['EBUSY', 'it is in use'],
  ['EMFILE', 'this process has too many files open'],
  ['ENFILE', 'this machine has too many files open'],
]);

/** Why a system call failed, with its code: `no space is left on the disk (ENOSPC)`. */
export function systemErrorReason(error: unknown): string {
  const code = systemErrorCode(error);
  if (code === undefined) return 'the system gave no reason';
  const reason = reasons.get(code);
  return reason === undefined ? `the system answered ${code}` : `${reason} (${code})`;
}

export function isDiskFull(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Why `path` cannot be written, as `UserError` `disk-full` or `target-read-only`. Returns a Slipway error unchanged. */
export function writeError(path: string, cause: unknown, hint: string): unknown {
  if (cause instanceof SlipwayError || systemErrorCode(cause) === undefined) return cause;
  return refused(`${printable(path)} cannot be written: ${systemErrorReason(cause)}`, cause, hint);
}

/**
 * Creates a directory and its missing parents. Throws `UserError` `disk-full` or `target-read-only` that names the
 * directory that failed. Node's `recursive` reports `ENOENT` on a read-only disk, and loops for ever on file systems such
 * as /proc that answer `ENOENT` themselves.
 */
export function makeDirectories(path: string, hint: string): void {
  const directory = resolve(path);
  const error = makeOne(directory);
  if (error === undefined) return;
  const above = dirname(directory);
  if (systemErrorCode(error) !== 'ENOENT' || above === directory) throw cannotMake(directory, error, hint);
  if (isDirectory(above)) {
    throw refused(
      `the directory ${printable(directory)} cannot be made: the file system of ${printable(above)} does not support it (ENOENT)`,
      error,
      hint,
    );
  }
  makeDirectories(above, hint);
  const again = makeOne(directory);
  if (again !== undefined) throw cannotMake(directory, again, hint);
}

/** Returns the error, unless the directory exists now. */
function makeOne(directory: string): unknown {
  try {
    mkdirSync(directory);
    return undefined;
  } catch (error) {
    return systemErrorCode(error) !== 'ENOENT' && isDirectory(directory) ? undefined : error;
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function cannotMake(directory: string, cause: unknown, hint: string): UserError {
  const what = `the directory ${printable(directory)} cannot be made: ${systemErrorReason(cause)}`;
  return refused(what, cause, hint);
}

function refused(what: string, cause: unknown, hint: string): UserError {
  return isDiskFull(cause)
    ? new UserError('disk-full', what, { hint: 'Free some space, or choose another location.', cause })
    : new UserError('target-read-only', what, { hint, cause });
}
