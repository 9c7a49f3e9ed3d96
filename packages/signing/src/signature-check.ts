import { constants, hash as hashOnce, publicDecrypt, verify } from 'node:crypto';
import { digestInfo, hashName } from './hashes.ts';
import type { OpenPgp } from './openpgp.ts';
import { type ImportedPublicKey, importPublicKey } from './public-material.ts';

/**
 * Whether a key made a signature. `bad` is always computed, never inferred from an exception; if nothing could be computed,
 * `uncheckable` says why, as part of a sentence.
 */
export type SignatureCheck = 'good' | 'bad' | { readonly uncheckable: string };

/** The content of a version 4 signature packet (RFC 9580 section 5.2.3). */
interface SignatureParts {
  readonly algorithm: number;
  readonly hashName: string;
  readonly hashedPart: Uint8Array;
  /** The first two octets of the digest. */
  readonly digestStart: Uint8Array;
  readonly integers: readonly Uint8Array[];
}

const rsaAlgorithms: ReadonlySet<number> = new Set([1, 3]);

/**
 * Whether the key made the signature over `data`. The hash covers the data, the hashed part of the packet, and a trailer
 * with its length (RFC 9580 section 5.2.4). `body` is the body of the packet. Ignores its dates and other demands.
 */
export function checkSignature(
  pgp: typeof OpenPgp,
  body: Uint8Array,
  packet: OpenPgp.AnyKeyPacket,
  data: Uint8Array,
): SignatureCheck {
  const key = importPublicKey(pgp, packet);
  if (key === 'unsupported') return { uncheckable: notComputed(packet) };
  const parts = readParts(body, packet);
  if (parts === undefined) return 'bad';
  try {
    const hashed = Buffer.concat([data, parts.hashedPart, trailerOf(parts.hashedPart)]);
    const digest = hashOnce(parts.hashName, hashed, 'buffer');
    return compute(parts, key, digest, hashed) ? 'good' : 'bad';
  } catch {
    return { uncheckable: `node:crypto could not compute with ${parts.hashName.toUpperCase()}` };
  }
}

/** Like `checkSignature`, given the digest of the data, the hashed part and its trailer. */
export async function checkDigest(
  pgp: typeof OpenPgp,
  body: Uint8Array,
  packet: OpenPgp.AnyKeyPacket,
  digest: Uint8Array,
): Promise<SignatureCheck> {
  const key = importPublicKey(pgp, packet);
  if (key === 'unsupported') return { uncheckable: notComputed(packet) };
  const parts = readParts(body, packet);
  if (parts === undefined) return 'bad';
  try {
    if (key.kind === 'rsa' || key.kind === 'eddsa') return compute(parts, key, digest) ? 'good' : 'bad';
    return await computeByOpenPgp(pgp, body, packet, digest);
  } catch {
    return { uncheckable: 'the signature could not be computed' };
  }
}

/** What `checkSignature` hashes after the data. */
export function hashedEnd(body: Uint8Array): Buffer {
  const hashedPart = body.subarray(0, 6 + ((body[4] ?? 0) << 8) + (body[5] ?? 0));
  return Buffer.concat([hashedPart, trailerOf(hashedPart)]);
}

function trailerOf(hashedPart: Uint8Array): Buffer {
  const trailer = Buffer.from([4, 0xff, 0, 0, 0, 0]);
  trailer.writeUInt32BE(hashedPart.length, 2);
  return trailer;
}

function notComputed(packet: OpenPgp.AnyKeyPacket): string {
  const { algorithm, curve } = packet.getAlgorithmInfo();
  return `node:crypto cannot compute with its ${algorithm} key${curve === undefined ? '' : ` on the curve ${curve}`}`;
}

/** Undefined if this key cannot have made it: wrong algorithm, or not the form of a signature. */
function readParts(body: Uint8Array, packet: OpenPgp.AnyKeyPacket): SignatureParts | undefined {
  const view = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (view.length < 10 || view[0] !== 4) return undefined;
  const algorithm = view[2] ?? 0;
  const name = hashName(view[3]);
  const isOfKey =
    algorithm === packet.algorithm || (rsaAlgorithms.has(algorithm) && rsaAlgorithms.has(packet.algorithm));
  if (name === undefined || !isOfKey) return undefined;
  const end = 6 + view.readUInt16BE(4);
  if (end + 2 > view.length) return undefined;
  const integersStart = end + 2 + view.readUInt16BE(end) + 2;
  const integers = readIntegers(view, integersStart, rsaAlgorithms.has(algorithm) ? 1 : 2);
  if (integers === undefined) return undefined;
  return {
    algorithm,
    hashName: name,
    hashedPart: view.subarray(0, end),
    digestStart: view.subarray(integersStart - 2, integersStart),
    integers,
  };
}

