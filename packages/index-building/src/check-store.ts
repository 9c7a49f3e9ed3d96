import { type ObjectStore, printable, RemoteError, SlipwayError, UserError } from '@slipway/core';
import {
  type Answer,
  type BodyStream,
  BodyTrouble,
  type CheckBudget,
  type IndexReader,
  plainContentType,
  unpacked,
  type WholeBody,
} from './check-reader.ts';

/** Files in a store are not read beyond this. */
const maxFileBytes = 2 ** 40;

/** Reads an index in a store. Links out of it go to another reader. */
export class StoreReader implements IndexReader {
  readonly #store: ObjectStore;
  readonly #baseUrl: string;
  readonly #elsewhere: IndexReader | undefined;
  readonly #budget: CheckBudget;

  /** `baseUrl` stands for the store in links, and ends in a slash. */
  constructor(store: ObjectStore, baseUrl: string, elsewhere: IndexReader | undefined, budget: CheckBudget) {
    this.#store = store;
    this.#baseUrl = baseUrl;
    this.#elsewhere = elsewhere;
    this.#budget = budget;
  }

  async readWhole(
    url: string,
    options: { readonly maxBytes: number; readonly accept?: string },
  ): Promise<Answer<WholeBody>> {
    return this.#ask(
      url,
      async (key) => {
        const stored = await this.#store.read(key, { maxBytes: options.maxBytes });
        if (stored === undefined) return missing;
        const { info, body } = stored;
        const trouble = this.#budget.bytes(body.length);
        if (trouble !== undefined) return trouble;
        const bytes = unpacked(body, info.headers?.contentEncoding, options.maxBytes);
        if (bytes.kind !== 'found') return bytes;
        const contentType = plainContentType(info.headers?.contentType);
        return { kind: 'found', value: { url, bytes: bytes.value, contentType } };
      },
      (reader) => reader.readWhole(url, options),
    );
  }

  async head(url: string): Promise<Answer<{ readonly sizeBytes: number | undefined }>> {
    return this.#ask(
      url,
      async (key) => {
        const info = await this.#store.head(key);
        return info === undefined ? missing : { kind: 'found', value: { sizeBytes: info.sizeBytes } };
      },
      (reader) => reader.head(url),
    );
  }

  async openStream(url: string): Promise<Answer<BodyStream>> {
    return this.#ask(
      url,
      async (key) => {
        const stream = await this.#store.readStream(key, { maxBytes: maxFileBytes });
        if (stream === undefined) return missing;
        return {
          kind: 'found',
          value: { sizeBytes: stream.info.sizeBytes, body: this.#counted(stream.body) },
        };
      },
      (reader) => reader.openStream(url),
    );
  }

  async readPart(
    url: string,
    startByte: number,
    lengthBytes: number,
  ): Promise<Answer<Uint8Array<ArrayBuffer>>> {
    return this.#ask(
      url,
      async (key) => {
        if (this.#store.readRange === undefined)
          return { kind: 'unchecked', reason: 'is in a store that gives no parts of files' };
        const part = await this.#store.readRange(key, { startByte, lengthBytes });
        if (part === undefined) return missing;
        return this.#budget.bytes(part.body.length) ?? { kind: 'found', value: part.body };
      },
      (reader) => reader.readPart(url, startByte, lengthBytes),
    );
  }

  async #ask<Value>(
    url: string,
    read: (key: string) => Promise<Answer<Value>>,
    readElsewhere: (reader: IndexReader) => Promise<Answer<Value>>,
  ): Promise<Answer<Value>> {
    const key = this.#keyOf(url);
    if (key === undefined) {
      if (this.#elsewhere !== undefined) return readElsewhere(this.#elsewhere);
      return { kind: 'unchecked', reason: 'is outside the store, where this check does not look' };
    }
    const trouble = this.#budget.request();
    if (trouble !== undefined) return trouble;
    try {
      return await read(key);
    } catch (error) {
      if (error instanceof RemoteError)
        return { kind: 'unchecked', reason: `could not be read: ${printable(error.message)}` };
      if (error instanceof UserError && error.code === 'name-invalid')
        return { kind: 'missing', reason: 'has a name that no store can have' };
      if (error instanceof UserError && error.code === 'too-large')
        return { kind: 'missing', reason: 'is larger than pages may be' };
      throw error;
    }
  }

  #keyOf(url: string): string | undefined {
    if (!url.startsWith(this.#baseUrl)) return undefined;
    try {
      return decodeURIComponent(new URL(url).pathname.slice(new URL(this.#baseUrl).pathname.length));
    } catch {
      return '\u0000';
    }
  }

  async *#counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of body) {
        const trouble = this.#budget.bytes(chunk.length);
        if (trouble !== undefined) throw new BodyTrouble(trouble.reason);
        yield chunk;
      }
    } catch (error) {
      if (error instanceof SlipwayError) throw new BodyTrouble(`broke off: ${printable(error.message)}`);
      throw error;
    }
  }
}

const missing = { kind: 'missing', reason: 'is not in the store' } as const;
