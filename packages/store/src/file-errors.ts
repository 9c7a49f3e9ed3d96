import {
  asSlipwayError,
  printable,
  RemoteError,
  type SlipwayError,
  systemErrorCode,
  UserError,
} from '@slipway/core';

/** `"key"`, safe to print, for messages. */
export function named(key: string): string {
  return `"${printable(key)}"`;
}

const passing: ReadonlySet<string> = new Set([
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

/** What a failed system call of a read means; other errors as they are. `ENOENT` is no failure and never comes here. */
export function readError(error: unknown, key: string): SlipwayError {
  const code = failedCallCode(error);
  switch (code) {
    case undefined:
      return asSlipwayError(error);
    case 'EACCES':
    case 'EPERM':
      return new RemoteError('access-denied', `Reading ${named(key)} was refused (${code}).`, {
        hint: 'Give the user of this job permission to read the file and to enter the directories above it.',
        cause: error,
      });
    case 'ENXIO':
    case 'ENODEV':
    case 'EOPNOTSUPP':
      return notAFile(key, 'a socket or a device');
    default:
      return new RemoteError('store-failed', `Reading ${named(key)} failed (${code}).`, {
        hint: 'Check the disk or the network file system of the mirror, then run again.',
        retryable: passing.has(code),
        cause: error,
      });
  }
}

/** What a failed system call of a write or a removal means; other errors as they are. */
export function writeError(error: unknown, key: string): SlipwayError {
  const code = failedCallCode(error);
  switch (code) {
    case undefined:
      return asSlipwayError(error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new UserError(
        'target-read-only',
        `The mirror cannot be written: ${named(key)} was refused (${code}).`,
        {
          hint: 'Give the user of this job permission to write in the mirror directory, or mount it writable.',
          cause: error,
        },
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError('disk-full', `There is no room left for ${named(key)} (${code}).`, {
        hint: 'Free space, or raise the quota, and run again: what was stored before is kept.',
        cause: error,
      });
    case 'ENOTDIR':
    case 'EISDIR':
      return nameTaken(key, error);
    case 'ENAMETOOLONG':
      return new UserError('name-invalid', `${named(key)} is too long for this file system.`, {
        cause: error,
      });
    case 'EXDEV':
      return new RemoteError(
        'store-failed',
        `${named(key)} lies on another file system than the mirror's root.`,
        {
          hint: 'A mirror must be on one file system: objects are moved into place by renaming.',
          cause: error,
        },
      );
    default:
      return new RemoteError('store-failed', `Writing ${named(key)} failed (${code}).`, {
        hint: 'Check the disk or the network file system of the mirror, then run again.',
        retryable: passing.has(code),
        cause: error,
      });
  }
}

function failedCallCode(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error ? systemErrorCode(error) : undefined;
}

export function nameTaken(key: string, cause?: unknown): UserError {
  return new UserError(
    'name-invalid',
    `${named(key)} cannot be stored: a directory and a file would share a name.`,
    {
      hint: 'Move the file or the directory of that name out of the mirror.',
      cause,
    },
  );
}

export function notAPrefix(prefix: string): UserError {
  return new UserError('name-invalid', `${named(prefix)} cannot be listed: a prefix ends in "/".`);
}

export function pathOutside(key: string): UserError {
  return new UserError(
    'path-outside',
    `${named(key)} is, or lies behind, a symbolic link out of the mirror.`,
    {
      hint: 'Replace the link by the file itself: a mirror holds its own files only.',
    },
  );
}

export function notAFile(key: string, what: string): UserError {
  return new UserError('content-invalid', `${named(key)} is not a file but ${what}.`, {
    hint: 'Remove it: a mirror holds files only.',
  });
}

export function tooLarge(key: string, maxBytes: number): UserError {
  return new UserError(
    'too-large',
    `${named(key)} has more than the ${maxBytes} bytes that are accepted there.`,
  );
}

export function conditionFailed(key: string, what: string): RemoteError {
  return new RemoteError('condition-failed', `${named(key)} ${what}.`, {
    hint: 'Another publisher was faster: read it again and decide anew.',
  });
}