/** The multiprecision integers (RFC 9580 section 3.2) that fill `view`. */
function readIntegers(view: Buffer, start: number, count: number): readonly Uint8Array[] | undefined {
  const integers: Uint8Array[] = [];
  let position = start;
  for (let index = 0; index < count; index += 1) {
    if (position + 2 > view.length) return undefined;
    const end = position + 2 + Math.ceil(view.readUInt16BE(position) / 8);
    if (end > view.length) return undefined;
    integers.push(view.subarray(position + 2, end));
    position = end;
  }
  return position === view.length ? integers : undefined;
}

/** ECDSA and DSA need `hashed`, since node:crypto insists on making the digest. */
function compute(
  { digestStart, hashName: name, integers }: SignatureParts,
  key: ImportedPublicKey,
  digest: Uint8Array,
  hashed: Uint8Array = new Uint8Array(),
): boolean {
  if (digestStart[0] !== digest[0] || digestStart[1] !== digest[1]) return false;
  if (key.kind === 'rsa') return isRsaSignature(integers[0], key, name, digest);
  const signature = joined(integers, key.integerBytes);
  if (signature === undefined) return false;
  if (key.kind === 'eddsa') return verify(null, digest, key.key, signature);
  return verify(name, hashed, { key: key.key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** EMSA-PKCS1-v1_5 (RFC 8017 section 9.2) is compared as a whole, so padding cannot be misread. */
function isRsaSignature(
  integer: Uint8Array | undefined,
  { key, modulus }: Extract<ImportedPublicKey, { kind: 'rsa' }>,
  name: string,
  digest: Uint8Array,
): boolean {
  const signature = integer && joined([integer], modulus.length);
  const info = digestInfo(name, digest);
  if (signature === undefined || info === undefined || info.length + 11 > modulus.length) return false;
  if (Buffer.compare(signature, modulus) >= 0) return false;
  const expected = Buffer.alloc(modulus.length, 0xff);
  expected.set([0, 1]);
  expected[modulus.length - info.length - 1] = 0;
  expected.set(info, modulus.length - info.length);
  return publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature).equals(expected);
}

/** Restores the leading zeros of each integer; undefined if one is too large. */
function joined(integers: readonly Uint8Array[], sizeBytes: number): Buffer | undefined {
  const bytes = Buffer.alloc(integers.length * sizeBytes);
  for (const [index, integer] of integers.entries()) {
    if (integer.length > sizeBytes) return undefined;
    bytes.set(integer, (index + 1) * sizeBytes - integer.length);
  }
  return bytes;
}

/** What OpenPGP.js throws for a bad signature. Other errors do not judge the signature. */
const badSignature: ReadonlySet<string> = new Set([
  'Signed digest did not match',
  'Signature verification failed',
]);

/** Checks ECDSA and DSA signatures over a digest, which node:crypto cannot. */
async function computeByOpenPgp(
  pgp: typeof OpenPgp,
  body: Uint8Array,
  packet: OpenPgp.AnyKeyPacket,
  digest: Uint8Array,
): Promise<SignatureCheck> {
  const signature = new pgp.SignaturePacket();
  signature.read(body);
  // Where OpenPGP.js keeps the digest of data it has hashed while reading.
  Reflect.set(signature, 'hashed', new Uint8Array(digest));
  const date = new Date(signature.created?.getTime() ?? 0);
  try {
    await signature.verify(packet, pgp.enums.signature.binary, {}, date, true, {
      ...pgp.config,
      rejectHashAlgorithms: new Set<OpenPgp.enums.hash>(),
      rejectMessageHashAlgorithms: new Set<OpenPgp.enums.hash>(),
    });
    return 'good';
  } catch (error) {
    if (error instanceof Error && badSignature.has(error.message)) return 'bad';
    throw error;
  }
}
