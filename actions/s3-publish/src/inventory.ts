import { Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { keyProblem, UserError } from '@slipway/core';

/** An object as this action stored it, or found it with the SHA-256 that was stored with it. */
export interface InventoryRecord {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly sha256: string;
  /** Digest of the headers that it was stored with. */
  readonly headers: string;
}

export type Inventory = ReadonlyMap<string, InventoryRecord>;

/** Where the inventory of a destination is. Under `.slipway/`, where no user's object can be (ADR 0016). */
export const inventoryKey = '.slipway/s3-publish-inventory.v1.gz';
export const inventoryContentType = 'application/gzip';

const maxRecords = 2_000_000;
const maxTextBytes = 1024 * 2 ** 20;
const maxLineCharacters = 4_096;
const chunkLines = 1_024;
const unpackChunkBytes = 64 * 1024;
/** Most of it is digests, which no effort makes smaller. */
const compressionLevel = 1;
const firstWords = 'slipway s3-publish inventory 1';

/** Whether an object with this ETag can be recorded: one with a control character would break the lines. */
export function isRecordable(etag: string): boolean {
  return etag !== '' && etag.length <= 256 && !/[\u0000-\u001f\u007f]/.test(etag);
}

/**
 * An inventory as bytes: gzip of a first line with the number of records, then one line for each,
 * `sha256 TAB size TAB headers TAB etag TAB key`.
 */
export async function formatInventory(inventory: Inventory): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const stream = Readable.from(linesOf(inventory)).pipe(createGzip({ level: compressionLevel }));
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

function* linesOf(inventory: Inventory): Generator<string> {
  let text = `${firstWords} ${inventory.size}\n`;
  let lines = 0;
  for (const [key, { sizeBytes, etag, sha256, headers }] of inventory) {
    text += `${sha256}\t${sizeBytes}\t${headers}\t${etag}\t${key}\n`;
    lines += 1;
    if (lines % chunkLines !== 0) continue;
    yield text;
    text = '';
  }
  yield text;
}

/**
 * Reads what `formatInventory` wrote. Throws a `UserError` `content-invalid` for anything else, as a whole: what is damaged in
 * one place is believed in none.
 */
export async function parseInventory(bytes: Uint8Array): Promise<Inventory> {
  const records = new Map<string, InventoryRecord>();
  let announced: number | undefined;
  for await (const lines of textLines(bytes)) {
    for (const line of lines) {
      if (announced === undefined) {
        announced = announcedCount(line);
        continue;
      }
      const [key, record] = parseRecord(line);
      if (records.has(key)) throw damaged('names a key twice');
      if (records.size === announced) throw damaged('has more records than it says');
      records.set(key, record);
    }
  }
  if (records.size !== announced) throw damaged('has fewer records than it says');
  return records;
}

/** The lines of the text, many at a time; each ends in a line break. */
async function* textLines(bytes: Uint8Array): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let totalBytes = 0;
  try {
    for await (const chunk of Readable.from([bytes]).pipe(createGunzip({ chunkSize: unpackChunkBytes }))) {
      totalBytes += chunk.length;
      if (totalBytes > maxTextBytes) throw damaged('is too large');
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > maxLineCharacters) throw damaged('has a line that is too long');
      yield lines;
    }
    if (rest + decoder.decode() !== '') throw damaged('ends within a line');
  } catch (error) {
    throw error instanceof UserError ? error : damaged('cannot be unpacked', error);
  }
}

function announcedCount(line: string): number {
  const count = line.startsWith(`${firstWords} `) ? line.slice(firstWords.length + 1) : '';
  if (!/^\d{1,7}$/.test(count) || Number(count) > maxRecords) throw damaged('has an unknown first line');
  return Number(count);
}

function parseRecord(line: string): [string, InventoryRecord] {
  const fields = line.split('\t');
  const [sha256 = '', size = '', headers = '', etag = '', key = ''] = fields;
  const isRecord =
    fields.length === 5 &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    /^\d{1,15}$/.test(size) &&
    /^[0-9a-f]{16}$/.test(headers) &&
    isRecordable(etag) &&
    keyProblem(key) === undefined;
  if (!isRecord) throw damaged('has a record that is none');
  return [key, { sizeBytes: Number(size), etag, sha256, headers }];
}

function damaged(what: string, cause?: unknown): UserError {
  return new UserError('content-invalid', `the inventory of the destination ${what}`, { cause });
}
