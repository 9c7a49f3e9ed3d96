import { printable } from '@slipway/core';
import { isInternalHost } from './check-address.ts';
import {
  type Answer,
  type BodyStream,
  BodyTrouble,
  type CheckBudget,
  type IndexReader,
  plainContentType,
  type Trouble,
  unpacked,
  type WholeBody,
} from './check-reader.ts';

const maxRedirects = 5;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** One request. The client follows no redirect, sends no other headers that are secret, and decodes no body. */
export interface CheckRequest {
  readonly url: URL;
  readonly method: 'GET' | 'HEAD';
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Otherwise the client must not connect to an address that `isInternalHost` knows, whatever the name says. */
  readonly mayBeInternal: boolean;
}

export interface CheckResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Ending the iteration early ends the connection. Throws if the body breaks off or is silent for too long. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** The HTTP client of a check. Throws if no answer comes; the message is shown. */
export type CheckHttp = (request: CheckRequest) => Promise<CheckResponse>;

export interface HttpReaderOptions {
  /** Where the index is: it may be internal, and gets the headers. Undefined if it is in a store. */
  readonly indexUrl?: URL | undefined;
  /** Such as `authorization`, for the origin of the index alone. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Internal origins that pages may lead to, such as `http://10.0.0.7:9000`. */
  readonly internalOrigins?: readonly string[] | undefined;
  readonly budget: CheckBudget;
}

interface Opened {
  readonly url: string;
  readonly response: CheckResponse;
}

/** Reads an index over HTTP. Pages and redirects never lead to internal addresses, and secrets stay with the index's origin. */
export class HttpReader implements IndexReader {
  readonly #http: CheckHttp;
  readonly #options: HttpReaderOptions;
  readonly #internal: ReadonlySet<string>;

  constructor(http: CheckHttp, options: HttpReaderOptions) {
    this.#http = http;
    this.#options = options;
    const { indexUrl, internalOrigins = [] } = options;
    this.#internal = new Set([...internalOrigins, ...(indexUrl === undefined ? [] : [indexUrl.origin])]);
  }

  async readWhole(
    url: string,
    { maxBytes, accept }: { readonly maxBytes: number; readonly accept?: string },
  ): Promise<Answer<WholeBody>> {
    const opened = await this.#open(url, 'GET', accept === undefined ? {} : { accept });
    if (opened.kind !== 'found') return opened;
    const { response } = opened.value;
    const raw = await this.#whole(response, maxBytes);
    const bytes =
      raw.kind === 'found' ? unpacked(raw.value, response.headers['content-encoding'], maxBytes) : raw;
    if (bytes.kind !== 'found') return bytes;
    const contentType = plainContentType(response.headers['content-type']);
    return { kind: 'found', value: { url: opened.value.url, bytes: bytes.value, contentType } };
  }

  async head(url: string): Promise<Answer<{ readonly sizeBytes: number | undefined }>> {
    let opened = await this.#open(url, 'HEAD', {});
    // Some servers only know GET.
    if (opened.kind === 'missing' && / (?:405|501)$/.test(opened.reason))
      opened = await this.#open(url, 'GET', {});
    if (opened.kind !== 'found') return opened;
    const { response } = opened.value;
    await close(response);
    return { kind: 'found', value: { sizeBytes: lengthOf(response) } };
  }

  async openStream(url: string): Promise<Answer<BodyStream>> {
    const opened = await this.#open(url, 'GET', {});
    if (opened.kind !== 'found') return opened;
    const { response } = opened.value;
    return { kind: 'found', value: { sizeBytes: lengthOf(response), body: this.#counted(response) } };
  }

  async readPart(
    url: string,
    startByte: number,
    lengthBytes: number,
  ): Promise<Answer<Uint8Array<ArrayBuffer>>> {
    const opened = await this.#open(url, 'GET', {
      range: `bytes=${startByte}-${startByte + lengthBytes - 1}`,
    });
    if (opened.kind !== 'found') return opened;
    const { response } = opened.value;
    if (response.status !== 206) {
      await close(response);
      return { kind: 'unchecked', reason: 'is on a server that gives no parts of files' };
    }
    return this.#whole(response, lengthBytes);
  }

  async #open(
    start: string,
    method: 'GET' | 'HEAD',
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer<Opened>> {
    let url = new URL(start);
    for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
      const trouble = this.#refusal(url) ?? this.#options.budget.request();
      if (trouble !== undefined) return trouble;
      const isIndex = url.origin === this.#options.indexUrl?.origin;
      let response: CheckResponse;
      try {
        response = await this.#http({
          url,
          method,
          headers: isIndex ? { ...headers, ...this.#options.headers } : headers,
          mayBeInternal: this.#internal.has(url.origin),
        });
      } catch (error) {
        return { kind: 'unchecked', reason: `could not be asked for: ${messageOf(error)}` };
      }
      const { status } = response;
      if (status === 200 || status === 206) return { kind: 'found', value: { url: url.href, response } };
      await close(response);
      if (!redirectStatuses.has(status)) {
        const isFailure = status === 429 || (status >= 500 && status !== 501);
        return { kind: isFailure ? 'unchecked' : 'missing', reason: `is answered with ${status}` };
      }
      const next = URL.parse(response.headers['location'] ?? '', url.href);
      if (response.headers['location'] === undefined || next === null)
        return { kind: 'missing', reason: 'redirects to nowhere' };
      if (url.protocol === 'https:' && next.protocol === 'http:')
        return { kind: 'internal', reason: 'redirects from https:// to http://' };
      url = next;
    }
    return { kind: 'missing', reason: `redirects more than ${maxRedirects} times` };
  }

  /** Why a check does not go there. */
  #refusal(url: URL): Trouble | undefined {
    const refuse = (reason: string): Trouble => ({ kind: 'internal', reason });
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      return refuse(`leads to ${printable(url.protocol, 40)}, which is not HTTP`);
    if (url.username !== '' || url.password !== '') return refuse('has a user name or a password in its URL');
    if (isInternalHost(url.hostname) && !this.#internal.has(url.origin))
      return refuse(`leads to ${printable(url.host, 100)}, which is a machine's own or in its network`);
    return undefined;
  }

  async #whole(response: CheckResponse, maxBytes: number): Promise<Answer<Uint8Array<ArrayBuffer>>> {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    try {
      for await (const chunk of this.#counted(response)) {
        sizeBytes += chunk.length;
        if (sizeBytes > maxBytes) return { kind: 'missing', reason: `has more than ${maxBytes} bytes` };
        chunks.push(chunk);
      }
    } catch (error) {
      if (!(error instanceof BodyTrouble)) throw error;
      return { kind: 'unchecked', reason: error.message };
    }
    return { kind: 'found', value: Buffer.concat(chunks) };
  }

  async *#counted(response: CheckResponse): AsyncGenerator<Uint8Array> {
    const { budget } = this.#options;
    const chunks = response.body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await chunks.next().catch((error: unknown) => {
          throw new BodyTrouble(`broke off: ${messageOf(error)}`);
        });
        if (next.done === true) return;
        const trouble = budget.bytes(next.value.length);
        if (trouble !== undefined) throw new BodyTrouble(trouble.reason);
        yield next.value;
      }
    } finally {
      await chunks.return?.().catch(() => undefined);
    }
  }
}

async function close(response: CheckResponse): Promise<void> {
  const chunks = response.body[Symbol.asyncIterator]();
  await chunks.return?.().catch(() => undefined);
}

function lengthOf({ headers }: CheckResponse): number | undefined {
  const text = headers['content-length'];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function messageOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error), 200);
}
