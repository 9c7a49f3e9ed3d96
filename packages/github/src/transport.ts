import type { Environment } from '@slipway/core';
import { addressOf, flatHeaders, HttpClient, readBody, unexpected } from '@slipway/http';

const maxAnswerBytes = 16 * 2 ** 20;

export interface TransportOptions {
  /** The time limit of a request, including its answer. */
  readonly timeoutMs: number;
  readonly proxyEnvironment: Environment | undefined;
}

interface FetchOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/**
 * A `fetch` for octokit without redirects or retries. Each request gets its own connection: a reused one may be closed just as a
 * request is sent. Throws `HttpFailure`.
 */
export function transport({ timeoutMs, proxyEnvironment }: TransportOptions) {
  return async (address: string, { method = 'GET', headers = {}, body }: FetchOptions): Promise<Response> => {
    const client = new HttpClient({ idleMs: timeoutMs, keepAlive: false, proxyEnvironment });
    const signal = AbortSignal.timeout(timeoutMs);
    const what = `${method} to GitHub`;
    try {
      const answer = await client.send({
        ...addressOf(new URL(address)),
        method,
        headers: lowerCased(headers),
        body,
        what,
        signal,
      });
      const bytes = await readBody(answer, { maxBytes: maxAnswerBytes, what, signal });
      const status = answer.statusCode ?? 0;
      if (status < 200 || status > 599) throw unexpected(what, `its status is ${status}`);
      const isBodyless = status === 204 || status === 205 || status === 304;
      return new Response(isBodyless ? null : bytes, { status, headers: flatHeaders(answer) });
    } finally {
      client.close();
    }
  };
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
