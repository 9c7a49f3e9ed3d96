import { crc32, gunzipSync, inflateRawSync } from 'node:zlib';
import { InternalError, systemErrorCode } from '@slipway/core';
import type { FindingCode } from './findings.ts';
import { unpackedBytes } from './unpacked-bytes.ts';

/** CRC-32 and size of the unpacked data, at the end of a gzip member (RFC 1952). */
export const gzipTrailerBytes = 8;
const fixedHeaderBytes = 10;
const maxHeaderBytes = 4096;
const flags = { headerChecksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;

export interface GzipFault {
  readonly code: Extract<FindingCode, 'gzip-malformed' | 'gzip-trailing-data' | 'gzip-bomb'>;
  readonly message: string;
}

export const malformedGzip: GzipFault = { code: 'gzip-malformed', message: 'it is not valid gzip' };

export const trailingGzip: GzipFault = {
  code: 'gzip-trailing-data',
  message: 'there is more data after its first gzip member, which only some readers see',
};

/** The end of an empty member and the beginning of another. */
const emptyMember = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0x1f, 0x8b, 8]);

/**
 * Unpacks a gzip file of exactly one member, as Spack writes it. Node's gunzip reads further members but stops silently
 * at zeros; Python, and so Spack, skips zeros and reads the members after them.
 */
export function gunzipWhole(stored: Uint8Array, maxBytes: number): Buffer | GzipFault {
  const options = { maxOutputLength: maxBytes, chunkSize: unpackedBytes(stored), info: true } as const;
  try {
    const { buffer, engine } = inflated(gunzipSync(stored, options));
    if (engine.bytesWritten === stored.length && isOneMember(stored, buffer.length)) return buffer;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    if (code === 'ERR_BUFFER_TOO_LARGE')
      return { code: 'gzip-bomb', message: `it unpacks to more than ${maxBytes} bytes` };
  }
  return inflateFirst(stored, maxBytes);
}

/** With several members, the size at the end fits only if all but the last are empty. */
function isOneMember(stored: Uint8Array, sizeBytes: number): boolean {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  return bytes.readUInt32LE(bytes.length - 4) === sizeBytes % 2 ** 32 && !bytes.includes(emptyMember);
}

/** Unpacks the first member alone to find its end. Takes twice as long, but shows what is wrong. */
function inflateFirst(stored: Uint8Array, maxBytes: number): Buffer | GzipFault {
  const headerBytes = gzipHeaderBytes(stored);
  if (headerBytes === undefined || headerBytes === 'unfinished') return malformedGzip;
  try {
    const options = { maxOutputLength: maxBytes, info: true } as const;
    const { buffer, engine } = inflated(inflateRawSync(stored.subarray(headerBytes), options));
    const trailer = stored.subarray(headerBytes + engine.bytesWritten);
    return gzipEndFault(trailer, crc32(buffer), buffer.length) ?? buffer;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return malformedGzip;
  }
}

/** Checks the bytes after the packed data against the CRC-32 and the size of the unpacked data. */
export function gzipEndFault(
  trailer: Uint8Array,
  checksum: number,
  sizeBytes: number,
): GzipFault | undefined {
  if (trailer.length < gzipTrailerBytes) return malformedGzip;
  const view = new DataView(trailer.buffer, trailer.byteOffset, gzipTrailerBytes);
  if (view.getUint32(0, true) !== checksum || view.getUint32(4, true) !== sizeBytes % 2 ** 32)
    return malformedGzip;
  return trailer.length > gzipTrailerBytes ? trailingGzip : undefined;
}

/**
 * The size of the gzip header at the start of `bytes`; `unfinished` if more bytes are needed, undefined if it is not gzip.
 */
export function gzipHeaderBytes(bytes: Uint8Array): number | 'unfinished' | undefined {
  const mark = [0x1f, 0x8b, 8];
  if (mark.some((byte, index) => index < bytes.length && bytes[index] !== byte)) return undefined;
  if (bytes.length < fixedHeaderBytes) return 'unfinished';
  const flag = bytes[3] ?? 0;
  if ((flag & flags.reserved) !== 0) return undefined;
  let end = fixedHeaderBytes;
  if (flag & flags.extra) end += 2 + (bytes[end] ?? 0) + (bytes[end + 1] ?? 0) * 256;
  for (const text of [flags.name, flags.comment]) {
    if ((flag & text) === 0) continue;
    const zero = bytes.indexOf(0, end);
    if (zero < 0) return bytes.length > maxHeaderBytes ? undefined : 'unfinished';
    end = zero + 1;
  }
  if (flag & flags.headerChecksum) end += 2;
  if (end > maxHeaderBytes) return undefined;
  return end <= bytes.length ? end : 'unfinished';
}

interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** With `info`, the result holds more than its type says. */
function inflated(result: unknown): Inflated {
  if (isInflated(result)) return result;
  throw new InternalError('zlib does not tell how much it has read');
}

function isInflated(value: unknown): value is Inflated {
  if (typeof value !== 'object' || value === null || !('buffer' in value) || !('engine' in value))
    return false;
  const { buffer, engine } = value;
  return (
    Buffer.isBuffer(buffer) &&
    typeof engine === 'object' &&
    engine !== null &&
    'bytesWritten' in engine &&
    typeof engine.bytesWritten === 'number'
  );
}
