import { encodeKey, parseEndpoint, parseJsonText } from '@slipway/core';
import { readBoundedFile } from '@slipway/local-files';
import { type AskedTarget, eachOf, type Proof, parsePaths, parseProofPath } from './parsers.ts';

const maxFileBytes = 64 * 2 ** 20;
const maxItems = 200_000;
/** More than any manifest of another tool needs. */
const maxManifestDepth = 20;

/** The paths in a file, as `parsePaths` reads them. Throws an `Error` for a file that cannot be read, and for lines that are not paths. */
export async function readPathsFile(path: string, workDirectory: string): Promise<readonly AskedTarget[]> {
  const targets = parsePaths(await readText(path, workDirectory));
  if (targets.length > maxItems) throw new Error(`it has more than ${maxItems} paths`);
  return targets;
}

/**
 * The objects in a manifest: a JSON array of objects with `key`, `sizeBytes` and `sha256`, and `url` if known. Throws an `Error`
 * for a file that cannot be read or is not a manifest, and names all invalid entries.
 */
export async function readManifestFile(path: string, workDirectory: string): Promise<readonly Proof[]> {
  return parseManifest(await readText(path, workDirectory));
}

/** As `readManifestFile`, of its text. */
export function parseManifest(text: string): readonly Proof[] {
  const entries = parseJsonText(text, { maxDepth: maxManifestDepth });
  if (!Array.isArray(entries)) throw new Error('is not a JSON array');
  if (entries.length === 0) throw new Error('it has no objects, so nothing would be proven');
  if (entries.length > maxItems) throw new Error(`it has more than ${maxItems} objects`);
  return eachOf(entries.map(asRecord), parseEntry, ({ key }) => String(key ?? 'an object without a key'));
}

function parseEntry({ key, sizeBytes, sha256, url }: Readonly<Record<string, unknown>>): Proof {
  if (typeof key !== 'string' || key === '') throw new Error('it has no key');
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256))
    throw new Error('its sha256 is not a SHA-256 of 64 hex digits');
  if (typeof sizeBytes !== 'number' || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new Error('its sizeBytes is not a size');
  }
  // A key is not URL-encoded: its characters are literal.
  const name = parseProofPath(encodeKey(key));
  const place: Proof['place'] =
    typeof url === 'string' && url.startsWith('http')
      ? { kind: 'url', url: parseEndpoint(url).href }
      : { kind: 'path', name };
  return { place, sha256, sizeBytes };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

async function readText(path: string, workDirectory: string): Promise<string> {
  const bytes = await readBoundedFile(path, { maxBytes: maxFileBytes, baseDirectory: workDirectory });
  return bytes.toString('utf8');
}
