import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import {
  InternalError,
  mapConcurrently,
  printable,
  SlipwayError,
  systemErrorCode,
  UserError,
} from '@slipway/core';
import {
  type Entry,
  fromBufferPromise,
  type LocalFileHeader,
  openPromise,
  parseExtraFields,
  type ZipFile,
} from 'yauzl';
import { entryNameProblem, findNameClashes } from './entry-names.ts';

/** A completely read entry. */
export interface ReadEntry {
  /** That of a directory has no trailing slash. */
  readonly name: string;
  readonly kind: 'file' | 'link' | 'directory';
  /** Unix mode; 0 in archives without modes. */
  readonly mode: number;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface ReadLimits {
  readonly maxEntries: number;
  /** Limit for the total unpacked size. */
  readonly maxTotalBytes: number;
}

const concurrency = 4;
const inflateBytes = 2 ** 18;
const regularType = 0o100000;
const linkType = 0o120000;
const directoryType = 0o040000;
const typeMask = 0o170000;
const localHeaderBytes = 30;
const zip64Mark = 0xffff_ffff;
const zip64Id = 1;

/**
 * Reads every entry of a zip to its end, and hashes it. Throws `UserError`: `content-invalid` for a damaged zip (local and central
 * records that differ, entries that overlap, wrong sizes or checksums, methods other than store and deflate, encryption),
 * `name-invalid` for a name that leads elsewhere or clashes, `too-large` beyond the limits (checked in the records before anything
 * is unpacked), `source-unreadable`. Nothing is written anywhere.
 */
export async function readArchive(
  source: string | Buffer,
  limits: ReadLimits,
  onBytes: (count: number) => void = () => undefined,
): Promise<readonly ReadEntry[]> {
  const options = { lazyEntries: true, autoClose: false, strictFileNames: true };
  let zip: ZipFile | undefined;
  try {
    zip = await (typeof source === 'string'
      ? openPromise(source, options)
      : fromBufferPromise(source, options));
    return await readEntries(zip, limits, onBytes);
  } catch (error) {
    throw refusalOf(error);
  } finally {
    zip?.close();
  }
}

async function readEntries(
  zip: ZipFile,
  limits: ReadLimits,
  onBytes: (count: number) => void,
): Promise<readonly ReadEntry[]> {
  if (zip.entryCount > limits.maxEntries)
    throw new UserError('too-large', `the zip has more than ${limits.maxEntries} entries`);
  const entries: Entry[] = [];
  let totalBytes = 0;
  for await (const entry of zip.eachEntry()) {
    totalBytes += entry.uncompressedSize;
    if (totalBytes > limits.maxTotalBytes)
      throw new UserError('too-large', `the zip unpacks to more than ${limits.maxTotalBytes} bytes`);
    entries.push(entry);
  }
  requireNames(entries);
  const starts = await mapConcurrently(entries, concurrency, (entry) => dataStart(zip, entry));
  requireApart(entries, starts, zip.fileSize);
  return mapConcurrently(entries, concurrency, (entry) => readEntry(zip, entry, onBytes));
}

function requireNames(entries: readonly Entry[]): void {
  for (const { fileName } of entries) {
    const problem = entryNameProblem(fileName);
    if (problem !== undefined)
      throw new UserError('name-invalid', `the entry "${printable(fileName)}" ${problem}`);
  }
  const [clash] = findNameClashes(entries.map((entry) => ({ name: nameOf(entry), kind: kindOf(entry) })));
  if (clash !== undefined)
    throw new UserError('name-invalid', `the entry "${printable(clash.name)}" ${printable(clash.what)}`);
}

/** Where the bytes of an entry begin. Its two records must agree. */
async function dataStart(zip: ZipFile, entry: Entry): Promise<number> {
  const local = await zip.readLocalFileHeaderPromise(entry);
  const hasDescriptor = (entry.generalPurposeBitFlag & 8) !== 0;
  const sizes = localSizes(local);
  const agrees =
    local.fileName.equals(entry.fileNameRaw) &&
    local.compressionMethod === entry.compressionMethod &&
    local.generalPurposeBitFlag === entry.generalPurposeBitFlag &&
    (hasDescriptor ||
      (local.crc32 === entry.crc32 &&
        sizes.compressed === entry.compressedSize &&
        sizes.uncompressed === entry.uncompressedSize));
  if (!agrees) throw broken(entry, 'has two records that differ');
  return local.fileDataStart;
}

/** The sizes in the local record of an entry, from the zip64 field if present (APPNOTE 4.5.3). */
function localSizes({ compressedSize, uncompressedSize, extraField }: LocalFileHeader): {
  readonly compressed: number;
  readonly uncompressed: number;
} {
  const plain = { compressed: compressedSize, uncompressed: uncompressedSize };
  if (compressedSize !== zip64Mark && uncompressedSize !== zip64Mark) return plain;
  const zip64 = parseExtraFields(extraField).find(({ id }) => id === zip64Id)?.data;
  if (zip64 === undefined || zip64.length < 16) return plain;
  return { uncompressed: Number(zip64.readBigUInt64LE(0)), compressed: Number(zip64.readBigUInt64LE(8)) };
}

/** Throws if entries share bytes, as in zip bombs, or extend beyond the file. */
function requireApart(entries: readonly Entry[], starts: readonly number[], fileSize: number): void {
  const ranges = entries
    .map((entry, index) => ({
      entry,
      start: entry.relativeOffsetOfLocalHeader,
      end: (starts[index] ?? 0) + entry.compressedSize,
    }))
    .sort((a, b) => a.start - b.start);
  let end = 0;
  for (const range of ranges) {
    if (range.start < end) throw broken(range.entry, 'overlaps with another entry');
    if (range.end > fileSize || range.end < range.start + localHeaderBytes)
      throw broken(range.entry, 'has bytes beyond the end of the zip');
    end = range.end;
  }
}

async function readEntry(zip: ZipFile, entry: Entry, onBytes: (count: number) => void): Promise<ReadEntry> {
  const { sizeBytes, sha256, checksum } = await hashEntry(zip, entry, onBytes);
  if (sizeBytes !== entry.uncompressedSize) throw broken(entry, 'differs in size from its record');
  if (checksum !== entry.crc32) throw broken(entry, 'does not match its checksum');
  return { name: nameOf(entry), kind: kindOf(entry), mode: modeOf(entry), sizeBytes, sha256 };
}

async function hashEntry(
  zip: ZipFile,
  entry: Entry,
  onBytes: (count: number) => void,
): Promise<{ readonly sizeBytes: number; readonly sha256: string; readonly checksum: number }> {
  if (entry.isEncrypted()) throw broken(entry, 'is encrypted');
  const isDeflated = entry.compressionMethod === 8;
  if (!isDeflated && entry.compressionMethod !== 0) throw broken(entry, 'is compressed in an unknown way');
  const raw = await zip.openReadStreamPromise(entry, { decodeFileData: false });
  const digest = createHash('sha256');
  let sizeBytes = 0;
  let checksum = 0;
  const take = async (pieces: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of pieces) {
      sizeBytes += piece.length;
      // It could continue for very long.
      if (sizeBytes > entry.uncompressedSize) throw broken(entry, 'differs in size from its record');
      digest.update(piece);
      checksum = crc32(piece, checksum);
      onBytes(piece.length);
    }
  };
  if (isDeflated) {
    const inflate = createInflateRaw({ chunkSize: inflateBytes });
    await pipeline(raw, inflate, take);
    if (inflate.bytesWritten !== entry.compressedSize) throw broken(entry, 'has bytes after its end');
  } else {
    await pipeline(raw, take);
  }
  return { sizeBytes, sha256: digest.digest('hex'), checksum };
}

