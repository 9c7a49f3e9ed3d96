import type { IncomingMessage } from 'node:http';
import { isLoopbackHost } from '@slipway/core';
import { discard, HttpConnections } from './connections.ts';
import { unexpected } from './errors.ts';

const maxRedirects = 5;
const maxConnections = 64;

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The request in words, for errors. */
  readonly what: string;
  /** Ends the request, and the reading of its body, whatever it is doing. */
  readonly signal?: AbortSignal | undefined;
}

export interface HttpClientOptions {
  /** How long a connection may be silent. */
  readonly idleMs: number;
  readonly proxyEnvironment: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Sends single requests over kept-alive connections and follows redirects. Built on Node's own HTTP, which is there
 * without loading anything (the `undici` package would add half a megabyte and its start-up time to every bundle), never
 * decodes a body, and leaves redirects to us. Repeating is the store's: it knows what may be repeated.
 */
export class HttpClient {
  readonly #connections: HttpConnections;

  constructor(options: HttpClientOptions) {
    this.#connections = new HttpConnections({ ...options, maxConnections });
  }

  /**
   * The response to a request, its body unread, after at most five redirects. They may lead to `https://` alone, or to
   * loopback hosts when the request was to one. Throws `RemoteError` `unreachable`, `timed-out` or `unexpected-response`.
   */
  async send(request: HttpRequest): Promise<IncomingMessage> {
    let url = new URL(request.url);
    const plainAllowed = url.protocol === 'http:';
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#connections.send({
        ...addressOf(url),
        method: request.method,
        headers: { 'accept-encoding': 'identity', 'user-agent': 'slipway', ...request.headers },
        what: request.what,
        signal: request.signal,
      });
      const status = response.statusCode ?? 0;
      if (![301, 302, 303, 307, 308].includes(status)) return response;
      discard(response);
      if (redirects === maxRedirects) throw unexpected(request.what, `more than ${maxRedirects} redirects`);
      url = redirectTarget(response.headers.location, url, plainAllowed, request.what);
    }
  }
}

/** Where a URL's request goes. */
export function addressOf(url: URL): {
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number | undefined;
  readonly path: string;
} {
  return {
    secure: url.protocol === 'https:',
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? undefined : Number(url.port),
    path: url.pathname + url.search,
  };
}

function redirectTarget(location: string | undefined, from: URL, plainAllowed: boolean, what: string): URL {
  const to = location === undefined ? null : URL.parse(location, from.href);
  if (to === null) throw unexpected(what, 'the server redirects to nowhere');
  const allowed =
    to.protocol === 'https:' || (to.protocol === 'http:' && plainAllowed && isLoopbackHost(to.hostname));
  if (!allowed)
    throw unexpected(what, `the server redirects to ${to.protocol}// where only https:// is followed`);
  if (to.username !== '' || to.password !== '')
    throw unexpected(what, 'the server redirects to a URL with credentials');
  return to;
}
