import { UserError } from './errors.ts';
import { withoutTrailingSlashes } from './percent-encoding.ts';

const maxUrlCharacters = 4096;

/** Whether a host name from `URL.hostname` always means this machine. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Whether it is safe to send secrets to a URL: `https://`, or `http://` on this machine, without a user name or password. */
export function isSafeEndpoint(url: URL | string): boolean {
  const { protocol, hostname, username, password } = URL.parse(String(url)) ?? { protocol: '' };
  if (hostname === undefined || username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
}

export interface EndpointOptions {
  /** Allow `http://` to other machines too. */
  readonly allowHttp?: boolean;
}

/**
 * The URL of a server without query or fragment, safe unless `allowHttp` is set. Throws a `UserError` that never repeats
 * the text, which may be a secret.
 */
export function parseEndpoint(text: string, { allowHttp = false }: EndpointOptions = {}): URL {
  const url = text.length > maxUrlCharacters ? null : URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw refusal('it is not an http or https URL');
  if (url.username !== '' || url.password !== '')
    throw refusal('it must not contain a user name or password');
  if (!allowHttp && !isSafeEndpoint(url)) {
    throw refusal('it must be an https:// URL (http:// on this machine only)');
  }
  // A query may hold a secret or bypass a cache.
  if (/[?#]/.test(text)) throw refusal('it must not have a query or a fragment');
  return url;
}

/** Like `parseEndpoint`, but returns text without a trailing slash, ready for joining paths. */
export function parseBaseUrl(text: string, options?: EndpointOptions): string {
  return withoutTrailingSlashes(parseEndpoint(text, options).href);
}

function refusal(what: string): UserError {
  return new UserError('input-invalid', what);
}
