import { systemErrorReason, writeError } from './disk.ts';
import { InternalError, SlipwayError, systemErrorCode, UserError } from './errors.ts';
import { printable } from './printable.ts';

const hint = 'Check the disk, its permissions, and where TMPDIR and RUNNER_TEMP point.';

/**
 * Returns a Slipway error unchanged, a full, read-only or inaccessible disk as a `UserError`, and anything else as an
 * `InternalError` with the original as its cause.
 */
export function asSlipwayError(error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const refusal = diskRefusal(error);
  if (refusal instanceof SlipwayError) return refusal;
  const message = error instanceof Error ? error.message : String(error);
  return new InternalError(message, { cause: error });
}

function diskRefusal(error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || typeof error.syscall !== 'string')
    return undefined;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : undefined;
  switch (systemErrorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EROFS':
      return writeError(path ?? 'a file', error, hint);
    case 'EACCES':
    case 'EPERM':
      // Without a path it concerns a socket or a signal; a program that fails to start is another matter.
      if (path === undefined || error.syscall.startsWith('spawn')) return undefined;
      return new UserError(
        'source-unreadable',
        `${printable(path)} cannot be used: ${systemErrorReason(error)}`,
        { hint, cause: error },
      );
    default:
      return undefined;
  }
}
