import { createHash } from 'node:crypto';
import { createGunzip, type Gunzip } from 'node:zlib';
import { type ObjectStore, unreachable } from '@slipway/core';
import { type BlobRecord, blobKey } from '@slipway/spack-buildcache';
import { type Extract, extract } from 'tar-stream';
import { type Finding, finding } from './findings.ts';

const specFilePattern = /(^|\/)\.spack\/spec\.json$/;
const maxSpecFileBytes = 64 * 1024 * 1024;
/** Spack packs `.spack` first; where it has not come after so many unpacked bytes, it is not looked for any longer. */
const maxSearchedBytes = 4 * 1024 * 1024 * 1024;

/**
 * Reads a tarball once: its size and SHA-256 against the manifest, and the spec inside it against `dagHash`, so that
 * a manifest cannot offer one package's files as another's. Memory does not grow with the tarball.
 */
export async function checkTarball(
  store: ObjectStore,
  record: BlobRecord,
  dagHash: string,
  onBytes: (count: number) => void = () => {},
): Promise<Finding | undefined> {
  const key = blobKey(record.checksum);
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
      this.#tar.on('error', unreadable);
      this.#tar.on('finish', () => settle({ kind: 'absent' }));
      this.#gunzip.on('data', (chunk: Buffer) => {
        this.#unpackedBytes += chunk.length;
        if (this.#unpackedBytes > maxSearchedBytes) settle({ kind: 'absent' });
      });
      this.#tar.on('entry', (header, stream, next) => {
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
