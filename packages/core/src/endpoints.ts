import { UserError } from './errors.ts';
import { withoutTrailingSlashes } from './percent-encoding.ts';

const maxUrlCharacters = 4096;

/** Whether a host name, as `URL.hostname` has it, can only be this machine. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Whether secrets may be sent to a URL: `https://`, or `http://` on this machine, without a user name or password in it. */
export function isSafeEndpoint(url: URL | string): boolean {
  const { protocol, hostname, username, password } = URL.parse(String(url)) ?? { protocol: '' };
  if (hostname === undefined || username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
}

export interface EndpointOptions {
  /** Whether `http://` may be used of other machines than this one too. */
  readonly allowHttp?: boolean;
}

/**
 * The URL of a server, safe unless `allowHttp` is set, without a query and a fragment. Throws a `UserError` that says what is
 * wrong with it, and repeats nothing of it: it may be a secret.
 */
export function parseEndpoint(text: string, { allowHttp = false }: EndpointOptions = {}): URL {
  const url = text.length > maxUrlCharacters ? null : URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw refusal('it is not an http or https URL');
  if (url.username !== '' || url.password !== '')
    throw refusal('it must not contain a user name or password');
  if (!allowHttp && !isSafeEndpoint(url)) {
    throw refusal('it must be an https:// URL (http:// on this machine only)');
  }
  // A query may hold a secret, and may bypass a cache.
  if (/[?#]/.test(text)) throw refusal('it must not have a query or a fragment');
  return url;
}

/** As `parseEndpoint`, as text without a slash at its end, for paths to be joined to. */
export function parseBaseUrl(text: string, options?: EndpointOptions): string {
  return withoutTrailingSlashes(parseEndpoint(text, options).href);
}

function refusal(what: string): UserError {
  return new UserError('input-invalid', what);
}
