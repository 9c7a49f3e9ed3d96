import { printable, systemErrorCode, UserError } from '@slipway/core';

/** What a `UserError` says of a file that cannot be read. */
export function unreadableFile(path: string, cause: unknown, hint?: string): UserError {
  const code = systemErrorCode(cause);
  const what = `${printable(path, 200)} cannot be read (${code ?? 'for an unknown reason'})`;
  return new UserError(code === 'ENOENT' ? 'source-missing' : 'source-unreadable', what, { cause, hint });
}

export function notRegularFile(path: string): UserError {
  return new UserError('source-unreadable', `${printable(path, 200)} is not a regular file`);
}
