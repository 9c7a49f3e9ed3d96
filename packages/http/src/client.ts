import type { Agent, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type Environment, proxyVariables, systemErrorCode, version } from '@slipway/core';
import { connectionFailure, timedOut, unexpected } from './failure.ts';

const maxHeaderBytes = 32 * 1024;

/** A request to one server. Sent as it is: only the headers below and those of HTTP itself are added. */
export interface HttpRequest {
  readonly secure: boolean;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number | undefined;
  /** Path and query, percent-encoded. */
  readonly path: string;
  readonly method: string;
  /** In lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
  /** Describes the request, for errors. */
  readonly what: string;
  /** Aborts the request and the reading of its body. */
  readonly signal?: AbortSignal | undefined;
}

export interface HttpClientOptions {
  /** How long a connection may be silent. */
  readonly idleMs: number;
  /** The number of connections to one server; 64 by default. */
  readonly maxConnections?: number;
  /** Whether to reuse connections; on by default. If the server closes one meanwhile, a request is lost. */
  readonly keepAlive?: boolean;
  /** Proxy variables as in `process.env`; no proxy by default. */
  readonly proxyEnvironment?: Environment | undefined;
}

interface Modules {
  readonly http: typeof import('node:http');
  readonly https: typeof import('node:https');
  readonly agents: { readonly http: Agent; readonly https: Agent };
}

/** Headers of every request. The user agent reveals nothing about the machine. */
const commonHeaders = { 'user-agent': `slipway/${version}`, 'accept-encoding': 'identity' };

/**
 * Sends single requests: no redirects, no retries, no decoding of bodies. Built on Node's own HTTP, which reports whether
 * a failed request can have arrived, sends paths unchanged, and adds nothing to a bundle or its start.
 */
export class HttpClient {
  readonly #options: HttpClientOptions;
  #modules: Promise<Modules> | undefined;

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /** The response, its body unread. Throws `HttpFailure`. */
  async send(request: HttpRequest): Promise<IncomingMessage> {
    this.#modules ??= load(this.#options);
    const { http, https, agents } = await this.#modules;
    const { idleMs } = this.#options;
    const { secure, hostname, port, path, method, signal, what } = request;
    const headers = { ...commonHeaders, ...request.headers };
    const options = {
      hostname,
      port,
      path,
      method,
      headers,
      timeout: idleMs,
      signal,
      maxHeaderSize: maxHeaderBytes,
    };
    return new Promise((resolve, reject) => {
      const sent = begun(request, () =>
        secure
          ? https.request({ ...options, agent: agents.https })
          : http.request({ ...options, agent: agents.http }),
      );
      let socket: Socket | undefined;
      let response: IncomingMessage | undefined;
      const isSent = () => socket !== undefined && !socket.connecting;
      sent.on('socket', (given) => {
        socket = given;
      });
      sent.on('timeout', () => {
        // Data that waits for a slow reader does not count as a silent server.
        if (response === undefined || response.readableLength === 0) {
          (response ?? sent).destroy(
            timedOut(what, `${hostname} was silent for ${idleMs / 1000} s`, isSent()),
          );
        }
      });
      sent.on('error', (error) => {
        reject(
          signal?.aborted === true
            ? timedOut(what, `${hostname} did not answer in time`, isSent())
            : connectionFailure(error, what, shownHost(request, error), isSent()),
        );
      });
      sent.on('response', (incoming) => {
        response = incoming;
        // The reader of the body gets the error; without a reader, it must not end the process.
        incoming.on('error', () => {});
        resolve(incoming);
      });
      sent.end(request.body);
    });
  }

  /** Closes idle connections. */
  close(): void {
    this.#modules?.then(
      ({ agents }) => {
        agents.http.destroy();
        agents.https.destroy();
      },
      () => {},
    );
  }
}

/** The address to request for a URL. */
export function addressOf(url: URL): Pick<HttpRequest, 'secure' | 'hostname' | 'port' | 'path'> {
  return {
    secure: url.protocol === 'https:',
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? undefined : Number(url.port),
    path: url.pathname + url.search,
  };
}

async function load({
  maxConnections = 64,
  keepAlive = true,
  proxyEnvironment,
}: HttpClientOptions): Promise<Modules> {
  const [http, https] = await Promise.all([import('node:http'), import('node:https')]);
  const options = {
    keepAlive,
    maxSockets: maxConnections,
    ...(proxyEnvironment === undefined ? {} : { proxyEnv: proxyVariables(proxyEnvironment) }),
  };
  return { http, https, agents: { http: new http.Agent(options), https: new https.Agent(options) } };
}

/** Starts a request. Throws `HttpFailure` for a header that cannot be sent. */
function begun(
  { what }: HttpRequest,
  begin: () => ReturnType<Modules['http']['request']>,
): ReturnType<Modules['http']['request']> {
  try {
    return begin();
  } catch (error) {
    if (systemErrorCode(error) !== 'ERR_INVALID_CHAR' || !(error instanceof Error)) throw error;
    // Node names the header, not its value. Inputs were checked, so the value comes from a server, such as an ETag.
    throw unexpected(what, `a value from the server cannot be sent back to it (${error.message})`);
  }
}

/** Names the port, even one that is not written in the URL, where nothing listens: it is the thing to check. */
function shownHost({ hostname, port, secure }: HttpRequest, error: Error): string {
  const usualPort = systemErrorCode(error) === 'ECONNREFUSED' ? (secure ? 443 : 80) : undefined;
  const shownPort = port ?? usualPort;
  return shownPort === undefined ? hostname : `${hostname}:${shownPort}`;
}
