import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  type AwsCredentialsSource,
  type Clock,
  encodeKey,
  encodeStrictly,
  RemoteError,
  retrying,
} from '@slipway/core';
import {
  addressOf,
  discard,
  flatHeaders,
  HttpClient,
  HttpFailure,
  type HttpRequest,
  readBody,
  unexpected,
} from '@slipway/http';
import type { S3Action, S3Place } from './permissions.ts';
import { refusalOf, S3Refusal } from './refusals.ts';
import { S3Signer, unsignedPayload } from './signer.ts';
import { Throttle } from './throttle.ts';
import { parseXml, type XmlElement } from './xml.ts';

const maxRefusalBytes = 64 * 1024;
const maxDocumentBytes = 32 * 2 ** 20;
const maxClockCorrections = 4;
/** The number of attempts for a server that has never answered. */
const maxFirstAttempts = 4;
const firstBackoff = { baseMs: 1_000, capMs: 4_000 };

/** A request to the bucket. */
export interface WireRequest {
  readonly method: string;
  /** Percent-encoded, from the root of the server. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** In lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** The body's SHA-256 if it is already known, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash?: string | undefined;
  /** Describes the request, for errors. */
  readonly what: string;
  /** The permission it needs. */
  readonly action: S3Action;
  readonly signal?: AbortSignal | undefined;
}

export interface WireOptions {
  readonly place: S3Place;
  readonly credentials: AwsCredentialsSource;
  readonly clock: Clock;
  readonly idleMs: number;
  /** Called with the reason why a server that does not answer is retried. */
  readonly onRetry: ((error: unknown, waitMs: number) => void) | undefined;
  readonly maxConnections: number;
  readonly proxyEnvironment: Readonly<Record<string, string | undefined>> | undefined;
}

const nothing = new Uint8Array();

/** Signs requests, sends each once, and turns unsuccessful answers into errors. Every request to S3 goes through here. */
export class S3Wire {
  readonly place: S3Place;
  readonly #address: Omit<ReturnType<typeof addressOf>, 'path'>;
  readonly #host: string;
  readonly #basePath: string;
  readonly #options: WireOptions;
  readonly #client: HttpClient;
  readonly #signer: S3Signer;
  /** How far the server's clock is ahead, once it refused a request because of that. */
  #aheadMs = 0;
  /** Whether an answer showed that the bucket exists: after that, a plain 404 is about an object. */
  #bucketSeen = false;
  #takesChecksums = true;
  readonly #throttle = new Throttle();
  #lastDateMs: number | undefined;
  #hasAnswered = false;

  /** `baseUrl` includes the bucket, in its host name or its path. */
  constructor(baseUrl: URL, options: WireOptions) {
    this.place = options.place;
    this.#address = addressOf(baseUrl);
    this.#host = baseUrl.host;
    this.#basePath = baseUrl.pathname.replace(/\/$/, '');
    this.#options = options;
    this.#client = new HttpClient(options);
    this.#signer = new S3Signer(options.place.region);
  }

  /** The path of the bucket itself. */
  get bucketPath(): string {
    return `${this.#basePath}/`;
  }

  /** Whether the server supports the checksums that AWS added in 2022. If it refuses them, it gets MD5 instead. */
  get takesChecksums(): boolean {
    return this.#takesChecksums;
  }

  /** The `Date` of the last answer, in milliseconds since 1970; undefined if it had none. */
  get lastDateMs(): number | undefined {
    return this.#lastDateMs;
  }

  /** The path of an object, for any key that S3 allows. */
  pathOf(s3Key: string): string {
    return `${this.#basePath}/${encodeKey(s3Key)}`;
  }

  /**
   * The successful answer, its body unread. Throws `S3Refusal` for an unsuccessful one, `RemoteError` for a failed
   * connection, and what the source of credentials throws. First corrects for a clock that differs from the server's, and
   * renews expired credentials.
   */
  send(request: WireRequest): Promise<IncomingMessage> {
    return this.#throttle.run(() => this.#send(request), isTooMuch);
  }

