import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib';
import { releaseBytes } from '@slipway/core';
import type { FindingCode } from './findings.ts';
import {
  type GzipFault,
  gunzipWhole,
  gzipEndFault,
  gzipHeaderBytes,
  gzipTrailerBytes,
  malformedGzip,
  trailingGzip,
} from './gzip.ts';
import { TarballFault } from './tar-header.ts';
import { TarWalk } from './tar-walk.ts';
import { TarballContents, tarballLimits, tooLarge } from './tarball-contents.ts';

/** Tarballs that unpack to more are streamed. */
const maxUnpackedBytesInMemory = 8 * 1024 * 1024;
const inflateChunkBytes = 64 * 1024;

export interface TarballRemark {
  readonly code: FindingCode;
  readonly message: string;
}

/** The DAG hash of the spec whose files a tarball holds, or why it is refused. */
export type TarballVerdict =
  | { readonly kind: 'sound'; readonly dagHash: string; readonly warnings: readonly TarballRemark[] }
  | { readonly kind: 'refused'; readonly fault: TarballRemark };

/** Judges a tarball in memory. A large one is unpacked in pieces. */
export async function judgeTarball(stored: Uint8Array): Promise<TarballVerdict> {
  const unpacked = gunzipWhole(stored, maxUnpackedBytesInMemory);
  if (!Buffer.isBuffer(unpacked)) {
    if (unpacked.code !== 'gzip-bomb') return refusedGzip(unpacked);
    const judge = new TarballJudge();
    await judge.push(stored);
    return judge.end();
  }
  const contents = new TarballContents();
  const verdict = judged(contents, () => {
    const walk = new TarWalk(contents);
    walk.push(unpacked);
    walk.end();
  });
  releaseBytes(unpacked);
  return verdict;
}

/** Judges a tarball that arrives in pieces. Memory grows only with the names in it, which are bounded. */
export class TarballJudge {
  readonly #contents = new TarballContents();
  readonly #walk = new TarWalk(this.#contents);
  readonly #inflate: InflateRaw = createInflateRaw({ chunkSize: inflateChunkBytes });
  /** The beginning of the file, until its gzip header is complete. */
  #head: Buffer | undefined = Buffer.alloc(0);
  #tail: Buffer = Buffer.alloc(0);
  #packedBytes = 0;
  #unpackedBytes = 0;
  #checksum = 0;
  #verdict: TarballVerdict | undefined;
  #inflated = false;
  readonly #done: Promise<void>;

  /** `maxUnpackedBytes` also counts what belongs to no entry: headers, long names, and zeros at the end. */
  constructor(maxUnpackedBytes: number = 2 * tarballLimits.unpackedBytes) {
    this.#done = new Promise((resolve) => {
      const settle = (verdict: TarballVerdict | undefined): void => {
        this.#verdict ??= verdict;
        this.#inflated = true;
        this.#inflate.destroy();
        resolve();
      };
      this.#inflate.on('error', () => settle(refusedGzip(malformedGzip)));
      this.#inflate.on('end', () => settle(undefined));
      this.#inflate.on('data', (chunk: Buffer) => {
        if (this.#verdict !== undefined) return;
        this.#unpackedBytes += chunk.length;
        this.#checksum = crc32(chunk, this.#checksum);
        const fault = faultOf(() => {
          if (this.#unpackedBytes > maxUnpackedBytes) throw tooLarge();
          this.#walk.push(chunk);
        });
        if (fault !== undefined) settle({ kind: 'refused', fault });
      });
    });
  }

  async push(chunk: Uint8Array): Promise<void> {
    if (this.#verdict !== undefined) return;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#head === undefined) return this.#pass(bytes);
    this.#head = Buffer.concat([this.#head, bytes]);
    const headerBytes = gzipHeaderBytes(this.#head);
    if (headerBytes === 'unfinished') return;
    if (headerBytes === undefined) {
      this.#verdict = refusedGzip(malformedGzip);
      this.#inflate.destroy();
      return;
    }
    const packed = this.#head.subarray(headerBytes);
    this.#head = undefined;
    return this.#pass(packed);
  }

  async #pass(packed: Buffer): Promise<void> {
    this.#packedBytes += packed.length;
    const joined = packed.length >= gzipTrailerBytes ? packed : Buffer.concat([this.#tail, packed]);
    this.#tail = Buffer.from(joined.subarray(-gzipTrailerBytes));
    if (this.#inflated || this.#inflate.write(packed)) return;
    await Promise.race([new Promise((resolve) => this.#inflate.once('drain', resolve)), this.#done]);
  }

  async end(): Promise<TarballVerdict> {
    if (this.#verdict !== undefined) return this.#verdict;
    if (this.#head !== undefined) return refusedGzip(malformedGzip);
    if (!this.#inflated) this.#inflate.end();
    await this.#done;
    return (
      this.#verdict ?? refusedGzipEnd(this.#endFault()) ?? judged(this.#contents, () => this.#walk.end())
    );
  }

  #endFault(): GzipFault | undefined {
    const afterPacked = this.#packedBytes - this.#inflate.bytesWritten;
    if (afterPacked > gzipTrailerBytes) return trailingGzip;
    if (afterPacked < gzipTrailerBytes) return malformedGzip;
    return gzipEndFault(this.#tail, this.#checksum, this.#unpackedBytes);
  }
}

function judged(contents: TarballContents, walk: () => void): TarballVerdict {
  let dagHash = '';
  const fault = faultOf(() => {
    walk();
    const spec = contents.finish();
    if (spec.kind === 'absent')
      throw new TarballFault('tarball-unbound', `${spec.why}, so nothing says whose files these are`);
    const hash = dagHashOfSpecFile(spec.json);
    if (hash === undefined)
      throw new TarballFault(
        'tarball-unreadable',
        'the tarball cannot be unpacked: its .spack/spec.json names no spec',
      );
    dagHash = hash;
  });
  return fault === undefined
    ? { kind: 'sound', dagHash, warnings: contents.warnings() }
    : { kind: 'refused', fault };
}

function faultOf(read: () => void): TarballFault | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof TarballFault) return error;
    throw error;
  }
}

function refusedGzip({ code, message }: GzipFault): TarballVerdict {
  if (code === 'gzip-malformed')
    return {
      kind: 'refused',
      fault: { code: 'tarball-unreadable', message: `the tarball cannot be unpacked: ${message}` },
    };
  return { kind: 'refused', fault: { code, message } };
}

function refusedGzipEnd(fault: GzipFault | undefined): TarballVerdict | undefined {
  return fault === undefined ? undefined : refusedGzip(fault);
}

/**
 * The DAG hash of an installed spec's root; undefined if there is none. The last of several equal keys counts, as in Spack.
 */
function dagHashOfSpecFile(json: Buffer): string | undefined {
  try {
    const document: unknown = JSON.parse(json.toString('utf8'));
    const nodes = property(property(document, 'spec'), 'nodes');
    const hash = property(Array.isArray(nodes) ? nodes[0] : undefined, 'hash');
    return typeof hash === 'string' && /^[a-z2-7]{32}$/.test(hash) ? hash : undefined;
  } catch {
    // Unreadable JSON names no spec.
    return undefined;
  }
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
