import { isLoopbackHost, UserError, withoutTrailingSlashes } from '@slipway/core';

const maxUrlCharacters = 4_096;

/** Whether secrets may be sent to a URL: it is `https://`, or `http://` to this machine, and has no user in it. */
export function isSafeEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
}

export interface ServedUrlOptions {
  /** Whether `http://` may be used of other machines than this one too. */
  readonly allowHttp?: boolean;
}

/** A URL under which files are served. Throws a `UserError` that says what is wrong with it, and repeats nothing of it. */
export function parseServedUrl(text: string, { allowHttp = false }: ServedUrlOptions = {}): URL {
  const url = text.length > maxUrlCharacters ? null : URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw refusal('it is not an http or https URL');
  if (url.username !== '' || url.password !== '') throw refusal('it carries credentials');
  if (!allowHttp && !isSafeEndpoint(url.href)) {
    throw refusal('it must be an https:// URL (http:// on this machine only)');
  }
  // What is in a query may be secret, and may bypass the cache.
  if (/[?#]/.test(text)) throw refusal('it has a query or a fragment');
  return url;
}

/** As `parseServedUrl`, as a text without a slash at its end. */
export function parseBaseUrl(text: string, options?: ServedUrlOptions): string {
  return withoutTrailingSlashes(parseServedUrl(text, options).href);
}

function refusal(what: string): UserError {
  return new UserError('input-invalid', what);
}
