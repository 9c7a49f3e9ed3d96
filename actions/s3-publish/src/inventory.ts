import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { UserError } from '@slipway/core';

/** An object that this action stored, or found with its stored SHA-256. */
export interface InventoryObject {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly sha256: string;
  /** Digest of its headers when it was stored. */
  readonly headers: string;
}

/**
 * The record of an object in the inventory. The inventory may be public, so it has only digests, each including the key: without
 * the key and the object, they reveal nothing.
 */
export interface InventoryRecord {
  /** Of the size and the ETag. */
  readonly state: string;
  /** Of the SHA-256. */
  readonly content: string;
  readonly headers: string;
}

/** Records by `keyDigest`. */
export type Inventory = ReadonlyMap<string, InventoryRecord>;

export function keyDigest(key: string): string {
  return digestOf('key', key);
}

/** What a record has for an object of this size and ETag. */
export function stateDigest(key: string, sizeBytes: number, etag: string): string {
  return digestOf('state', `${sizeBytes} ${etag}\n${key}`);
}

/** What a record has for an object with this SHA-256. */
export function contentDigest(key: string, sha256: string): string {
  return digestOf('content', `${sha256}\n${key}`);
}

export function recordOf(
  key: string,
  { sizeBytes, etag, sha256, headers }: InventoryObject,
): InventoryRecord {
  return { state: stateDigest(key, sizeBytes, etag), content: contentDigest(key, sha256), headers };
}

/** 128 bits: two keys, or two objects of one key, cannot be made to collide. */
function digestOf(what: string, text: string): string {
  return hash('sha256', `slipway inventory ${what}\n${text}`).slice(0, 32);
}

/** The key of the inventory: in `.slipway/`, where user objects are not allowed (ADR 0016). */
export const inventoryKey = '.slipway/s3-publish-inventory.v1.gz';
export const inventoryContentType = 'application/gzip';

const maxRecords = 2_000_000;
const maxTextBytes = 1024 * 2 ** 20;
const maxLineCharacters = 256;
const chunkLines = 1_024;
const unpackChunkBytes = 64 * 1024;
/** Most of it is digests, which do not compress. */
const compressionLevel = 1;
const firstWords = 'slipway s3-publish inventory 2';

/**
 * An inventory as bytes: gzip of a first line with the number of records, then one line for each,
 * `key TAB state TAB content TAB headers`, all of them digests.
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
  for (const [key, { state, content, headers }] of inventory) {
    text += `${key}\t${state}\t${content}\t${headers}\n`;
    lines += 1;
    if (lines % chunkLines !== 0) continue;
    yield text;
    text = '';
  }
  yield text;
}

/**
 * Reads what `formatInventory` wrote. Throws `UserError` `content-invalid` for anything else: a partly damaged inventory is not
 * trusted at all.
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
      if (records.size === announced) throw damaged('has more records than it states');
      records.set(key, record);
    }
  }
  if (records.size !== announced) throw damaged('has fewer records than it states');
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

const recordForm = /^(?:[0-9a-f]{32}\t){3}[0-9a-f]{16}$/;

function parseRecord(line: string): [string, InventoryRecord] {
  if (!recordForm.test(line)) throw damaged('has a malformed record');
  const [key = '', state = '', content = '', headers = ''] = line.split('\t');
  return [key, { state, content, headers }];
}

function damaged(what: string, cause?: unknown): UserError {
  return new UserError('content-invalid', `the inventory of the destination ${what}`, { cause });
}
