import { printable, RemoteError, UserError } from '@slipway/core';

/** `"key"`, printable. */
export function quoted(key: string): string {
  return `"${printable(key)}"`;
}

export function requestName(method: string, key: string): string {
  return `${method} ${quoted(key)}`;
}

export function notAPrefix(prefix: string): UserError {
  return new UserError('name-invalid', `${quoted(prefix)} cannot be listed: a prefix ends in "/".`);
}

export function tooLarge(key: string, maxBytes: number): UserError {
  return new UserError('too-large', `${quoted(key)} is larger than the limit of ${maxBytes} bytes.`);
}

export function conditionFailed(key: string, what: string): RemoteError {
  return new RemoteError('condition-failed', `${quoted(key)} ${what}.`, {
    hint: 'Another publisher was faster: read it again, then retry.',
  });
}