  async #send(request: WireRequest): Promise<IncomingMessage> {
    let clockCorrections = 0;
    let renewed = false;
    for (;;) {
      const response = await this.#sendOnce(request);
      if (isSuccess(response)) {
        this.#bucketSeen = true;
        return response;
      }
      const { refusal, dateText } = await this.#reasonFor(request, response);
      if (refusal.s3Code === 'RequestTimeTooSkewed' && clockCorrections < maxClockCorrections) {
        const serverMs = Date.parse(dateText ?? '');
        if (Number.isNaN(serverMs)) throw refusal;
        this.#aheadMs = serverMs - this.#options.clock.nowMs();
        clockCorrections += 1;
      } else if (/^ExpiredToken|^TokenRefreshRequired$/.test(refusal.s3Code) && !renewed) {
        renewed = true;
      } else if (refusal.s3Code === 'NotImplemented' && this.#takesChecksums && hasChecksum(request)) {
        this.#takesChecksums = false;
      } else throw refusal;
    }
  }

  /** Explains an unsuccessful answer. One to HEAD has no body: a GET for one byte gets the explanation. */
  async #reasonFor(
    request: WireRequest,
    response: IncomingMessage,
  ): Promise<{ readonly refusal: S3Refusal; readonly dateText: string | undefined }> {
    const status = response.statusCode ?? 0;
    const isPlainlyMissing = status === 404 && this.#bucketSeen;
    if (request.method !== 'HEAD' || status >= 500 || status === 412 || isPlainlyMissing) {
      return this.#refusalIn(request, response);
    }
    discard(response);
    const headers = { ...request.headers, range: 'bytes=0-0' };
    const asked = { ...request, method: 'GET', headers };
    const explained = await this.#sendOnce(asked);
    // An empty object has no first byte.
    if (!isSuccess(explained) && explained.statusCode !== 416) return this.#refusalIn(asked, explained);
    explained.destroy();
    throw new RemoteError(
      'unexpected-response',
      `${request.what}: it was refused (${status}), but a GET was not.`,
      { hint: 'Run again later.', retryable: true },
    );
  }

  async #refusalIn(
    { method, what, action, signal }: WireRequest,
    response: IncomingMessage,
  ): Promise<{ readonly refusal: S3Refusal; readonly dateText: string | undefined }> {
    // An answer to HEAD announces a body that does not come.
    if (method === 'HEAD') discard(response);
    const bytes =
      method === 'HEAD' ? nothing : await readBody(response, { maxBytes: maxRefusalBytes, what, signal });
    const body = new TextDecoder().decode(bytes);
    const answer = { status: response.statusCode ?? 0, headers: response.headers, body };
    const refusal = refusalOf(answer, what, action, this.place, this.#options.clock.nowMs());
    if (refusal.s3Code === 'NoSuchKey') this.#bucketSeen = true;
    return { refusal, dateText: response.headers.date };
  }

  /**
   * A whole XML document with the root element `root`, or nothing if that is empty. Throws like `send`, also for an error
   * inside a success, which S3 sends.
   */
  async document(request: WireRequest & { readonly root: string }): Promise<{
    readonly status: number;
    readonly headers: Record<string, string>;
    readonly body: Uint8Array;
    readonly xml: XmlElement | undefined;
  }> {
    const response = await this.send(request);
    const body = await readBody(response, { ...request, maxBytes: maxDocumentBytes });
    const text = new TextDecoder().decode(body);
    const xml = parseXml(text);
    if (xml?.name === 'Error') {
      const answer = { status: 500, headers: response.headers, body: text };
      throw refusalOf(answer, request.what, request.action, this.place, this.#options.clock.nowMs());
    }
    // A captive portal or a proxy must not pass for an empty listing.
    if (xml?.name !== request.root && request.root !== '') {
      throw unexpected(
        request.what,
        `the server's answer is not a ${request.root}`,
        'Check the endpoint: is it an S3 server?',
      );
    }
    return { status: response.statusCode ?? 0, headers: flatHeaders(response), body, xml };
  }

  /**
   * The answer of a server that may not exist: one that never answered is given up after four attempts, within seconds, so that a
   * wrong port is reported quickly. One that answered before may be restarting, and is left to the caller's retries.
   */
  async #reach(request: HttpRequest): Promise<IncomingMessage> {
    const { clock, onRetry } = this.#options;
    const isUnseen = (error: unknown): error is HttpFailure =>
      error instanceof HttpFailure && error.kind === 'unsent' && error.retryable && !this.#hasAnswered;
    const rule = {
      clock,
      onRetry,
      maxAttempts: maxFirstAttempts,
      backoff: firstBackoff,
      isTransient: isUnseen,
    };
    try {
      const response = await retrying(rule, () => this.#client.send(request));
      this.#hasAnswered = true;
      return response;
    } catch (error) {
      if (!isUnseen(error)) throw error;
      throw new RemoteError(error.code, error.message, { hint: error.hint, cause: error });
    }
  }

  async #sendOnce(request: WireRequest): Promise<IncomingMessage> {
    const credentials = await this.#options.credentials();
    const { method, path, body } = request;
    const query = queryText(request.query ?? {});
    const headers: Record<string, string> = {
      ...request.headers,
      host: this.#host,
      'x-amz-content-sha256': request.payloadHash ?? hash('sha256', body ?? nothing),
    };
    if (!this.#takesChecksums) replaceChecksum(headers, body);
    if (body !== undefined) headers['content-length'] = String(body.length);
    const nowMs = this.#options.clock.nowMs() + this.#aheadMs;
    const added = this.#signer.sign({ method, path, query, headers }, credentials, nowMs);
    const response = await this.#reach({
      ...this.#address,
      path: query === '' ? path : `${path}?${query}`,
      method,
      headers: { ...headers, ...added },
      body,
      what: request.what,
      signal: request.signal,
    });
    const dateMs = Date.parse(response.headers.date ?? '');
    this.#lastDateMs = Number.isNaN(dateMs) ? undefined : dateMs;
    return response;
  }
}

function isTooMuch(error: unknown): boolean {
  return error instanceof S3Refusal && (error.status === 429 || error.status === 503);
}

const checksumPrefix = 'x-amz-checksum-';

function hasChecksum({ headers }: WireRequest): boolean {
  return Object.keys(headers).some((name) => name.startsWith(checksumPrefix));
}

/** A signature that covers the body already makes the server check it. */
function replaceChecksum(headers: Record<string, string>, body: Uint8Array | undefined): void {
  for (const name of Object.keys(headers)) if (name.startsWith(checksumPrefix)) delete headers[name];
  if (body !== undefined && headers['x-amz-content-sha256'] === unsignedPayload)
    headers['content-md5'] = hash('md5', body, 'base64');
}

function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** Reads an answer to the end, so that its connection can be reused. */
export async function finish(response: IncomingMessage, request: WireRequest): Promise<void> {
  await readBody(response, { ...request, maxBytes: maxRefusalBytes });
}

function queryText(query: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(query).map(
    ([name, value]) => `${encodeStrictly(name)}=${encodeStrictly(value)}`,
  );
  return pairs.sort().join('&');
}

export function isRefusal(error: unknown, ...codes: readonly string[]): error is S3Refusal {
  return error instanceof S3Refusal && codes.includes(error.s3Code);
}
