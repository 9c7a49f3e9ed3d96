import type { Agent, IncomingMessage } from 'node:http';
import { RemoteError } from '@slipway/core';
import { connectionError, timedOut, unexpected } from './http-errors.ts';
import { isLoopbackHost } from './url.ts';

const maxRedirects = 5;
const maxConnections = 64;
const maxDiscardedBytes = 64 * 1024;

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
  readonly #options: HttpClientOptions;
  #agents: Promise<{ readonly http: Agent; readonly https: Agent }> | undefined;

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /**
   * The response to a request, its body unread, after at most five redirects. They may lead to `https://` alone, or to
   * loopback hosts when the request was to one. Throws `RemoteError` `unreachable`, `timed-out` or `unexpected-response`.
   */
  async send(request: HttpRequest): Promise<IncomingMessage> {
    let url = new URL(request.url);
    const plainAllowed = url.protocol === 'http:';
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#sendOnce(url, request);
      const status = response.statusCode ?? 0;
      if (![301, 302, 303, 307, 308].includes(status)) return response;
      discard(response);
      if (redirects === maxRedirects) throw unexpected(request.what, `more than ${maxRedirects} redirects`);
      url = redirectTarget(response.headers.location, url, plainAllowed, request.what);
    }
  }

  async #sendOnce(url: URL, request: HttpRequest): Promise<IncomingMessage> {
    const [http, https] = await Promise.all([import('node:http'), import('node:https')]);
    this.#agents ??= this.#makeAgents();
    const agents = await this.#agents;
    const { idleMs } = this.#options;
    return new Promise((resolve, reject) => {
      const secure = url.protocol === 'https:';
      const sent = (secure ? https : http).request(url, {
        method: request.method,
        agent: secure ? agents.https : agents.http,
        headers: { 'accept-encoding': 'identity', 'user-agent': 'slipway', ...request.headers },
        timeout: idleMs,
        signal: request.signal,
      });
      let response: IncomingMessage | undefined;
      sent.on('timeout', () => {
        // What has arrived and waits for a slow reader is no silence of the server.
        if (response === undefined || response.readableLength === 0) {
          (response ?? sent).destroy(timedOut(request.what, `${url.host} was silent for ${idleMs} ms`));
        }
      });
      sent.on('error', (error) => {
        reject(sayWhy(error, url, request));
      });
      sent.on('response', (incoming) => {
        response = incoming;
        // Whoever reads the body gets the error; while nobody does, it must not end the process.
        incoming.on('error', () => {});
        resolve(incoming);
      });
      sent.end();
    });
  }

  async #makeAgents(): Promise<{ readonly http: Agent; readonly https: Agent }> {
    const [http, https] = await Promise.all([import('node:http'), import('node:https')]);
    const { proxyEnvironment } = this.#options;
    const options = {
      keepAlive: true,
      maxSockets: maxConnections,
      ...(proxyEnvironment === undefined ? {} : { proxyEnv: { ...proxyEnvironment } }),
    };
    return { http: new http.Agent(options), https: new https.Agent(options) };
  }
}

/** Lets go of a body nobody wants: a short one is read so that its connection can be used again. */
export function discard(response: IncomingMessage): void {
  let discardedBytes = 0;
  response.on('data', (chunk: Buffer) => {
    discardedBytes += chunk.length;
    if (discardedBytes > maxDiscardedBytes) response.destroy();
  });
}

function sayWhy(error: Error, url: URL, request: HttpRequest): Error {
  if (error instanceof RemoteError) return error;
  if (request.signal?.aborted === true) return timedOut(request.what, 'the time for it is over');
  return connectionError(error, request.what, url.host);
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
