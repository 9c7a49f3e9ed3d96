import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  type ByteRange,
  type HeadOptions,
  type ObjectInfo,
  RemoteError,
  type StoredObject,
  type StoredStream,
} from '@slipway/core';
import { discard, lengthOf, readBody, transferDeadlineMs, unexpected } from '@slipway/http';
import { continuedBody } from '../http/resumed-body.ts';
import { quoted, requestName, tooLarge } from '../key-errors.ts';
import type { S3Context } from './context.ts';
import { storedHeaders } from './headers.ts';
import { withRetries } from './retries.ts';
import { isRefusal, type WireRequest } from './wire.ts';

const maxCheckedBytes = 2 ** 20;

/** Read-only operations. */
export class S3Reader {
  readonly #context: S3Context;

  constructor(context: S3Context) {
    this.#context = context;
  }

  async head(key: string, { checksum = false }: HeadOptions = {}): Promise<ObjectInfo | undefined> {
    const request = {
      ...this.#request('HEAD', key),
      ...(checksum ? { headers: { 'x-amz-checksum-mode': 'ENABLED' } } : {}),
    };
    return this.#missingAsUndefined(() =>
      withRetries(this.#context, transferDeadlineMs(0), async ({ signal }) => {
        const response = await this.#context.wire.send({ ...request, signal });
        discard(response);
        return this.#seen(key, response, request.what);
      }),
    );
  }

  async read(key: string, { maxBytes }: { readonly maxBytes: number }): Promise<StoredObject | undefined> {
    const request = this.#request('GET', key);
    let doubtedEtag: string | undefined;
    return this.#missingAsUndefined(() =>
      withRetries(this.#context, transferDeadlineMs(maxBytes), async ({ signal }) => {
        const response = await this.#context.wire.send({ ...request, signal });
        const info = this.#seen(key, response, request.what);
        const { what } = request;
        const body = await readBody(response, {
          maxBytes,
          what,
          signal,
          tooLarge: () => tooLarge(key, maxBytes),
        });
        // Some servers' ETags look like an MD5 but are not: accept one that is returned twice.
        if (!mayBeEtagOf(info.etag, body, response) && info.etag !== doubtedEtag) {
          doubtedEtag = info.etag;
          throw new RemoteError(
            'unexpected-response',
            `${request.what}: the ETag does not match the bytes.`,
            {
              retryable: true,
              hint: 'Something between this machine and the server changes the data.',
            },
          );
        }
        return { info, body };
      }),
    );
  }

  async readRange(
    key: string,
    { startByte, lengthBytes, etag }: ByteRange,
  ): Promise<StoredObject | undefined> {
    const plain = this.#request('GET', key);
    const range = `bytes=${startByte}-${startByte + lengthBytes - 1}`;
    const request = { ...plain, headers: { range, ...(etag === undefined ? {} : { 'if-match': etag }) } };
    try {
      return await this.#missingAsUndefined(() =>
        withRetries(this.#context, transferDeadlineMs(lengthBytes), async ({ signal }) => {
          const response = await this.#context.wire.send({ ...request, signal });
          const sizeBytes = sizeInRange(response, startByte, lengthBytes);
          if (sizeBytes === undefined) {
            response.destroy();
            throw unexpected(request.what, 'the server did not return the part that was asked for');
          }
          const info = { ...infoOf(key, response, request.what), sizeBytes };
          const body = await readBody(response, { maxBytes: lengthBytes, what: request.what, signal });
          return { info, body };
        }),
      );
    } catch (error) {
      if (isRefusal(error, 'InvalidRange')) {
        const info = await this.head(key);
        return info && { info, body: new Uint8Array() };
      }
      if (!isRefusal(error, 'PreconditionFailed')) throw error;
      throw replacedWhileRead(key, error);
    }
  }

  async readStream(
    key: string,
    { maxBytes }: { readonly maxBytes: number },
  ): Promise<StoredStream | undefined> {
    const request = this.#request('GET', key);
    const { clock, wire } = this.#context;
    // The signal would end the stream at the deadline for its start: only the idle time limits it.
    const response = await this.#missingAsUndefined(() =>
      withRetries(this.#context, transferDeadlineMs(0), () => wire.send(request)),
    );
    if (response === undefined) return undefined;
    const info = infoOf(key, response, request.what);
    if (info.sizeBytes > maxBytes) {
      response.destroy();
      throw tooLarge(key, maxBytes);
    }
    const { etag, sizeBytes } = info;
    const resume =
      etag === undefined
        ? undefined
        : (from: number) =>
            withRetries(this.#context, transferDeadlineMs(0), () =>
              this.#rest(request, key, from, sizeBytes, etag),
            );
    return { info, body: continuedBody(response, { sizeBytes, what: request.what, clock, resume }) };
  }

  /** The server's time, from the headers of any answer. */
  async nowMs(): Promise<number | undefined> {
    const { keys, wire } = this.#context;
    const path = wire.pathOf(keys.toUse('.slipway'));
    const request = {
      method: 'GET',
      path,
      headers: { range: 'bytes=0-0' },
      what: 'the time',
      action: 's3:GetObject',
    } as const;
    return withRetries(this.#context, transferDeadlineMs(0), async ({ signal }) => {
      try {
        (await wire.send({ ...request, signal })).destroy();
      } catch (error) {
        if (!isRefusal(error, 'NoSuchKey', 'AccessDenied', 'InvalidRange')) throw error;
      }
      return wire.lastDateMs;
    });
  }

  #request(method: 'GET' | 'HEAD', key: string): WireRequest {
    const { keys, wire } = this.#context;
    const path = wire.pathOf(keys.toUse(key));
    return { method, path, headers: {}, what: requestName(method, key), action: 's3:GetObject' };
  }

  /** Reads an answer's description of an object; a later compare-and-swap must know which writes led to it. */
  #seen(key: string, response: IncomingMessage, what: string): ObjectInfo {
    const info = infoOf(key, response, what);
    this.#context.history.remember(info.etag, response.headers['x-amz-meta-slipway-writes']);
    return info;
  }

  async #missingAsUndefined<Result>(read: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!isRefusal(error, 'NoSuchKey')) throw error;
      return undefined;
    }
  }

  async #rest(
    request: WireRequest,
    key: string,
    from: number,
    sizeBytes: number,
    etag: string,
  ): Promise<IncomingMessage> {
    const headers = { range: `bytes=${from}-`, 'if-match': etag };
    let response: IncomingMessage;
    try {
      response = await this.#context.wire.send({ ...request, headers });
    } catch (error) {
      if (!isRefusal(error, 'PreconditionFailed', 'NoSuchKey', 'InvalidRange')) throw error;
      throw replacedWhileRead(key, error);
    }
    if (response.headers['content-range'] === `bytes ${from}-${sizeBytes - 1}/${sizeBytes}`) return response;
    response.destroy();
    throw unexpected(request.what, 'the server returned the wrong part of the object');
  }
}

