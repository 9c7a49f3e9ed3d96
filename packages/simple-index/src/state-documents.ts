import { gunzipSync, gzipSync } from 'node:zlib';
import { JsonError, keyProblem, parseStrictJson } from '@slipway/core';
import { isObject } from './schema-check.ts';
import type { FileFacts, HashOrigin, MetadataFacts, PageState, PrefixState, ShardState } from './state.ts';

/** Of a document when it is unpacked: a shard with 200,000 files has some 50 MB. */
const maxDocumentBytes = 2 ** 26;
/** What a compressed document may have; a reader never needs more. */
export const maxStateBytes = 2 ** 25;
const format = 1;
const maxDepth = 6;
const maxTextCharacters = 2_000;
const origins: readonly (HashOrigin | null)[] = ['checksum', 'metadata', 'computed', 'none', null];

/** A document that was read, or why it cannot be used: it is damaged, or of another program or version. */
export type ReadState<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'damaged'; readonly reason: string };

/** The document of a shard. The same facts always give the same bytes, with one version of Node. */
export function encodeShard(files: ShardState): Uint8Array {
  return encode({ files: sortedObject(files, encodeFacts) });
}

/** Reads what `encodeShard` writes, and never throws. */
export function decodeShard(bytes: Uint8Array): ReadState<ShardState> {
  return decode(bytes, ({ files }) => mapOf(files, decodeFacts));
}

/** The document of a prefix. The same state always gives the same bytes, with one version of Node. */
export function encodePrefix(state: PrefixState): Uint8Array {
  return encode({
    fingerprint: state.fingerprint,
    directories: [...state.directories].sort(),
    projects: sortedObject(state.projects, (names) => [...names].sort()),
    pages: sortedObject(state.pages, ({ etag, sha256 }) => [etag, sha256]),
  });
}

/** Reads what `encodePrefix` writes, and never throws. */
export function decodePrefix(bytes: Uint8Array): ReadState<PrefixState> {
  return decode(bytes, ({ fingerprint, directories, projects, pages }) => ({
    fingerprint: hexOf(fingerprint),
    directories: listOf(directories, pathOf),
    projects: mapOf(projects, (names) => listOf(names, textOf), pathOf),
    pages: mapOf(pages, decodePage, textOf),
  }));
}

/** The document with the splits of the next listing. */
export function encodeSplits(splits: readonly string[]): Uint8Array {
  return encode({ splits });
}

/** Reads what `encodeSplits` writes, and never throws. */
export function decodeSplits(bytes: Uint8Array): ReadState<readonly string[]> {
  return decode(bytes, ({ splits }) => listOf(splits, textOf));
}

function encodeFacts(facts: FileFacts): unknown {
  const { etag, sizeBytes, modifiedAtMs, uploadedAtMs, sha256, hashOrigin, metadata } = facts;
  return [
    etag,
    sizeBytes,
    modifiedAtMs,
    uploadedAtMs,
    sha256,
    hashOrigin,
    metadata === null ? null : [metadata.etag, metadata.sha256, metadata.requiresPython],
  ];
}

function decodeFacts(value: unknown): FileFacts {
  const [etag, sizeBytes, modifiedAtMs, uploadedAtMs, sha256, hashOrigin, metadata] = tuple(value, 7);
  const origin = origins.find((one) => one === hashOrigin);
  if (origin === undefined) throw new Damage('it has an origin of a hash that is not known');
  return {
    etag: textOf(etag),
    sizeBytes: numberOf(sizeBytes),
    modifiedAtMs: numberOf(modifiedAtMs),
    uploadedAtMs: numberOf(uploadedAtMs),
    sha256: sha256 === null ? null : hexOf(sha256),
    hashOrigin: origin,
    metadata: metadata === null ? null : decodeMetadata(metadata),
  };
}

function decodeMetadata(value: unknown): MetadataFacts {
  const [etag, sha256, requiresPython] = tuple(value, 3);
  return {
    etag: textOf(etag),
    sha256: sha256 === null ? null : hexOf(sha256),
    requiresPython: requiresPython === null ? null : textOf(requiresPython),
  };
}

function decodePage(value: unknown): PageState {
  const [etag, sha256] = tuple(value, 2);
  return { etag: textOf(etag), sha256: hexOf(sha256) };
}

function encode(document: Readonly<Record<string, unknown>>): Uint8Array {
  const packed = gzipSync(JSON.stringify({ format, ...document }), { level: 6 });
  // The system in the header of gzip: unknown, on every system.
  packed[9] = 255;
  return packed;
}

class Damage extends Error {}

function decode<T>(
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

function sortedObject<T>(map: ReadonlyMap<string, T>, encodeOne: (value: T) => unknown): object {
  const entries = [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  // Without a prototype, `__proto__` is a key like any other; numbers come first, always in the same order.
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, value] of entries) object[key] = encodeOne(value);
  return object;
}

function mapOf<T>(
  value: unknown,
  decodeOne: (value: unknown) => T,
  keyOf = storedKeyOf,
): ReadonlyMap<string, T> {
  if (!isObject(value)) throw new Damage('it lacks a mapping');
  return new Map(Object.entries(value).map(([key, inner]) => [keyOf(key), decodeOne(inner)]));
}

function listOf<T>(value: unknown, decodeOne: (value: unknown) => T): readonly T[] {
  if (!Array.isArray(value)) throw new Damage('it lacks a list');
  return value.map(decodeOne);
}

function tuple(value: unknown, length: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length)
    throw new Damage(`it lacks a list of ${length} values`);
  return value;
}

function textOf(value: unknown): string {
  if (typeof value === 'string' && value.length <= maxTextCharacters) return value;
  throw new Damage(`it lacks a text of at most ${maxTextCharacters} characters`);
}

function storedKeyOf(value: unknown): string {
  const key = textOf(value);
  if (keyProblem(key) === undefined) return key;
  throw new Damage('it has a key that no object can have');
}

/** A directory, which may be empty. */
function pathOf(value: unknown): string {
  return value === '' ? '' : storedKeyOf(value);
}

function hexOf(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return value;
  throw new Damage('it lacks a SHA-256');
}

function numberOf(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Damage('it lacks a whole number');
}
