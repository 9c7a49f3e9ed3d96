import { gunzipSync } from 'node:zlib';

/** Why something could not be read. `reason` follows the name of what was read, and is safe to print. */
export interface Trouble {
  readonly kind:
    | /** Clients do not get it either. */
    'missing'
    /** Where a check never goes: this machine or its network, or what is not HTTP. */
    | 'internal'
    /** It could not be found out: a server that fails, a limit that is reached, no way there. */
    | 'unchecked';
  readonly reason: string;
}

export type Answer<Value> = { readonly kind: 'found'; readonly value: Value } | Trouble;

export interface WholeBody {
  /** After redirects. Relative links start here. */
  readonly url: string;
  readonly bytes: Uint8Array;
  /** Without parameters, in lower case; undefined if nobody says. */
  readonly contentType: string | undefined;
}

export interface BodyStream {
  readonly sizeBytes: number | undefined;
  /** Throws `BodyTrouble`. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Where an index is read: a store, or servers. Nothing here throws for what the other side does. */
export interface IndexReader {
  /** `accept`: the content type that is asked for. */
  readWhole(
    url: string,
    options: { readonly maxBytes: number; readonly accept?: string },
  ): Promise<Answer<WholeBody>>;
  /** Whether it is there, and its size if that is known. */
  head(url: string): Promise<Answer<{ readonly sizeBytes: number | undefined }>>;
  openStream(url: string): Promise<Answer<BodyStream>>;
  /** A part of a file; `unchecked` where the server gives no parts. */
  readPart(url: string, startByte: number, lengthBytes: number): Promise<Answer<Uint8Array<ArrayBuffer>>>;
}

/** A body that broke off. */
export class BodyTrouble extends Error {
  override readonly name = 'BodyTrouble';
}

/** What a check may cost. */
export interface CheckLimits {
  /** Of all directories, in all formats. */
  readonly maxPages: number;
  /** Links to files. */
  readonly maxFiles: number;
  /** METADATA files that are read. */
  readonly maxMetadataFiles: number;
  /** Of everything that is read. */
  readonly maxBytes: number;
  readonly maxPageBytes: number;
  readonly maxRequests: number;
  /** After this time nothing more is asked for. */
  readonly maxMs: number;
}

export const checkLimits: CheckLimits = {
  maxPages: 20_000,
  maxFiles: 200_000,
  maxMetadataFiles: 20_000,
  maxBytes: 20 * 2 ** 30,
  maxPageBytes: 64 * 2 ** 20,
  maxRequests: 500_000,
  maxMs: 3_600_000,
};

/** Counts what a check costs, and ends it at its limits. */
export class CheckBudget {
  bytesRead = 0;
  requests = 0;
  readonly #limits: CheckLimits;
  readonly #nowMs: () => number;
  readonly #startedMs: number;
  #spent: string | undefined;

  constructor(limits: CheckLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
  }

  /** The limit that was reached; undefined if none was. */
  get spent(): string | undefined {
    return this.#spent;
  }

  /** Notes a request; returns why it must not be sent. */
  request(): Trouble | undefined {
    const { maxRequests, maxMs } = this.#limits;
    if (this.requests >= maxRequests) this.#spent ??= `${maxRequests} requests`;
    if (this.#nowMs() - this.#startedMs >= maxMs) this.#spent ??= `${Math.round(maxMs / 1_000)} seconds`;
    if (this.#spent !== undefined) return this.#trouble();
    this.requests += 1;
    return undefined;
  }

  /** Notes bytes that arrived; returns why no more may be read. */
  bytes(count: number): Trouble | undefined {
    const { maxBytes, maxMs } = this.#limits;
    this.bytesRead += count;
    if (this.bytesRead > maxBytes) this.#spent ??= `${maxBytes} bytes`;
    if (this.#nowMs() - this.#startedMs >= maxMs) this.#spent ??= `${Math.round(maxMs / 1_000)} seconds`;
    return this.#spent === undefined ? undefined : this.#trouble();
  }

  #trouble(): Trouble {
    return { kind: 'unchecked', reason: `was not looked at: the check ends after ${this.#spent}` };
  }
}

/** A body as clients see it. Only gzip is undone, within a limit. */
export function unpacked(
  bytes: Uint8Array,
  contentEncoding: string | undefined,
  maxBytes: number,
): Answer<Uint8Array> {
  const encoding = contentEncoding?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return { kind: 'found', value: bytes };
  if (encoding !== 'gzip' && encoding !== 'x-gzip')
    return { kind: 'missing', reason: 'has a Content-Encoding that was not asked for and is not gzip' };
  try {
    return { kind: 'found', value: gunzipSync(bytes, { maxOutputLength: maxBytes }) };
  } catch {
    return { kind: 'missing', reason: `is not sound gzip, or unpacks to more than ${maxBytes} bytes` };
  }
}

/** `text/html` of `Text/HTML; charset=utf-8`. */
export function plainContentType(value: string | undefined): string | undefined {
  return value?.split(';', 1)[0]?.trim().toLowerCase();
}
