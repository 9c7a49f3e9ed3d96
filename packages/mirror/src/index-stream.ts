import { createHash } from 'node:crypto';
import type { ObjectStore } from '@slipway/core';
import {
  blobKey,
  maxIndexBytes,
  type NodeTable,
  PackageIndex,
  type VersionedRecord,
} from '@slipway/spack-buildcache';
import { parsed, storeFinding } from './entry-findings.ts';
import type { Finding } from './findings.ts';
import { checkSize, missingBlob, tamperedBlob } from './tarball.ts';

/** How much is read before the reader looks at it; a member of an index that is larger makes the window grow. */
const windowBytes = 2 * 1024 * 1024;
/** No node of a spec is larger, so neither is a record. */
const maxWindowBytes = 80 * 1024 * 1024;

/**
 * The package index that a pointer names, as `readPackageIndex` gives it, without ever having it in memory: nodes that are
 * in `known` byte for byte, which in a sound mirror are all, are kept there alone.
 */
export async function streamPackageIndex(
  store: ObjectStore,
  { version, record }: VersionedRecord,
  known: readonly NodeTable[],
  findings: Finding[],
): Promise<PackageIndex | undefined> {
  const key = blobKey(record.checksum);
  try {
    const stream = await store.readStream(key, { maxBytes: maxIndexBytes });
    if (stream === undefined) {
      findings.push(missingBlob(key, 'the package index'));
      return undefined;
    }
    const problems: Finding[] = [];
    const { index, parser } = PackageIndex.reader(known, version);
    const window = new Window((bytes, isLast, origin) => {
      // What is wrong with it matters only if it is the index that the pointer names.
      if (problems.length > 0) return bytes.length;
      const done = parsed(key, 'index-malformed', problems, () => parser.parse(bytes, isLast, origin));
      return done ?? bytes.length;
    });
    const hash = createHash('sha256');
    for await (const chunk of stream.body) {
      hash.update(chunk);
      window.push(chunk);
    }
    window.end();
    const problem =
      checkSize(key, window.totalBytes, record.contentLength) ??
      (hash.digest('hex') === record.checksum ? problems[0] : tamperedBlob(key));
    if (problem === undefined) return index;
    findings.push(problem);
    return undefined;
  } catch (error) {
    const tooLarge = `it is larger than ${maxIndexBytes} bytes`;
    const refused = storeFinding(error, key, 'manifest-too-large', tooLarge);
    if (refused === undefined) throw error;
    findings.push(refused);
    return undefined;
  }
}

/** Gives the bytes of a stream to a reader that takes as many as it can use. */
class Window {
  readonly #read: (bytes: Uint8Array, isLast: boolean, origin: number) => number;
  #buffer = Buffer.allocUnsafeSlow(windowBytes);
  #used = 0;
  totalBytes = 0;

  constructor(read: (bytes: Uint8Array, isLast: boolean, origin: number) => number) {
    this.#read = read;
  }

  push(chunk: Uint8Array): void {
    for (let taken = 0; taken < chunk.length; ) {
      if (this.#used === this.#buffer.length) this.#makeRoom();
      const count = Math.min(chunk.length - taken, this.#buffer.length - this.#used);
      this.#buffer.set(chunk.subarray(taken, taken + count), this.#used);
      this.#used += count;
      this.totalBytes += count;
      taken += count;
    }
  }

  end(): void {
    this.#read(this.#buffer.subarray(0, this.#used), true, this.totalBytes - this.#used);
  }

  #makeRoom(): void {
    const isTooLong = this.#buffer.length >= maxWindowBytes;
    const done = this.#read(this.#buffer, isTooLong, this.totalBytes - this.#used);
    if (done === 0) {
      const larger = Buffer.allocUnsafeSlow(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
      return;
    }
    this.#buffer.copyWithin(0, done, this.#used);
    this.#used -= done;
  }
}
