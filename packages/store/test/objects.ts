import { hash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ObjectInfo, ObjectStore, WriteOptions, WriteSource } from '@slipway/core';
import { onTestFinished } from 'vitest';

/** A directory for this test, removed after it. */
export function temporaryDirectory(): string {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'slipway-store-')));
  onTestFinished(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function sha256Of(content: string | Uint8Array): string {
  return hash('sha256', content);
}

export function bytesSource(content: string | Uint8Array): WriteSource {
  return { kind: 'bytes', bytes: typeof content === 'string' ? Buffer.from(content) : content };
}

export function options(
  content: string | Uint8Array,
  condition: WriteOptions['condition'] = 'any',
  cache: WriteOptions['cache'] = 'immutable',
): WriteOptions {
  return { condition, cache, contentType: 'application/octet-stream', sha256: sha256Of(content) };
}

/** Writes `content` in one call, on `condition`. */
export function put(
  store: ObjectStore,
  key: string,
  content: string | Uint8Array,
  condition: WriteOptions['condition'] = 'any',
  cache: WriteOptions['cache'] = 'immutable',
): Promise<{ readonly etag: string }> {
  return store.write(key, bytesSource(content), options(content, condition, cache));
}

/** The object's text, or undefined if it is missing. */
export async function textOf(store: ObjectStore, key: string): Promise<string | undefined> {
  const object = await store.read(key, { maxBytes: 1_000_000 });
  return object === undefined ? undefined : Buffer.from(object.body).toString();
}

export async function collect(listing: AsyncIterable<ObjectInfo>): Promise<ObjectInfo[]> {
  const infos: ObjectInfo[] = [];
  for await (const info of listing) infos.push(info);
  return infos.sort((a, b) => (a.key < b.key ? -1 : 1));
}

export async function keysOf(listing: AsyncIterable<ObjectInfo>): Promise<string[]> {
  return (await collect(listing)).map((info) => info.key);
}

/** Reads a stream to its end. */
export async function drain(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Every file under a directory, relative to it, including the store's own. */
export function filesUnder(directory: string): string[] {
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .sort();
}
