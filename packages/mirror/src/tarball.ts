import { createHash, hash as hashOnce } from 'node:crypto';
import { createGunzip, type Gunzip, gunzipSync } from 'node:zlib';
import { type ObjectStore, releaseBytes, systemErrorCode, unreachable } from '@slipway/core';
import { type BlobRecord, blobKey } from '@slipway/spack-buildcache';
import { type Extract, extract } from 'tar-stream';
import { type Finding, finding } from './findings.ts';
import { unpackedBytes } from './unpacked-bytes.ts';

const specFilePattern = /(^|\/)\.spack\/spec\.json$/;
/** Tarballs up to this size are read in one piece, unless they unpack to more than sixteen times as much. */
const maxTarballBytesInMemory = 512 * 1024;
const maxUnpackedBytesInMemory = 16 * maxTarballBytesInMemory;
const maxSpecFileBytes = 64 * 1024 * 1024;
/** Spack packs `.spack` first; where it has not come after so many unpacked bytes, it is not looked for any longer. */
const maxSearchedBytes = 4 * 1024 * 1024 * 1024;

/**
 * Reads a tarball once: its size and SHA-256 against the manifest, and the spec inside it against `dagHash`, so that
 * a manifest cannot offer one package's files as another's. Memory does not grow with the tarball. Throws what the store
 * throws, `too-large` for a small tarball that is larger than its manifest says.
 */
export async function checkTarball(
  store: ObjectStore,
  record: BlobRecord,
  dagHash: string,
  onBytes: (count: number) => void = () => {},
): Promise<Finding | undefined> {
  const key = blobKey(record.checksum);
  if (record.contentLength <= maxTarballBytesInMemory)
    return checkSmallTarball(store, record, dagHash, onBytes);
  const stream = await store.readStream(key, { maxBytes: Number.MAX_SAFE_INTEGER });
  if (stream === undefined) return missingBlob(key, 'the tarball');
  const sizeProblem = checkSize(key, stream.info.sizeBytes, record.contentLength);
  if (sizeProblem !== undefined) {
    await stream.body[Symbol.asyncIterator]().return?.();
    return sizeProblem;
  }
  const { sizeBytes, sha256, spec } = await readTarball(stream.body, onBytes);
  const size = checkSize(key, sizeBytes, record.contentLength);
  if (size !== undefined) return size;
  if (sha256 !== record.checksum) return tamperedBlob(key);
  return tarballBinding(key, spec, dagHash);
}

/** The same in one piece, which takes a third of the time: most packages of a stack are small. */
async function checkSmallTarball(
  store: ObjectStore,
  record: BlobRecord,
  dagHash: string,
  onBytes: (count: number) => void,
): Promise<Finding | undefined> {
  const key = blobKey(record.checksum);
  const stored = (await store.read(key, { maxBytes: record.contentLength }))?.body;
  if (stored === undefined) return missingBlob(key, 'the tarball');
  const size = checkSize(key, stored.length, record.contentLength);
  if (size !== undefined) return size;
  onBytes(stored.length);
  if (hashOnce('sha256', stored) !== record.checksum) return tamperedBlob(key);
  return tarballBinding(key, await findSpecFile(stored), dagHash);
}

/** The spec file of a whole tarball; one that unpacks to much is read as a stream. */
async function findSpecFile(stored: Uint8Array): Promise<SpecFileResult> {
  let unpacked: Buffer;
  try {
    unpacked = gunzipSync(stored, {
      maxOutputLength: maxUnpackedBytesInMemory,
      chunkSize: unpackedBytes(stored),
    });
  } catch (error) {
    if (systemErrorCode(error) !== 'ERR_BUFFER_TOO_LARGE') {
      return { kind: 'unreadable', why: error instanceof Error ? error.message : String(error) };
    }
    const search = new SpecFileSearch();
    await search.push(stored);
    return search.end();
  }
  const found = await new Promise<SpecFileResult>((resolve) => {
    const tar = extract();
    searchTar(tar, (result) => {
      resolve(result);
      tar.destroy();
    });
    tar.end(unpacked);
  });
  releaseBytes(unpacked);
  return found;
}

/** What one pass over a tarball tells. */
export interface TarballReading {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly spec: SpecFileResult;
}

/** Reads a tarball to its end. Memory does not grow with it. Throws what the stream throws. */
export async function readTarball(
  body: AsyncIterable<Uint8Array>,
  onBytes: (count: number) => void = () => {},
): Promise<TarballReading> {
  const hash = createHash('sha256');
  const search = new SpecFileSearch();
  let sizeBytes = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    onBytes(chunk.length);
    await search.push(chunk);
  }
  const spec = await search.end();
  return { sizeBytes, sha256: hash.digest('hex'), spec };
}

