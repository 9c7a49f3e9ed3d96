import { gunzipSync, gzipSync } from 'node:zlib';
import { JsonError, keyProblem, parseStrictJson } from '@slipway/core';
import { isObject } from './schema-check.ts';

/** Of a document when it is unpacked: a shard with 200,000 files has some 50 MB. */
const maxDocumentBytes = 2 ** 26;
/** What a compressed document may have; a reader never needs more. */
export const maxStateBytes = 2 ** 25;
const format = 1;
const maxDepth = 6;
/** Of every text in a document. */
export const maxTextCharacters = 2_000;

/** A document that was read, or why it cannot be used: it is damaged, or of another program or version. */
export type ReadState<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'damaged'; readonly reason: string };

export function encode(document: Readonly<Record<string, unknown>>): Uint8Array {
  const packed = gzipSync(JSON.stringify({ format, ...document }), { level: 6 });
  // The system in the header of gzip: unknown, on every system.
  packed[9] = 255;
  return packed;
}

/** Ends the reading of a document that cannot be used. Its message follows the name of the document. */
export class Damage extends Error {}

export function decode<T>(
  bytes: Uint8Array,
  read: (document: Readonly<Record<string, unknown>>) => T,
): ReadState<T> {
  try {
    if (bytes.length > maxStateBytes) throw new Damage(`it has more than ${maxStateBytes} bytes`);
    const document = parseStrictJson(unpack(bytes), maxDepth);
    if (!isObject(document) || document['format'] !== format)
      throw new Damage(`it is not of format ${format}`);
    return { kind: 'read', value: read(document) };
  } catch (error) {
    if (error instanceof Damage) return { kind: 'damaged', reason: error.message };
    if (error instanceof JsonError) return { kind: 'damaged', reason: `it is not JSON: ${error.reason}` };
    throw error;
  }
}

function unpack(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxDocumentBytes });
  } catch {
    throw new Damage(`it is not gzip, or unpacks to more than ${maxDocumentBytes} bytes`);
  }
}

export function sortedObject<T>(map: ReadonlyMap<string, T>, encodeOne: (value: T) => unknown): object {
  const entries = [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  // Without a prototype, `__proto__` is a key like any other; numbers come first, always in the same order.
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, value] of entries) object[key] = encodeOne(value);
  return object;
}

export function mapOf<T>(
  value: unknown,
  decodeOne: (value: unknown) => T,
  keyOf = storedKeyOf,
): ReadonlyMap<string, T> {
  if (!isObject(value)) throw new Damage('it lacks a mapping');
  return new Map(Object.entries(value).map(([key, inner]) => [keyOf(key), decodeOne(inner)]));
}

export function listOf<T>(value: unknown, decodeOne: (value: unknown) => T): readonly T[] {
  if (!Array.isArray(value)) throw new Damage('it lacks a list');
  return value.map(decodeOne);
}

export function tuple(value: unknown, length: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length)
    throw new Damage(`it lacks a list of ${length} values`);
  return value;
}

export function textOf(value: unknown): string {
  if (typeof value === 'string' && value.length <= maxTextCharacters) return value;
  throw new Damage(`it lacks a text of at most ${maxTextCharacters} characters`);
}

function storedKeyOf(value: unknown): string {
  const key = textOf(value);
  if (keyProblem(key) === undefined) return key;
  throw new Damage('it has a key that no object can have');
}

/** A directory, which may be empty. */
export function pathOf(value: unknown): string {
  return value === '' ? '' : storedKeyOf(value);
}

export function hexOf(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return value;
  throw new Damage('it lacks a SHA-256');
}

export function numberOf(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Damage('it lacks a whole number');
}
