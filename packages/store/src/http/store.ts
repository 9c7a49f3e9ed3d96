import type { IncomingMessage } from 'node:http';
import {
  assertKey,
  type Clock,
  encodeKey,
  type ObjectInfo,
  type ObjectStore,
  RemoteError,
  retrying,
  retryNotices,
  type StoredObject,
  type StoredStream,
  systemClock,
  UserError,
} from '@slipway/core';
import {
  discard,
  type FetchRequest,
  fetchFrom,
  HttpClient,
  isTransientStatus,
  lengthOf,
  readBody,
  retryAfterMs,
  unexpected,
} from '@slipway/http';
import { quoted, requestName, tooLarge } from '../key-errors.ts';
import { continuedBody } from './resumed-body.ts';

const maxAttempts = 5;
const backoff = { baseMs: 250, capMs: 10_000 };

export interface HttpsStoreOptions {
  readonly clock?: Clock | undefined;
  /** Proxy variables as in `process.env`; no proxy by default. */
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>> | undefined;
  /** How long a connection may be silent: 30 seconds by default. */
  readonly idleMs?: number | undefined;
  /** Called now and then with what failed and is retried. */
  readonly onRetry?: ((reason: string) => void) | undefined;
  /** The time limit for `head` and `read` with all retries, and for the start of a stream: 5 minutes by default. */
  readonly deadlineMs?: number | undefined;
}

/**
 * A read-only mirror behind an HTTPS server or a CDN. 404 and 410 mean a missing object; 5xx, 429, resets and cut bodies
 * are retried up to four times, with full jitter and as `Retry-After` says, up to a minute.
 */
export class HttpsStore implements ObjectStore {
  readonly url: string;
  readonly writable = false;
  readonly listable = false;
  readonly #baseUrl: string;
  readonly #client: HttpClient;
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #onRetry: ((error: unknown, waitMs: number) => void) | undefined;

