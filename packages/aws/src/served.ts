import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Clock, mapConcurrently, printable, retrying } from '@slipway/core';
import { bodyFailure, fetchFrom, HttpClient, HttpFailure, lengthOf } from '@slipway/http';

const idleMs = 30_000;
const concurrency = 8;
const maxConnections = 32;
const backoff = { leastMs: 250, baseMs: 500, capMs: 10_000 };
/** Each URL gets this long once, even after the deadline. */
const leastMs = 1_000;
const maxShownHeaderCharacters = 120;
/** The limit for an object of unknown size. */
const maxUnknownBytes = 16 * 2 ** 30;

/** What a URL must serve. */
export interface Expectation {
  readonly url: string;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  readonly sizeBytes?: number | undefined;
}

/** What a URL served last. `details` are headers that show which cache answered, and the age of its answer. */
export type Served =
  | { readonly kind: 'fresh' }
  /** 200 with other bytes; their `sha256` if all were read. */
  | { readonly kind: 'stale'; readonly sha256: string | undefined; readonly details: string }
  | { readonly kind: 'forbidden'; readonly status: number; readonly details: string }
  | { readonly kind: 'missing'; readonly status: number; readonly details: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly details: string };

export interface ProofOptions {
  readonly clock: Clock;
  /** When to stop, in milliseconds since 1970. Each URL is requested at least once. */
  readonly deadlineMs: number;
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Called when a URL is finished. */
  readonly onDone?: ((expectation: Expectation, served: Served) => void) | undefined;
  /** Whether to follow the CDN's redirects; on by default. Otherwise a redirect is a failure. */
  readonly followRedirects?: boolean | undefined;
  /** Whether to stop before the deadline after this answer. */
  readonly isEnough?: ((served: Served, expectation: Expectation) => boolean) | undefined;
}

/**
 * Requests every URL, several at a time, until it serves the expected bytes or the deadline passes, with full jitter. Permanent
 * failures, such as a bad certificate, are not retried. Returns what each served last, in order.
 */
export async function proveServed(
  expectations: readonly Expectation[],
  options: ProofOptions,
): Promise<readonly Served[]> {
  const { clock, deadlineMs, onDone, isEnough } = options;
  const { proxyEnvironment, followRedirects = true } = options;
  const client = new HttpClient({ idleMs, maxConnections, proxyEnvironment });
  const redirects = followRedirects ? 'https' : 'none';
  /** As a user of the CDN would: without a query or header that makes a cache fetch again. */
  const ask = (url: string, signal: AbortSignal): Promise<IncomingMessage> =>
    fetchFrom(client, { url, redirects, signal, what: 'GET' });
  try {
    return await mapConcurrently(expectations, concurrency, async (expectation) => {
      const rule = {
        clock,
        deadlineMs: deadlineMs - clock.nowMs(),
        backoff,
        isTooEarly: ({ served, final }: Asked) =>
          served.kind !== 'fresh' && !final && isEnough?.(served, expectation) !== true,
      };
      const { served } = await retrying(rule, ({ leftMs }) =>
        askOnce(ask, expectation, AbortSignal.timeout(Math.max(leastMs, leftMs))),
      );
      onDone?.(expectation, served);
      return served;
    });
  } finally {
    client.close();
  }
}

/** The answer to one GET; `final` if another would get the same. */
interface Asked {
  readonly served: Served;
  readonly final: boolean;
}

async function askOnce(
  ask: (url: string, signal: AbortSignal) => Promise<IncomingMessage>,
  expectation: Expectation,
  signal: AbortSignal,
): Promise<Asked> {
  let details = '';
  try {
    const answer = await ask(expectation.url, signal);
    details = cacheDetails(answer);
    return { served: await judge(answer, expectation, details, signal), final: false };
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    return { served: { kind: 'failed', reason: error.reason, details }, final: !error.retryable };
  }
}

async function judge(
  answer: IncomingMessage,
  expectation: Expectation,
  details: string,
  signal: AbortSignal,
): Promise<Served> {
  const status = answer.statusCode ?? 0;
  if (status !== 200) {
    answer.destroy();
    if (status === 403 || status === 401) return { kind: 'forbidden', status, details };
    if (status === 404 || status === 410) return { kind: 'missing', status, details };
    return { kind: 'failed', reason: `the server answered ${status}`, details };
  }
  const announced = lengthOf(answer);
  const { sizeBytes, sha256 } = expectation;
  if (sizeBytes !== undefined && announced !== undefined && announced !== sizeBytes) {
    answer.destroy();
    return otherBytes(answer, undefined, details);
  }
  const served = await hashBody(answer, sizeBytes ?? maxUnknownBytes, signal);
  return served === sha256 ? { kind: 'fresh' } : otherBytes(answer, served, details);
}

/**
 * What unexpected bytes mean. Objects stored with a Content-Encoding are always served with it, and are correct if the bytes match;
 * other encoded bytes are an old copy, or were encoded in transit.
 */
function otherBytes({ headers }: IncomingMessage, sha256: string | undefined, details: string): Served {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() === 'identity') return { kind: 'stale', sha256, details };
  const reason = `the body is encoded (${printable(encoding, 20)}) although that was not requested, and differs from what was published: it is an old copy, or was encoded in transit`;
  return { kind: 'failed', reason, details };
}

/** SHA-256 of a body; undefined once it exceeds `maxBytes`. Throws `HttpFailure` if it breaks off. */
async function hashBody(
  response: IncomingMessage,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const hash = createHash('sha256');
  let receivedBytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      receivedBytes += chunk.length;
      if (receivedBytes > maxBytes) return undefined;
      hash.update(chunk);
    }
  } catch (error) {
    throw bodyFailure(error, 'GET', receivedBytes, signal);
  }
  const announced = lengthOf(response);
  if (announced !== undefined && announced !== receivedBytes)
    throw bodyFailure(undefined, 'GET', receivedBytes);
  return hash.digest('hex');
}

/** The headers by which caches identify themselves, printable. */
function cacheDetails({ headers }: IncomingMessage): string {
  const shown = ['age', 'x-cache', 'via', 'x-amz-cf-pop', 'etag', 'last-modified'].flatMap((name) => {
    const value = headers[name];
    if (value === undefined) return [];
    return [`${name}: ${printable(String(value), maxShownHeaderCharacters)}`];
  });
  return shown.join(', ');
}
