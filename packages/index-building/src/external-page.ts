import {
  type Clock,
  isLoopbackHost,
  printable,
  RemoteError,
  type RemoteErrorCode,
  retrying,
  SlipwayError,
  sentence,
} from '@slipway/core';
import type { PageSource } from '@slipway/simple-index';
import type { HttpAnswer, HttpGet, HttpPort } from './http-port.ts';

/** As pip asks for pages: JSON, or HTML where there is none (PEP 691). */
const accept =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01';
const formats: ReadonlyMap<string, PageSource['format']> = new Map([
  ['application/vnd.pypi.simple.v1+json', 'json'],
  ['application/vnd.pypi.simple.v1+html', 'html'],
  ['text/html', 'html'],
]);
/** The largest pages of PyPI have some megabytes. */
const maxBodyBytes = 2 ** 25;
const maxRedirects = 5;
const maxUrlCharacters = 2_000;
const attemptMs = 30_000;
const maxAttempts = 4;
const backoff = { baseMs: 500, capMs: 8_000 };
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The page of a project as another index gave it; `unchanged` if it is still the one with the ETag that was known. */
export type ExternalPage =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'page'; readonly source: PageSource; readonly etag: string | null };

/**
 * Asks another index for the page of a project; a failure that may pass is tried again. Throws `RemoteError`: `not-served` if the index
 * does not have the project, `unexpected-response` for an answer of no use, and what the port throws.
 */
export async function readExternalPage(
  http: HttpPort,
  clock: Clock,
  url: string,
  knownEtag: string | null,
): Promise<ExternalPage> {
  return retrying({ clock, backoff, maxAttempts }, () => readOnce(http, clock, url, knownEtag));
}

async function readOnce(
  http: HttpPort,
  clock: Clock,
  start: string,
  knownEtag: string | null,
): Promise<ExternalPage> {
  const signal = AbortSignal.timeout(attemptMs);
  const headers = { accept, ...(knownEtag === null ? {} : { 'if-none-match': knownEtag }) };
  let url = start;
  for (let number = 0; ; number += 1) {
    // An ETag is that of one server.
    const isSame = new URL(url).origin === new URL(start).origin;
    const answer = await send(http, { url, headers: isSame ? headers : { accept }, signal });
    const { status, header } = answer;
    if (redirects.has(status)) {
      await answer.cancel();
      if (number === maxRedirects) throw unexpected(start, `it redirects more than ${maxRedirects} times`);
      url = redirectTarget(start, url, header('location'));
      continue;
    }
    if (status === 304 && isSame && knownEtag !== null) {
      await answer.cancel();
      return { kind: 'unchanged' };
    }
    if (status !== 200) {
      await answer.cancel();
      throw refusal(start, status, header('retry-after'), clock.nowMs());
    }
    const type = (header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
    const format = formats.get(type);
    if (format === undefined) {
      await answer.cancel();
      throw unexpected(
        start,
        `its answer has the content type "${printable(type, 80)}", which is not that of a page`,
      );
    }
    const bytes = await bodyOf(answer, start);
    // Only where the next request is sent with it.
    return { kind: 'page', source: { url, format, bytes }, etag: isSame ? etagOf(header('etag')) : null };
  }
}

async function send(http: HttpPort, request: HttpGet): Promise<HttpAnswer> {
  try {
    return await http(request);
  } catch (error) {
    throw broken(request.url, error);
  }
}

async function bodyOf({ body, header }: HttpAnswer, url: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of body) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBodyBytes) throw unexpected(url, `its page has more than ${maxBodyBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw broken(url, error);
  }
  const length = header('content-length');
  const isPlain = (header('content-encoding') ?? 'identity') === 'identity';
  if (isPlain && length !== undefined && length !== String(sizeBytes))
    throw broken(url, new Error('the body was cut off'));
  return Buffer.concat(chunks);
}

/** From `https` only to `https`; from `http` also to `http`, but not from another machine to this one. */
function redirectTarget(start: string, from: string, location: string | undefined): string {
  const to = location === undefined ? null : URL.parse(location, from);
  if (to === null) throw unexpected(start, 'it redirects to nowhere');
  const first = new URL(start);
  const isAllowed =
    (to.protocol === 'https:' || (to.protocol === 'http:' && first.protocol === 'http:')) &&
    to.username === '' &&
    to.password === '' &&
    to.href.length <= maxUrlCharacters &&
    (!isLoopbackHost(to.hostname) || isLoopbackHost(first.hostname));
  if (!isAllowed) {
    const place = printable(`${to.protocol}//${to.host}`, 100);
    throw unexpected(start, `it redirects to ${place}, which is not followed`);
  }
  to.hash = '';
  return to.href;
}

function refusal(url: string, status: number, wait: string | undefined, nowMs: number): RemoteError {
  if (status === 404 || status === 410) {
    return failure('not-served', url, `the index does not have the project (${status})`, {
      hint: 'Check the name of the project and the URL of the index.',
    });
  }
  if (status === 401 || status === 403) {
    return failure('access-denied', url, `the index refuses access (${status})`, {
      hint: 'Only public indexes can be copied.',
    });
  }
  if (status === 408 || status === 429 || status >= 500) {
    return failure('unexpected-response', url, `the index answers ${status}`, {
      hint: 'Run again later.',
      retryable: true,
      retryAfterMs: waitMs(wait, nowMs),
    });
  }
  return unexpected(url, `the index answers ${status}`);
}

/** Seconds or a date (RFC 9110, 10.2.3). */
function waitMs(text: string | undefined, nowMs: number): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const dateMs = Date.parse(text);
  return Number.isNaN(dateMs) ? 0 : Math.max(0, dateMs - nowMs);
}

/** An ETag that can be sent back as it is (RFC 9110, 8.8.3). */
function etagOf(text: string | undefined): string | null {
  return text !== undefined && /^(?:W\/)?"[\x21\x23-\x7e]{0,200}"$/.test(text) ? text : null;
}

function broken(url: string, error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const reason = error instanceof Error ? printable(error.message, 200) : 'unknown reason';
  return failure('unreachable', url, `the connection failed (${reason})`, {
    hint: 'Check the URL and the network, and run again.',
    retryable: true,
    cause: error,
  });
}

function unexpected(url: string, reason: string): RemoteError {
  return failure('unexpected-response', url, reason, { hint: 'Check the URL of the index.' });
}

function failure(
  code: RemoteErrorCode,
  url: string,
  reason: string,
  details: ConstructorParameters<typeof RemoteError>[2],
): RemoteError {
  return new RemoteError(code, sentence(`${printable(url, 300)}: ${reason}`), details);
}