function nameOf({ fileName }: Entry): string {
  return fileName.endsWith('/') ? fileName.slice(0, -1) : fileName;
}

function kindOf(entry: Entry): ReadEntry['kind'] {
  const type = modeOf(entry) & typeMask;
  if (entry.fileName.endsWith('/')) {
    if (type !== 0 && type !== directoryType)
      throw broken(entry, 'is a directory and something else at once');
    return 'directory';
  }
  if (type === linkType) return 'link';
  if (type === 0 || type === regularType) return 'file';
  throw broken(entry, 'is neither a file nor a directory nor a link');
}

function modeOf({ versionMadeBy, externalFileAttributes }: Entry): number {
  return versionMadeBy >> 8 === 3 ? externalFileAttributes >>> 16 : 0;
}

function broken({ fileName }: Entry, what: string): UserError {
  return new UserError('content-invalid', `the entry "${printable(fileName)}" of the zip ${what}`);
}

function refusalOf(error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  if (!(error instanceof Error)) return new InternalError(String(error), { cause: error });
  const code = systemErrorCode(error);
  const isOfSystem = code !== undefined && !code.startsWith('Z_') && !code.startsWith('ERR_');
  return isOfSystem
    ? new UserError('source-unreadable', `the zip cannot be read (${code})`, { cause: error })
    : new UserError('content-invalid', `the zip is broken: ${printable(error.message)}`, { cause: error });
}
