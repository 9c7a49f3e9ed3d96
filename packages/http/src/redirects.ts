import type { IncomingMessage } from 'node:http';
import { isSafeEndpoint, printable } from '@slipway/core';
import { discard } from './body.ts';
import { addressOf, type HttpClient, type HttpRequest } from './client.ts';
import { HttpFailure } from './failure.ts';

const maxRedirects = 5;
/** The only headers passed on to another host: none of them is secret. */
const harmlessHeaders: ReadonlySet<string> = new Set(['accept', 'if-range', 'if-match', 'range']);

/**
 * Which redirects are followed. `none`: none. `same-origin`: to the same scheme, host and port. `https`: to any
 * `https://` URL, and from this machine to itself by `http://`.
 */
export type RedirectPolicy = 'none' | 'same-origin' | 'https';

export interface FetchRequest extends Pick<HttpRequest, 'what' | 'signal'> {
  readonly url: string | URL;
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  readonly redirects: RedirectPolicy;
}

/**
 * The response to a GET or HEAD, body unread, after at most five redirects. Throws `HttpFailure`, of the kind `redirect`
 * for one that may not be followed.
 */
export async function fetchFrom(client: HttpClient, request: FetchRequest): Promise<IncomingMessage> {
  const { method = 'GET', redirects: policy, what, signal } = request;
  const start = new URL(request.url);
  let url = start;
  for (let redirects = 0; ; redirects += 1) {
    const headers =
      url.origin === start.origin
        ? { ...request.headers }
        : Object.fromEntries(
            Object.entries(request.headers ?? {}).filter(([name]) => harmlessHeaders.has(name)),
          );
    const response = await client.send({ ...addressOf(url), method, headers, what, signal });
    const status = response.statusCode ?? 0;
    if (![301, 302, 303, 307, 308].includes(status)) return response;
    discard(response);
    const refuse = (reason: string) =>
      new HttpFailure('redirect', { what, reason, code: 'unexpected-response', hint: 'Check the URL.' });
    if (policy === 'none') throw refuse(`it redirects (${status}), which is not followed`);
    if (redirects === maxRedirects) throw refuse(`it redirects more than ${maxRedirects} times`);
    const to = URL.parse(response.headers.location ?? '', url.href);
    if (response.headers.location === undefined || to === null) throw refuse('it redirects to nowhere');
    if (!mayFollow(to, start, policy)) {
      const place = printable(`${to.protocol}//${to.host}`, 100);
      const allowed =
        policy === 'https'
          ? 'only https:// without a user name or password is followed'
          : 'another place is not followed';
      throw refuse(`it redirects to ${place}: ${allowed}`);
    }
    url = to;
  }
}

function mayFollow(to: URL, start: URL, policy: RedirectPolicy): boolean {
  if (!isSafeEndpoint(to)) return false;
  return policy === 'same-origin'
    ? to.origin === start.origin
    : to.protocol === 'https:' || start.protocol === 'http:';
}
