import { signatureTag, writePacket } from './packet.ts';

const creationTime = 2;
const notationData = 20;
const criticalBit = 0x80;
const saltName = 'salt@notations.openpgpjs.org';

/** The hashed part of a signature, and where its variable fields are. */
export interface SignatureTemplate {
  /** Number of the hash algorithm (RFC 9580 section 9.5). */
  readonly hashAlgorithm: number;
  readonly saltBytes: number;
  /** The hashed part for this time and salt. */
  fill(dateMs: number, salt: Uint8Array): Buffer;
  /** The time and salt of the original signature. */
  readonly dateMs: number;
  readonly salt: Uint8Array;
}

/**
 * Uses the body of a version 4 signature by OpenPGP.js as the pattern for more. Undefined unless it has the known form: one
 * time, one salt that OpenPGP.js adds against fault attacks, and nothing unhashed.
 */
export function readSignatureTemplate(body: Uint8Array): SignatureTemplate | undefined {
  const source = Buffer.from(body);
  if (source.length < 10 || source[0] !== 4) return undefined;
  const hashedEnd = 6 + source.readUInt16BE(4);
  if (hashedEnd + 2 > source.length || source.readUInt16BE(hashedEnd) !== 0) return undefined;
  const hashed = source.subarray(0, hashedEnd);
  let dateStart: number | undefined;
  let saltStart: number | undefined;
  let saltBytes = 0;
  for (let start = 6; start < hashedEnd; ) {
    const length = hashed[start] ?? 0;
    const content = start + 2;
    const end = start + 1 + length;
    // Longer ones have a longer length field, which OpenPGP.js never needs here.
    if (length === 0 || length >= 192 || end > hashedEnd) return undefined;
    switch ((hashed[start + 1] ?? 0) & ~criticalBit) {
      case creationTime:
        if (dateStart !== undefined || end - content !== 4) return undefined;
        dateStart = content;
        break;
      case notationData: {
        const valueStart = content + 8 + saltName.length;
        if (saltStart !== undefined || valueStart >= end) return undefined;
        if (hashed.readUInt16BE(content + 4) !== saltName.length) return undefined;
        if (hashed.toString('latin1', content + 8, valueStart) !== saltName) return undefined;
        saltStart = valueStart;
        saltBytes = end - valueStart;
        break;
      }
      default:
    }
    start = end;
  }
  if (dateStart === undefined || saltStart === undefined || saltBytes < 16) return undefined;
  const [timeAt, saltAt] = [dateStart, saltStart];
  return {
    hashAlgorithm: hashed[3] ?? 0,
    saltBytes,
    fill(dateMs, salt) {
      const filled = Buffer.from(hashed);
      filled.writeUInt32BE(Math.floor(dateMs / 1000), timeAt);
      filled.set(salt, saltAt);
      return filled;
    },
    dateMs: hashed.readUInt32BE(timeAt) * 1000,
    salt: hashed.subarray(saltAt, saltAt + saltBytes),
  };
}

const issuerKeyId = 16;
const issuerFingerprint = 33;
const textType = 1;
/** The salt length that OpenPGP.js uses for SHA-512. */
const saltBytesOfHead = 32;

/**
 * The beginning of a signature over a text as OpenPGP.js writes it, up to the digest, for `readSignatureTemplate`. The salt
 * is empty. `fingerprint` has 40 hex digits.
 */
export function signatureHead({
  algorithm,
  hashAlgorithm,
  fingerprint,
  dateMs,
}: {
  readonly algorithm: number;
  readonly hashAlgorithm: number;
  readonly fingerprint: string;
  readonly dateMs: number;
}): Buffer {
  const date = Buffer.alloc(4);
  date.writeUInt32BE(Math.floor(dateMs / 1000));
  const key = Buffer.from(fingerprint, 'hex');
  const lengths = Buffer.from([0, 0, 0, 0, 0, saltName.length, 0, saltBytesOfHead]);
  const hashed = Buffer.concat([
    subpacket(creationTime | criticalBit, date),
    subpacket(notationData, Buffer.concat([lengths, Buffer.from(saltName), Buffer.alloc(saltBytesOfHead)])),
    subpacket(issuerKeyId, key.subarray(-8)),
    subpacket(issuerFingerprint, Buffer.concat([Buffer.from([4]), key])),
  ]);
  const head = Buffer.from([4, textType, algorithm, hashAlgorithm, 0, 0]);
  head.writeUInt16BE(hashed.length, 4);
  return Buffer.concat([head, hashed, Buffer.alloc(2), Buffer.alloc(2)]);
}

function subpacket(type: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([content.length + 1, type]), content]);
}

/** The hashed data of a signature (RFC 9580 section 5.2.4, version 4): the document, the hashed part, and its length. */
export function dataToHash(canonicalText: string, hashedPart: Uint8Array): Buffer {
  const trailer = Buffer.from([4, 0xff, 0, 0, 0, 0]);
  trailer.writeUInt32BE(hashedPart.length, 2);
  return Buffer.concat([Buffer.from(canonicalText), hashedPart, trailer]);
}

/** The signature packet: the hashed part, nothing unhashed, the first two octets of the digest, and the integers. */
export function writeSignature(
  hashedPart: Uint8Array,
  digest: Uint8Array,
  integers: readonly Uint8Array[],
): Uint8Array {
  const parts = [hashedPart, Buffer.alloc(2), digest.subarray(0, 2), ...integers.map(writeInteger)];
  return writePacket(signatureTag, Buffer.concat(parts));
}

/** A multiprecision integer (RFC 9580 section 3.2): its length in bits, then its bytes without leading zeros. */
function writeInteger(bytes: Uint8Array): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  if (start === -1) return Buffer.alloc(2);
  const value = bytes.subarray(start);
  const head = Buffer.alloc(2);
  head.writeUInt16BE((value.length - 1) * 8 + 32 - Math.clz32(value[0] ?? 0));
  return Buffer.concat([head, value]);
}