function replacedWhileRead(key: string, cause: unknown): RemoteError {
  return new RemoteError('condition-failed', `${quoted(key)} was replaced while being read.`, {
    hint: 'Run again.',
    cause,
  });
}

/** The size of the whole object, in bytes, from an answer that has the part that was asked for; undefined for any other answer. */
function sizeInRange(response: IncomingMessage, startByte: number, lengthBytes: number): number | undefined {
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers['content-range'] ?? '');
  if (response.statusCode !== 206 || range === null) return undefined;
  const [start, last, sizeBytes] = range.slice(1).map(Number);
  if (start !== startByte || last === undefined || sizeBytes === undefined) return undefined;
  const isWhole = last === Math.min(startByte + lengthBytes, sizeBytes) - 1;
  return isWhole && lengthOf(response) === last - startByte + 1 ? sizeBytes : undefined;
}

/** S3's checksum of the whole object, in hex; undefined for none, and for a composite of the parts' checksums (`…-3`). */
function serverSha256Of({ headers }: IncomingMessage): string | undefined {
  const { 'x-amz-checksum-sha256': checksum, 'x-amz-checksum-type': type } = headers;
  if (typeof checksum !== 'string' || type === 'COMPOSITE') return undefined;
  return /^[\w+/]{43}=$/.test(checksum) ? Buffer.from(checksum, 'base64').toString('hex') : undefined;
}

function infoOf(key: string, response: IncomingMessage, what: string): ObjectInfo {
  const sizeBytes = lengthOf(response);
  if (sizeBytes === undefined) {
    response.destroy();
    throw unexpected(what, 'the server does not say how long the object is');
  }
  const { etag, 'last-modified': lastModified = '', 'x-amz-meta-sha256': sha256 } = response.headers;
  const modifiedAtMs = Date.parse(lastModified);
  const serverSha256 = serverSha256Of(response);
  return {
    key,
    sizeBytes,
    etag,
    ...(typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256) ? { sha256 } : {}),
    ...(serverSha256 === undefined ? {} : { serverSha256 }),
    ...(Number.isNaN(modifiedAtMs) ? {} : { modifiedAtMs }),
    headers: storedHeaders(response.headers),
  };
}

/**
 * Whether an ETag can be of these bytes: for single-part objects without KMS it is their MD5. Does not check large
 * bodies: their readers have a checksum.
 */
export function mayBeEtagOf(etag: string | undefined, body: Uint8Array, response: IncomingMessage): boolean {
  const md5 = /^"?([0-9a-f]{32})"?$/.exec(etag ?? '')?.[1];
  if (md5 === undefined || body.length > maxCheckedBytes) return true;
  const encryption = response.headers['x-amz-server-side-encryption'];
  if (typeof encryption === 'string' && encryption.startsWith('aws:kms')) return true;
  return hash('md5', body) === md5;
}
