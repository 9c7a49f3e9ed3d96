import { printable, systemErrorCode, UserError } from '@slipway/core';

/** What a file system said when something was written, as `UserError` `disk-full` or `target-read-only`; anything else as it is. */
export function writeError(path: string, cause: unknown, hint: string): unknown {
  const code = systemErrorCode(cause);
  if (code === undefined) return cause;
  const what = `${printable(path)} cannot be written (${code})`;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new UserError('disk-full', what, { hint: 'Free some space, or name another place for it.', cause })
    : new UserError('target-read-only', what, { hint, cause });
}
