import { crc32 } from 'node:zlib';
import { UserError } from '@slipway/core';
import { quoted } from '../key-errors.ts';
import { maxPartBytes, maxParts } from './settings.ts';

const mebibyte = 2 ** 20;

/** How a file is split into parts, all of `partSizeBytes` except the last. */
export interface PartPlan {
  readonly sizeBytes: number;
  readonly partSizeBytes: number;
  readonly count: number;
}

/**
 * The parts of a file, larger than `wantedBytes` if 10,000 of those would not hold it. Throws `UserError` `too-large`
 * above S3's limit of 48.8 TiB.
 */
export function planParts(key: string, sizeBytes: number, wantedBytes: number): PartPlan {
  const needed = Math.ceil(sizeBytes / maxParts / mebibyte) * mebibyte;
  const partSizeBytes = Math.max(wantedBytes, needed);
  if (partSizeBytes > maxPartBytes) {
    throw new UserError(
      'too-large',
      `${quoted(key)} has ${sizeBytes} bytes: S3 takes objects of up to 48.8 TiB.`,
    );
  }
  return { sizeBytes, partSizeBytes, count: Math.ceil(sizeBytes / partSizeBytes) };
}

/** The size of part `number`, counted from 1. */
export function partLength({ sizeBytes, partSizeBytes }: PartPlan, number: number): number {
  return Math.min(partSizeBytes, sizeBytes - (number - 1) * partSizeBytes);
}

/**
 * The CRC-32 of a part in S3's form; zlib computes it three times as fast as a SHA-256. It protects the transfer; the
 * SHA-256 identifies the file.
 */
export function crc32Base64(bytes: Uint8Array): string {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(bytes));
  return checksum.toString('base64');
}

/** A part that the server has. */
export interface StoredPart {
  readonly number: number;
  readonly etag: string;
  readonly crc32: string | undefined;
  readonly sizeBytes: number;
}

/** Whether all parts of an upload can belong to this plan. Their checksums are compared as the file is read. */
export function fitsPlan(plan: PartPlan, parts: readonly StoredPart[]): boolean {
  return parts.every(
    ({ number, sizeBytes, crc32: checksum }) =>
      number >= 1 && number <= plan.count && sizeBytes === partLength(plan, number) && checksum !== undefined,
  );
}
