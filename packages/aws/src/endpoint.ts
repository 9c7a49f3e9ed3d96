import { isLoopbackHost } from '@slipway/core';

/** Whether secrets may be sent to a URL: it is `https://`, or `http://` to this machine, and has no user in it. */
export function isSafeEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
}
