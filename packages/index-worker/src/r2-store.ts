import {
  assertKey,
  type Clock,
  InternalError,
  type ObjectInfo,
  type ObjectStore,
  printable,
  RemoteError,
  retrying,
  type StoredHeaders,
  type StoredObject,
  type StoredStream,
  UserError,
  type WriteOptions,
  type WriteSource,
} from '@slipway/core';
import type { R2Bucket, R2HttpMetadata, R2Object, R2ObjectBody } from './r2.ts';

const maxAttempts = 4;
const backoff = { baseMs: 200, capMs: 2_000 };

export interface R2StoreOptions {
  /** The binding, as the configuration names it: `r2:BINDING`. */
  readonly url: string;
  readonly clock: Clock;
  /** Called for each operation: R2's count among a Worker's subrequests. */
  readonly onRequest: () => void;
}

/** An R2 bucket as an `ObjectStore`. Its keys may end in a slash. Failures of R2 itself are tried again. */
export class R2Store implements ObjectStore {
  readonly url: string;
  readonly writable = true;
  readonly listable = true;
  readonly #bucket: R2Bucket;
  readonly #options: R2StoreOptions;

  constructor(bucket: R2Bucket, options: R2StoreOptions) {
    this.url = options.url;
    this.#bucket = bucket;
    this.#options = options;
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    checkKey(key);
    const object = await this.#ask(`HEAD "${printable(key)}"`, () => this.#bucket.head(key));
    return object === null ? undefined : infoOf(object);
  }

  async read(key: string, { maxBytes }: { readonly maxBytes: number }): Promise<StoredObject | undefined> {
    const object = await this.#get(key, maxBytes);
    if (object === undefined) return undefined;
    return { info: infoOf(object), body: new Uint8Array(await object.arrayBuffer()) };
  }

  async readStream(
    key: string,
    { maxBytes }: { readonly maxBytes: number },
  ): Promise<StoredStream | undefined> {
    const object = await this.#get(key, maxBytes);
    return object && { info: infoOf(object), body: object.body };
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    if (prefix !== '') assertKey(prefix.slice(0, -1));
    let cursor: string | undefined;
    do {
      const options = { prefix, ...(cursor === undefined ? {} : { cursor }) };
      const page = await this.#ask(`LIST "${printable(prefix)}"`, () => this.#bucket.list(options));
      for (const object of page.objects) yield infoOf(object);
      const next = page.truncated ? page.cursor : undefined;
      if (page.truncated && (next === undefined || next === cursor)) {
        throw new RemoteError(
          'unexpected-response',
          `${this.url}: the listing is truncated but has no next page.`,
        );
      }
      cursor = next;
    } while (cursor !== undefined);
  }

  async write(key: string, source: WriteSource, options: WriteOptions): Promise<{ readonly etag: string }> {
    checkKey(key);
    if (source.kind === 'file') throw new InternalError('a Worker has no files');
    const { condition, sha256, headers = {} } = options;
    const what = `PUT "${printable(key)}"`;
    const written = await this.#ask(what, () =>
      this.#bucket.put(key, source.bytes, {
        ...conditionOf(condition),
        httpMetadata: definedOf({
          contentType: options.contentType,
          cacheControl: headers.cacheControl,
          contentDisposition: headers.contentDisposition,
          contentEncoding: headers.contentEncoding,
          contentLanguage: headers.contentLanguage,
          cacheExpiry: headers.expiresAtMs === undefined ? undefined : new Date(headers.expiresAtMs),
        }),
        customMetadata: { ...headers.metadata },
        sha256,
      }),
    );
    if (written === null) {
      throw new RemoteError(
        'condition-failed',
        `${this.url}: ${what}: the object has changed since it was read.`,
      );
    }
    return { etag: written.etag };
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    await this.#ask(`DELETE "${printable(key)}"`, () => this.#bucket.delete(key));
  }

  async #get(key: string, maxBytes: number): Promise<R2ObjectBody | undefined> {
    checkKey(key);
    const object = await this.#ask(`GET "${printable(key)}"`, () => this.#bucket.get(key));
    if (object === null) return undefined;
    if (object.size > maxBytes) {
      await object.body.cancel();
      throw new UserError('too-large', `${this.url}: "${printable(key)}" has more than ${maxBytes} bytes.`);
    }
    return object;
  }

  async #ask<Result>(what: string, request: () => Promise<Result>): Promise<Result> {
    return retrying({ clock: this.#options.clock, backoff, maxAttempts }, async () => {
      this.#options.onRequest();
      try {
        return await request();
      } catch (error) {
        throw refusal(`${this.url}: ${what}`, error);
      }
    });
  }
}

/** R2 says what went wrong in the text of its errors, with a code in parentheses at the end. */
function refusal(what: string, cause: unknown): Error {
  const words = cause instanceof Error ? cause.message : String(cause);
  const message = `${what}: R2 says: ${printable(words, 300)}`;
  if (words.includes('(10037)')) return new UserError('content-invalid', message, { cause });
  return new RemoteError('store-failed', message, {
    cause,
    retryable: !/\(100(?:0[2-9]|[2-9]\d)\)/.test(words),
  });
}

function infoOf({
  key,
  size,
  etag,
  uploaded,
  checksums,
  httpMetadata,
  customMetadata,
}: R2Object): ObjectInfo {
  // Of an upload in parts, R2 knows a checksum of checksums at most.
  const sha256 = /-\d+$/.test(etag) ? undefined : checksums.sha256;
  return {
    key,
    sizeBytes: size,
    etag,
    modifiedAtMs: uploaded.getTime(),
    headers: headersOf(httpMetadata, customMetadata),
    ...(sha256 === undefined ? {} : { serverSha256: Buffer.from(sha256).toString('hex') }),
  };
}

function headersOf(http: R2HttpMetadata = {}, metadata: R2Object['customMetadata'] = {}): StoredHeaders {
  const { cacheExpiry, ...rest } = http;
  return { ...rest, expiresAtMs: cacheExpiry?.getTime(), metadata };
}

function conditionOf(condition: WriteOptions['condition']): {
  readonly onlyIf?: { readonly etagMatches: string } | { readonly etagDoesNotMatch: string };
} {
  if (condition === 'any') return {};
  return { onlyIf: condition === 'absent' ? { etagDoesNotMatch: '*' } : { etagMatches: condition.etag } };
}

/** R2 takes `undefined` for a value. */
function definedOf(metadata: R2HttpMetadata): R2HttpMetadata {
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined));
}

/** Throws `UserError` `name-invalid`. A page at a slash key ends in one. */
function checkKey(key: string): void {
  assertKey(key.endsWith('/') ? key.slice(0, -1) : key);
}