  /** `baseUrl` has no trailing slash, query, fragment or credentials. */
  constructor(url: string, baseUrl: string, options: HttpsStoreOptions = {}) {
    this.url = url;
    this.#baseUrl = baseUrl;
    this.#clock = options.clock ?? systemClock;
    this.#deadlineMs = options.deadlineMs ?? 300_000;
    this.#onRetry = options.onRetry && retryNotices(this.#clock, options.onRetry);
    this.#client = new HttpClient({
      idleMs: options.idleMs ?? 30_000,
      proxyEnvironment: options.proxyEnvironment,
    });
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const request = this.#requestFor('HEAD', key);
    return this.#retrying(async (signal) => {
      const response = await this.#found({ ...request, signal });
      if (response === undefined) return undefined;
      discard(response);
      return infoOf(key, response, request.what);
    });
  }

  async read(key: string, options: { readonly maxBytes: number }): Promise<StoredObject | undefined> {
    const request = this.#requestFor('GET', key);
    return this.#retrying(async (signal) => {
      const response = await this.#found({ ...request, signal });
      if (response === undefined) return undefined;
      const { maxBytes } = options;
      const { what } = request;
      const body = await readBody(response, {
        maxBytes,
        what,
        signal,
        tooLarge: () => tooLarge(key, maxBytes),
      });
      return { info: { key, sizeBytes: body.length, etag: response.headers.etag }, body };
    });
  }

  /**
   * If the server sends a strong ETag, a broken stream is resumed where it broke, so that all parts are of the same
   * object. The connection stays open until the stream ends or is left by `break`, `return` or `throw`.
   */
  async readStream(key: string, options: { readonly maxBytes: number }): Promise<StoredStream | undefined> {
    const request = this.#requestFor('GET', key);
    const response = await this.#retrying(() => this.#found(request));
    if (response === undefined) return undefined;
    const info = infoOf(key, response, request.what);
    if (info.sizeBytes > options.maxBytes) {
      response.destroy();
      throw tooLarge(key, options.maxBytes);
    }
    // Without a strong ETag, the rest may be of another object.
    const resume =
      info.etag?.startsWith('"') === true
        ? (from: number, failure: RemoteError) => this.#resume(request, from, info, failure)
        : undefined;
    const { what } = request;
    return {
      info,
      body: continuedBody(response, { sizeBytes: info.sizeBytes, what, clock: this.#clock, resume }),
    };
  }

  list(prefix: string): AsyncIterable<ObjectInfo> {
    const next = async (): Promise<never> => {
      throw new UserError(
        'not-supported',
        `${quoted(prefix)} cannot be listed: https:// stores have no listing.`,
        {
          hint: 'Use the file:// or s3:// URL of the same store.',
        },
      );
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  async write(key: string): Promise<never> {
    throw readOnly(key);
  }

  async delete(key: string): Promise<never> {
    throw readOnly(key);
  }

  #requestFor(method: 'GET' | 'HEAD', key: string): FetchRequest {
    assertKey(key);
    return { method, url: objectUrl(this.#baseUrl, key), what: requestName(method, key), redirects: 'https' };
  }

  /** The response; undefined if there is no such object. */
  async #found(request: FetchRequest, expectedStatus = 200): Promise<IncomingMessage | undefined> {
    const response = await fetchFrom(this.#client, request);
    const status = response.statusCode ?? 0;
    if (status === expectedStatus) {
      const encoding = response.headers['content-encoding'] ?? 'identity';
      if (encoding.toLowerCase() === 'identity') return response;
      response.destroy();
      throw unexpected(
        request.what,
        'the server encoded the body although it was asked not to',
        'Store objects without Content-Encoding, and turn off compression for them in the CDN.',
      );
    }
    discard(response);
    if (status === 404 || status === 410) return undefined;
    throw statusError(status, request.what, response.headers['retry-after'], this.#clock.nowMs());
  }

  async #retrying<Result>(attempt: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const rule = {
      clock: this.#clock,
      maxAttempts,
      deadlineMs: this.#deadlineMs,
      backoff,
      onRetry: this.#onRetry,
    };
    return retrying(rule, ({ signal }) => attempt(signal));
  }

  async #resume(
    request: FetchRequest,
    from: number,
    info: ObjectInfo,
    failure: RemoteError,
  ): Promise<IncomingMessage> {
    const headers = { range: `bytes=${from}-`, 'if-range': info.etag ?? '' };
    const response = await this.#retrying(async () => {
      try {
        return await this.#found({ ...request, headers }, 206);
      } catch (error) {
        // 200 and 416: the object was replaced, or the server does not support ranges.
        throw error instanceof RemoteError && error.code === 'unexpected-response' && !error.retryable
          ? failure
          : error;
      }
    });
    if (response?.headers['content-range'] === `bytes ${from}-${info.sizeBytes - 1}/${info.sizeBytes}`)
      return response;
    response?.destroy();
    throw failure;
  }
}

/** The URL of an object: everything but `/` and RFC 3986's unreserved characters is percent-encoded. */
export function objectUrl(baseUrl: string, key: string): string {
  return `${baseUrl}/${encodeKey(key)}`;
}

function infoOf(key: string, response: IncomingMessage, what: string): ObjectInfo {
  const sizeBytes = lengthOf(response);
  if (sizeBytes === undefined) {
    response.destroy();
    throw unexpected(
      what,
      'the server does not say how long the object is',
      'The server must send Content-Length, also for HEAD.',
    );
  }
  return { key, sizeBytes, etag: response.headers.etag };
}

/** What a status means that is not a success, a redirect or "missing". */
function statusError(
  status: number,
  what: string,
  retryAfter: string | undefined,
  nowMs: number,
): RemoteError {
  if (status === 401 || status === 403) {
    return new RemoteError('access-denied', `${what}: the server refused it (${status}).`, {
      hint:
        'S3, and a CDN in front of it, also answer 403 for an object that is missing, unless the reader may list the ' +
        'bucket: grant s3:ListBucket, or make the CDN answer 404.',
    });
  }
  if (!isTransientStatus(status)) return unexpected(what, `the server answered ${status}`);
  return new RemoteError('store-failed', `${what}: the server failed (${status}).`, {
    hint: 'Run again later. If it fails again, ask the administrator of the server.',
    retryable: true,
    retryAfterMs: retryAfterMs(retryAfter, nowMs),
  });
}

function readOnly(key: string): UserError {
  return new UserError('target-read-only', `${quoted(key)} cannot be changed: https:// is read-only.`, {
    hint: 'Publish to the file:// or s3:// URL of the same store.',
  });
}
