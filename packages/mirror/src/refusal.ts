import { counted, UserError } from '@slipway/core';
import type { Finding } from './findings.ts';

/** Throws `UserError` naming the first error, if there is one. */
export function refuseOnErrors(
  findings: readonly Finding[],
  code: 'buildcache-refused' | 'mirror-refused',
  what: string,
): void {
  const errors = findings.filter((found) => found.severity === 'error');
  const [first] = errors;
  if (first === undefined) return;
  const others = errors.length === 1 ? '' : `, and ${counted(errors.length - 1, 'more problem')}`;
  throw new UserError(
    code,
    `${what}: ${first.key ?? ''}${first.key ? ': ' : ''}${first.message} (${first.code})${others}`,
    {
      hint: first.hint,
    },
  );
}