/** The finding for a tarball that does not hold the files of `dagHash`, if it does not. */
export function tarballBinding(key: string, spec: SpecFileResult, dagHash: string): Finding | undefined {
  switch (spec.kind) {
    case 'unreadable':
      return finding('tarball-unreadable', key, `the tarball cannot be unpacked: ${spec.why}`);
    case 'absent':
      return finding(
        'tarball-unbound',
        key,
        'the tarball has no .spack/spec.json, so nothing says whose files these are',
      );
    case 'found':
      if (spec.dagHash === dagHash) return undefined;
      return finding(
        'tarball-mismatch',
        key,
        `the tarball holds the files of ${spec.dagHash}, but the mirror offers them as ${dagHash}`,
      );
    default:
      return unreachable(spec);
  }
}

/** Whose files a tarball says it holds. */
export type SpecFileResult =
  | { readonly kind: 'found'; readonly dagHash: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** Unpacks a tarball as it streams by, until its spec file has been read; then it only lets bytes pass. */
class SpecFileSearch {
  readonly #gunzip: Gunzip = createGunzip();
  readonly #tar: Extract = extract();
  #result: SpecFileResult | undefined;
  #unpackedBytes = 0;
  readonly #done: Promise<void>;

  constructor() {
    this.#done = new Promise((resolve) => {
      const settle = (result: SpecFileResult): void => {
        this.#result ??= result;
        this.#gunzip.destroy();
        this.#tar.destroy();
        resolve();
      };
      const unreadable = (error: unknown): void =>
        settle({ kind: 'unreadable', why: error instanceof Error ? error.message : String(error) });
      this.#gunzip.on('error', unreadable);
      this.#gunzip.on('data', (chunk: Buffer) => {
        this.#unpackedBytes += chunk.length;
        if (this.#unpackedBytes > maxSearchedBytes) settle({ kind: 'absent' });
      });
      searchTar(this.#tar, settle);
      this.#gunzip.pipe(this.#tar);
    });
  }

  async push(chunk: Uint8Array): Promise<void> {
    if (this.#result !== undefined) return;
    if (!this.#gunzip.write(chunk)) {
      await Promise.race([new Promise((resolve) => this.#gunzip.once('drain', resolve)), this.#done]);
    }
  }

  async end(): Promise<SpecFileResult> {
    if (this.#result === undefined) this.#gunzip.end();
    await this.#done;
    return this.#result ?? { kind: 'absent' };
  }
}

/** Reads a tar until its first `.spack/spec.json`, its end, or an error, and settles with what it found. */
function searchTar(tar: Extract, settle: (result: SpecFileResult) => void): void {
  tar.on('error', (error) => settle({ kind: 'unreadable', why: error.message }));
  tar.on('finish', () => settle({ kind: 'absent' }));
  tar.on('entry', (header, stream, next) => {
    if (header.type !== 'file' || !specFilePattern.test(header.name)) {
      stream.on('end', next);
      stream.resume();
      return;
    }
    if ((header.size ?? 0) > maxSpecFileBytes) {
      settle({ kind: 'unreadable', why: 'its .spack/spec.json is too large' });
      return;
    }
    const chunks: Buffer[] = [];
    stream.on('data', (chunk) => {
      if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
    });
    stream.on('end', () => settle(dagHashOfSpecFile(Buffer.concat(chunks))));
  });
}

function dagHashOfSpecFile(json: Buffer): SpecFileResult {
  try {
    const document: unknown = JSON.parse(json.toString('utf8'));
    const hash = rootHashOf(document);
    if (hash !== undefined) return { kind: 'found', dagHash: hash };
  } catch {
    // Said below: whatever is wrong with it, it names no spec.
  }
  return { kind: 'unreadable', why: 'its .spack/spec.json names no spec' };
}

function rootHashOf(document: unknown): string | undefined {
  const spec = property(document, 'spec');
  const nodes = property(spec, 'nodes');
  const root = Array.isArray(nodes) ? nodes[0] : undefined;
  const hash = property(root, 'hash');
  return typeof hash === 'string' && /^[a-z2-7]{32}$/.test(hash) ? hash : undefined;
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** The finding for a blob whose size is not what its manifest says, if it is not. */
export function checkSize(key: string, sizeBytes: number, contentLength: number): Finding | undefined {
  if (sizeBytes === contentLength) return undefined;
  const code = sizeBytes < contentLength ? 'blob-truncated' : 'blob-oversized';
  return finding(code, key, `it has ${sizeBytes} bytes, and its manifest says ${contentLength}`);
}

export function missingBlob(key: string, what: string): Finding {
  return finding(
    'blob-missing',
    key,
    `${what} is not stored`,
    'Publish the entry again from where it was built.',
  );
}

export function tamperedBlob(key: string): Finding {
  return finding('blob-tampered', key, 'its content has another SHA-256 than its name and manifest say');
}
