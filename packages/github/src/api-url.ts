import { isLoopbackHost, withoutTrailingSlashes } from '@slipway/core';

export const publicApiUrl = 'https://api.github.com';

/**
 * The URL of a REST API, without a slash at its end: `https://api.github.com`, or `https://HOST/api/v3` of GitHub Enterprise
 * Server. Throws an `Error` for one that a token must not be sent to.
 */
export function parseApiUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) throw new Error('it is no URL');
  const safe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
  if (!safe || url.username !== '' || url.password !== '') {
    throw new Error('it must be an https:// URL (http:// for this machine alone) without user and password');
  }
  if (/[?#]/.test(text)) throw new Error('it has a query or a fragment');
  return withoutTrailingSlashes(url.href);
}
