import { type ObjectStore, type SlipwayError, UserError } from '@slipway/core';
import { type CreateReadableOptions, type FileEntry, ZipReader } from '@zip.js/zip.js/lib/zip-core-reader.js';

/** Python's own files are some kilobytes; the longest known METADATA, with a README in it, has less than one megabyte. */
const maxMetadataBytes = 2 ** 22;
const maxEntries = 200_000;
/** One block holds the records of all but the largest wheels. */
const blockBytes = 64 * 1024;
/** More of a wheel than this is never read. */
const maxReadBytes = 2 ** 26;

/** A wheel in a store, as a listing shows it. */
export interface WheelObject {
  readonly key: string;
  readonly sizeBytes: number;
  /** Undefined if the store does not say. */
  readonly etag: string | undefined;
}

/**
 * Returns the bytes of a wheel's `<name>-<version>.dist-info/METADATA` by reading the end of the zip and that entry alone, mostly in
 * two requests. Throws `UserError` `content-invalid` for what is no wheel (no sound zip, no METADATA or several, damaged) and
 * `too-large` for what is beyond the limits; `RemoteError` `condition-failed` if the object has been replaced meanwhile; and
 * what `readRange` throws. Follows PEP 427 and PEP 658.
 */
export async function readWheelMetadata(
  store: Pick<Required<ObjectStore>, 'readRange'>,
  wheel: WheelObject,
): Promise<Uint8Array> {
  const reader = new RangeReader(store, wheel);
  const zip = new ZipReader(reader, { useWebWorkers: false, filenameValidation: 'tolerant' });
  try {
    return await metadataIn(zip);
  } catch (error) {
    if (reader.failure !== undefined) throw reader.failure;
    if (error instanceof UserError) throw error;
    throw invalid(`it is not a sound zip (${error instanceof Error ? error.message : String(error)})`, error);
  } finally {
    await zip.close().catch(() => undefined);
  }
}

async function metadataIn(zip: ZipReader<unknown>): Promise<Uint8Array> {
  const found: FileEntry[] = [];
  let count = 0;
  for await (const entry of zip.getEntriesGenerator()) {
    count += 1;
    if (count > maxEntries) throw new UserError('too-large', `it has more than ${maxEntries} entries`);
    if (!entry.directory && /^[^/]+\.dist-info\/METADATA$/.test(entry.filename)) found.push(entry);
  }
  const [entry] = found;
  if (entry === undefined) throw invalid('it has no .dist-info/METADATA');
  if (found.length > 1) throw invalid('it has more than one .dist-info/METADATA');
  if (entry.encrypted) throw invalid('its METADATA is encrypted');
  if (entry.uncompressedSize > maxMetadataBytes)
    throw new UserError('too-large', `its METADATA is larger than ${maxMetadataBytes} bytes`);
  const sink = new BoundedSink(maxMetadataBytes);
  await entry.getData(new WritableStream<Uint8Array>({ write: (chunk) => sink.add(chunk) }), {
    checkSignature: true,
  });
  return sink.bytes();
}

class BoundedSink {
  readonly #chunks: Uint8Array[] = [];
  readonly #maxBytes: number;
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.length;
    if (this.#sizeBytes > this.#maxBytes)
      throw new UserError('too-large', `its METADATA is larger than ${this.#maxBytes} bytes`);
    this.#chunks.push(chunk);
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }
}

/** What zip.js reads a zip through: blocks of the object, of which the last one is kept. */
class RangeReader {
  readonly size: number;
  /** Why the store could not be read, since zip.js replaces errors by its own. */
  failure: SlipwayError | undefined;
  readonly #store: Pick<Required<ObjectStore>, 'readRange'>;
  readonly #wheel: WheelObject;
  readonly #tailStart: number;
  #block = { startByte: 0, endByte: 0, bytes: new Uint8Array() };
  #readBytes = 0;

  constructor(store: Pick<Required<ObjectStore>, 'readRange'>, wheel: WheelObject) {
    this.#store = store;
    this.#wheel = wheel;
    this.size = wheel.sizeBytes;
    this.#tailStart = Math.max(0, wheel.sizeBytes - blockBytes);
  }

  get readable(): ReadableStream<Uint8Array> {
    return this.createReadable();
  }

  createReadable({
    offset = 0,
    size = this.size - offset,
  }: CreateReadableOptions = {}): ReadableStream<Uint8Array> {
    let at = offset;
    return new ReadableStream({
      pull: async (controller) => {
        const chunk = await this.readUint8Array(at, Math.min(blockBytes, offset + size - at));
        at += chunk.length;
        if (chunk.length > 0) controller.enqueue(chunk);
        if (chunk.length === 0 || at >= offset + size) controller.close();
      },
    });
  }

  async init(): Promise<void> {}

  async readUint8Array(startByte: number, lengthBytes: number): Promise<Uint8Array> {
    const endByte = Math.min(startByte + lengthBytes, this.size);
    if (endByte <= startByte) return new Uint8Array();
    const isInBlock = startByte >= this.#block.startByte && endByte <= this.#block.endByte;
    if (!isInBlock) {
      // The end of the zip has its records; elsewhere an entry follows its header.
      const blockStart = endByte > this.size - blockBytes ? Math.min(startByte, this.#tailStart) : startByte;
      const blockEnd = Math.min(this.size, Math.max(endByte, blockStart + blockBytes));
      this.#block = {
        startByte: blockStart,
        endByte: blockEnd,
        bytes: await this.#read(blockStart, blockEnd - blockStart),
      };
    }
    return this.#block.bytes.slice(startByte - this.#block.startByte, endByte - this.#block.startByte);
  }

  async #read(startByte: number, lengthBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const { key, etag } = this.#wheel;
    this.#readBytes += lengthBytes;
    try {
      if (this.#readBytes > maxReadBytes)
        throw new UserError('too-large', `its records are larger than ${maxReadBytes} bytes`);
      const part = await this.#store.readRange(key, { startByte, lengthBytes, etag });
      if (part === undefined) throw new UserError('content-invalid', 'it is no longer there');
      if (part.body.length !== lengthBytes) throw new UserError('content-invalid', 'it ends too early');
      return part.body;
    } catch (error) {
      this.failure ??= error as SlipwayError;
      throw error;
    }
  }
}

function invalid(what: string, cause?: unknown): UserError {
  return new UserError('content-invalid', what, { cause });
}
