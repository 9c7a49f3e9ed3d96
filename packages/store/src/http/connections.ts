import type { Agent, IncomingMessage } from 'node:http';
import { proxyVariables, RemoteError, systemErrorCode } from '@slipway/core';
import { connectionError, timedOut, unexpected } from './errors.ts';

const maxDiscardedBytes = 64 * 1024;

/** One request to one server, all in place: nothing of it is encoded, normalised or added to but by HTTP itself. */
export interface OutgoingRequest {
  readonly secure: boolean;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number | undefined;
  /** Path and query, percent-encoded. */
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** The request in words, for errors. */
  readonly what: string;
  /** Ends the request, and the reading of its body, whatever it is doing. */
  readonly signal?: AbortSignal | undefined;
}

export interface ConnectionOptions {
  /** How long a connection may be silent. */
  readonly idleMs: number;
  readonly maxConnections: number;
  readonly proxyEnvironment: Readonly<Record<string, string | undefined>> | undefined;
}

interface Modules {
  readonly http: typeof import('node:http');
  readonly https: typeof import('node:https');
  readonly agents: { readonly http: Agent; readonly https: Agent };
}

/** Kept-alive connections that carry single requests: no redirects, no repeating, no decoding. */
export class HttpConnections {
  readonly #options: ConnectionOptions;
  #modules: Promise<Modules> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** The response, its body unread. Throws `RemoteError` `unreachable`, `timed-out` or `unexpected-response`. */
  async send(request: OutgoingRequest): Promise<IncomingMessage> {
    this.#modules ??= load(this.#options);
    const { http, https, agents } = await this.#modules;
    const { idleMs } = this.#options;
    const { secure, hostname, port, path, method, headers, signal } = request;
    return new Promise((resolve, reject) => {
      const options = { hostname, port, path, method, headers, timeout: idleMs, signal };
      const sent = begun(request, () =>
        secure
          ? https.request({ ...options, agent: agents.https })
          : http.request({ ...options, agent: agents.http }),
      );
      let response: IncomingMessage | undefined;
      sent.on('timeout', () => {
        // What has arrived and waits for a slow reader is no silence of the server.
        if (response === undefined || response.readableLength === 0) {
          (response ?? sent).destroy(timedOut(request.what, `${hostname} was silent for ${idleMs} ms`));
        }
      });
      sent.on('error', (error) => reject(sayWhy(error, request)));
      sent.on('response', (incoming) => {
        response = incoming;
        // Whoever reads the body gets the error; while nobody does, it must not end the process.
        incoming.on('error', () => {});
        resolve(incoming);
      });
      sent.end(request.body);
    });
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

async function load({ maxConnections, proxyEnvironment }: ConnectionOptions): Promise<Modules> {
  const [http, https] = await Promise.all([import('node:http'), import('node:https')]);
  const options = {
    keepAlive: true,
    maxSockets: maxConnections,
    ...(proxyEnvironment === undefined ? {} : { proxyEnv: proxyVariables(proxyEnvironment) }),
  };
  return { http, https, agents: { http: new http.Agent(options), https: new https.Agent(options) } };
}

/** A request as `begin` begins it. Throws `RemoteError` `unexpected-response` for a header that cannot be sent. */
function begun(
  { what }: OutgoingRequest,
  begin: () => ReturnType<Modules['http']['request']>,
): ReturnType<Modules['http']['request']> {
  try {
    return begin();
  } catch (error) {
    if (systemErrorCode(error) !== 'ERR_INVALID_CHAR' || !(error instanceof Error)) throw error;
    // Node names the header and not its value. Inputs were looked at: what is left is from a server, such as an ETag.
    throw unexpected(what, `what a server gave cannot be sent back to it (${error.message})`);
  }
}

function sayWhy(error: Error, { signal, what, hostname, port, secure }: OutgoingRequest): Error {
  if (error instanceof RemoteError) return error;
  if (signal?.aborted === true) return timedOut(what, 'the time for it is over');
  // Where nothing listens, the port is the thing to look at, also one that is not written in a URL.
  const usualPort = systemErrorCode(error) === 'ECONNREFUSED' ? (secure ? 443 : 80) : undefined;
  const shownPort = port ?? usualPort;
  return connectionError(error, what, shownPort === undefined ? hostname : `${hostname}:${shownPort}`);
}
