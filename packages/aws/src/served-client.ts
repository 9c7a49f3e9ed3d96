import type { Agent, IncomingMessage } from 'node:http';
import { isSafeEndpoint, printable, proxyVariables, systemErrorCode } from '@slipway/core';

const maxRedirects = 5;
const maxConnections = 32;
const maxHeaderBytes = 16 * 1024;

/** Why there was no answer that could be read; `final` when asking again would not change it. */
export class NoAnswer extends Error {
  readonly final: boolean;

  constructor(message: string, final: boolean, cause?: unknown) {
    super(message, { cause });
    this.final = final;
  }
}

/** A server's answer with its body unread: whoever has it reads the body or destroys it. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: IncomingMessage;
}

/**
 * Asks for what a user of the CDN would ask for: without a query or a header that makes a cache fetch anew, over connections
 * that are kept, with at most five redirects, which lead to `https://` or, from a loopback host, to one.
 */
export class ServedClient {
  readonly #proxyEnvironment: Readonly<Record<string, string | undefined>> | undefined;
  readonly #idleMs: number;
  readonly #followRedirects: boolean;
  #agents: { readonly http: Agent; readonly https: Agent } | undefined;

  constructor(options: {
    readonly proxyEnvironment: Readonly<Record<string, string | undefined>> | undefined;
    /** How long a connection may be silent. */
    readonly idleMs: number;
    readonly followRedirects: boolean;
  }) {
    this.#proxyEnvironment = options.proxyEnvironment;
    this.#idleMs = options.idleMs;
    this.#followRedirects = options.followRedirects;
  }

  /** The answer after redirects. Throws `NoAnswer`. */
  async get(url: string, signal: AbortSignal): Promise<Answer> {
    let at = new URL(url);
    const plainAllowed = at.protocol === 'http:';
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#getOnce(at, signal);
      const status = response.statusCode ?? 0;
      if (![301, 302, 303, 307, 308].includes(status)) {
        return { status, headers: response.headers, body: response };
      }
      response.destroy();
      if (!this.#followRedirects) throw new NoAnswer(`it redirects (${status}), which is not followed`, true);
      if (redirects === maxRedirects)
        throw new NoAnswer(`it redirects more than ${maxRedirects} times`, true);
      at = redirectTarget(response.headers.location, at, plainAllowed);
    }
  }

  close(): void {
    this.#agents?.http.destroy();
    this.#agents?.https.destroy();
  }

  async #getOnce(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const [http, https] = await Promise.all([import('node:http'), import('node:https')]);
    const agentOptions = {
      keepAlive: true,
      maxSockets: maxConnections,
      ...(this.#proxyEnvironment === undefined ? {} : { proxyEnv: proxyVariables(this.#proxyEnvironment) }),
    };
    this.#agents ??= { http: new http.Agent(agentOptions), https: new https.Agent(agentOptions) };
    const { http: plain, https: secure } = this.#agents;
    return new Promise((resolve, reject) => {
      const isSecure = url.protocol === 'https:';
      const sent = (isSecure ? https : http).get(url, {
        agent: isSecure ? secure : plain,
        headers: { 'accept-encoding': 'identity', 'user-agent': 'slipway' },
        maxHeaderSize: maxHeaderBytes,
        timeout: this.#idleMs,
        signal,
      });
      let response: IncomingMessage | undefined;
      sent.on('timeout', () => {
        (response ?? sent).destroy(new NoAnswer(`${url.host} was silent for ${this.#idleMs} ms`, false));
      });
      sent.on('error', (error) => reject(noAnswer(error, signal)));
      sent.on('response', (incoming) => {
        response = incoming;
        // Whoever reads the body gets the error; while nobody does, it must not end the process.
        incoming.on('error', () => {});
        resolve(incoming);
      });
    });
  }
}

/** What a failed connection, or a body that broke off, means. */
export function noAnswer(error: unknown, signal: AbortSignal): NoAnswer {
  if (error instanceof NoAnswer) return error;
  if (signal.aborted) return new NoAnswer('the time for it is over', false, error);
  const code = systemErrorCode(error) ?? 'no code';
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new NoAnswer(`its headers have more than ${maxHeaderBytes} bytes`, true, error);
  }
  if (code.startsWith('HPE_'))
    return new NoAnswer(`the server does not answer in HTTP (${code})`, true, error);
  if (/CERT|SELF_SIGNED|TLS|SSL|ISSUER|EPROTO/.test(code)) {
    return new NoAnswer(`the connection is not secure (${code})`, true, error);
  }
  return new NoAnswer(`the connection failed (${code})`, false, error);
}

function redirectTarget(location: string | undefined, from: URL, plainAllowed: boolean): URL {
  const to = location === undefined ? null : URL.parse(location, from.href);
  if (to === null) throw new NoAnswer('it redirects to nowhere', true);
  if (isSafeEndpoint(to.href) && (plainAllowed || to.protocol === 'https:')) return to;
  const place = printable(`${to.protocol}//${to.host}`, 100);
  throw new NoAnswer(
    `it redirects to ${place}, where only https:// is followed, without user and password`,
    true,
  );
}
