import {
  asSlipwayError,
  RemoteError,
  type SlipwayError,
  systemErrorCode,
  systemErrorReason,
  UserError,
} from '@slipway/core';
import { quoted } from '../key-errors.ts';

const transientCodes: ReadonlySet<string> = new Set([
  'EIO',
  'ESTALE',
  'EMFILE',
  'ENFILE',
  'ETIMEDOUT',
  'EAGAIN',
  'EBUSY',
]);

/** Whether a system error says that there is no such file. */
export function isMissing(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG';
}

/** What a failed read means; returns other errors unchanged. Callers handle `ENOENT` themselves. */
export function readError(error: unknown, key: string): SlipwayError {
  const code = failedCallCode(error);
  switch (code) {
    case undefined:
      return asSlipwayError(error);
    case 'EACCES':
    case 'EPERM':
      return new RemoteError('access-denied', `${quoted(key)} cannot be read: ${systemErrorReason(error)}.`, {
        hint: 'Give the user of this job permission to read the file and to enter the directories above it.',
        cause: error,
      });
    case 'ENXIO':
    case 'ENODEV':
    case 'EOPNOTSUPP':
      return notAFile(key, 'a socket or a device');
    default:
      return new RemoteError('store-failed', `${quoted(key)} cannot be read: ${systemErrorReason(error)}.`, {
        hint: 'Check the disk or the network file system that holds it, then run again.',
        retryable: transientCodes.has(code),
        cause: error,
      });
  }
}

export const writableHint =
  'Give the user of this job permission to write there, mount it writable, or choose another location.';

/** What a failed write or removal in `directory` means; returns other errors unchanged. */
export function writeError(error: unknown, key: string, directory: string): SlipwayError {
  const place = `${directory}/${key}`;
  const code = failedCallCode(error);
  switch (code) {
    case undefined:
      return asSlipwayError(error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new UserError(
        'target-read-only',
        `${quoted(place)} cannot be written: ${systemErrorReason(error)}.`,
        { hint: writableHint, cause: error },
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError('disk-full', `${quoted(place)} cannot be written: ${systemErrorReason(error)}.`, {
        hint: 'Free space, or raise the quota, and run again: what was stored before is kept.',
        cause: error,
      });
    case 'ENOTDIR':
    case 'EISDIR':
      return nameTaken(key, error);
    case 'ENAMETOOLONG':
      return new UserError('name-invalid', `${quoted(key)} is too long for this file system.`, {
        cause: error,
      });
    case 'EXDEV':
      return new RemoteError(
        'store-failed',
        `${quoted(key)} is on a different file system from the directory of the store.`,
        {
          hint: 'A store must be on one file system: objects are moved into place by renaming.',
          cause: error,
        },
      );
    default:
      return new RemoteError(
        'store-failed',
        `${quoted(place)} cannot be written: ${systemErrorReason(error)}.`,
        {
          hint: 'Check the disk or the network file system that holds it, then run again.',
          retryable: transientCodes.has(code),
          cause: error,
        },
      );
  }
}

function failedCallCode(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error ? systemErrorCode(error) : undefined;
}

export function nameTaken(key: string, cause?: unknown): UserError {
  return new UserError(
    'name-invalid',
    `${quoted(key)} cannot be stored: a directory and a file would share a name.`,
    {
      hint: 'Move the file or the directory of that name out of the way.',
      cause,
    },
  );
}

export function pathOutside(key: string): UserError {
  return new UserError(
    'path-outside',
    `${quoted(key)} is, or is behind, a symbolic link that leads out of the store.`,
    {
      hint: 'Replace the link by the file itself: a store holds its own files only.',
    },
  );
}

export function notAFile(key: string, what: string): UserError {
  return new UserError('content-invalid', `${quoted(key)} is not a file but ${what}.`, {
    hint: 'Remove it: a store holds files only.',
  });
}
