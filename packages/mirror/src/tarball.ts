import { createHash, hash as hashOnce } from 'node:crypto';
import type { ObjectStore } from '@slipway/core';
import { type BlobRecord, blobKey } from '@slipway/spack-buildcache';
import { type Finding, finding } from './findings.ts';
import { judgeTarball, TarballJudge, type TarballVerdict } from './tarball-reading.ts';

/** Tarballs up to this size are read at once. */
const maxTarballBytesInMemory = 512 * 1024;

/**
 * Reads a tarball once and checks its size and SHA-256 against the manifest, its contents against the rules of
 * `TarballContents`, and the spec inside against `dagHash`, so that a manifest cannot offer one package's files as
 * another's. Memory does not grow with the tarball. Throws what the store throws, and `too-large` for a small tarball
 * that is larger than its manifest says.
 */
export async function checkTarball(
  store: ObjectStore,
  record: BlobRecord,
  dagHash: string,
  onBytes: (count: number) => void = () => {},
): Promise<readonly Finding[]> {
  const key = blobKey(record.checksum);
  if (record.contentLength <= maxTarballBytesInMemory)
    return checkSmallTarball(store, record, dagHash, onBytes);
  const stream = await store.readStream(key, { maxBytes: Number.MAX_SAFE_INTEGER });
  if (stream === undefined) return [missingBlob(key, 'the tarball')];
  const sizeProblem = checkSize(key, stream.info.sizeBytes, record.contentLength);
  if (sizeProblem !== undefined) {
    await stream.body[Symbol.asyncIterator]().return?.();
    return [sizeProblem];
  }
  const { sizeBytes, sha256, verdict } = await readTarball(stream.body, onBytes);
  const size = checkSize(key, sizeBytes, record.contentLength);
  if (size !== undefined) return [size];
  if (sha256 !== record.checksum) return [tamperedBlob(key)];
  return tarballFindings(key, verdict, dagHash);
}

/** Reads the tarball at once, in a third of the time: most packages are small. */
async function checkSmallTarball(
  store: ObjectStore,
  record: BlobRecord,
  dagHash: string,
  onBytes: (count: number) => void,
): Promise<readonly Finding[]> {
  const key = blobKey(record.checksum);
  const stored = (await store.read(key, { maxBytes: record.contentLength }))?.body;
  if (stored === undefined) return [missingBlob(key, 'the tarball')];
  const size = checkSize(key, stored.length, record.contentLength);
  if (size !== undefined) return [size];
  onBytes(stored.length);
  if (hashOnce('sha256', stored) !== record.checksum) return [tamperedBlob(key)];
  return tarballFindings(key, await judgeTarball(stored), dagHash);
}

export interface TarballReading {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly verdict: TarballVerdict;
}

/** Reads a tarball to its end, in constant memory. Throws what the stream throws. */
export async function readTarball(
  body: AsyncIterable<Uint8Array>,
  onBytes: (count: number) => void = () => {},
): Promise<TarballReading> {
  const hash = createHash('sha256');
  const judge = new TarballJudge();
  let sizeBytes = 0;
  for await (const chunk of body) {
    // Unpacking runs on another thread while this one hashes.
    const judged = judge.push(chunk);
    hash.update(chunk);
    sizeBytes += chunk.length;
    onBytes(chunk.length);
    await judged;
  }
  return { sizeBytes, sha256: hash.digest('hex'), verdict: await judge.end() };
}

/** The findings about a tarball that should hold the files of `dagHash`. */
export function tarballFindings(key: string, verdict: TarballVerdict, dagHash: string): readonly Finding[] {
  if (verdict.kind === 'refused')
    return [finding(verdict.fault.code, key, verdict.fault.message, contentsHint)];
  const warnings = verdict.warnings.map(({ code, message }) => finding(code, key, message));
  if (verdict.dagHash === dagHash) return warnings;
  const why = `the tarball holds the files of ${verdict.dagHash}, but the mirror offers them as ${dagHash}`;
  return [finding('tarball-mismatch', key, why), ...warnings];
}

const contentsHint =
  'Spack never packs such a tarball: find out which job made it, and stage the package again with "spack buildcache push".';

/** The finding for a blob whose size differs from its manifest; undefined if it matches. */
export function checkSize(key: string, sizeBytes: number, contentLength: number): Finding | undefined {
  if (sizeBytes === contentLength) return undefined;
  const code = sizeBytes < contentLength ? 'blob-truncated' : 'blob-oversized';
  return finding(code, key, `it has ${sizeBytes} bytes, but its manifest says ${contentLength}`);
}

export function missingBlob(key: string, what: string): Finding {
  return finding(
    'blob-missing',
    key,
    `${what} is not stored`,
    'Publish the entry again from the place where it was built.',
  );
}

export function tamperedBlob(key: string): Finding {
  return finding('blob-tampered', key, 'its SHA-256 is not the one in its name and manifest');
}
