import {
  constants,
  createHash,
  createSign,
  hash as hashOnce,
  type KeyObject,
  privateEncrypt,
  sign,
} from 'node:crypto';
import { InternalError } from '@slipway/core';
import { parseClearSigned } from './clear-signed.ts';
import { digestInfo, hashWord, hashName as nameOfHash } from './hashes.ts';
import type { OpenPgp } from './openpgp.ts';
import { readPacketFrame } from './packet.ts';
import { type ImportedPrivateKey, importPrivateKey } from './private-key.ts';
import {
  dataToHash,
  readSignatureTemplate,
  type SignatureTemplate,
  signatureHead,
  writeSignature,
} from './signature-template.ts';
import { readSignaturePacket } from './verification.ts';

/**
 * Makes signature packets like one made by OpenPGP.js, but imports the key only once. OpenPGP.js imports it for every
 * signature, which takes two thirds of the time of an RSA signature.
 */
export interface NativeSigner {
  readonly template: SignatureTemplate;
  readonly hashHeader: string;
  /** A packet over a text without CR. Signing runs on one of libuv's threads; nothing is verified. */
  sign(text: string, dateMs: number, salt: Uint8Array): Promise<Uint8Array>;
  /** A packet over bytes given in pieces, signed after the last one. Signing runs on this thread; nothing is verified. */
  startBinary(dateMs: number, salt: Uint8Array): BinarySigning;
  /** Drops the key: OpenSSL wipes it once pending signatures are done and the handle is collected. */
  close(): void;
}

/** An unfinished signature over bytes. */
export interface BinarySigning {
  update(bytes: Uint8Array): void;
  finish(): { readonly packet: Uint8Array; readonly digest: Uint8Array };
}

type SecretPacket = OpenPgp.SecretKeyPacket | OpenPgp.SecretSubkeyPacket;

/**
 * A signer that follows the pattern of `document`, which OpenPGP.js clear-signed with the same key. Tests it by having
 * OpenPGP.js verify a second signature over the same data. Undefined if OpenPGP.js must sign, or if the two disagree.
 */
export async function openNativeSigner(
  pgp: typeof OpenPgp,
  packet: SecretPacket,
  document: string,
): Promise<NativeSigner | undefined> {
  const parsed = parseClearSigned(document);
  if (!parsed.ok) return undefined;
  const template = readSignatureTemplate(parsed.signaturePacket);
  const imported = importPrivateKey(pgp, packet);
  if (template === undefined || imported === undefined) return undefined;
  const signer = createSigner(template, imported);
  const agrees = signer !== undefined && (await isProven(pgp, signer, packet, imported.kind, parsed));
  return agrees ? signer : undefined;
}

/**
 * A signer for a curve that OpenPGP.js cannot sign with, so there is no pattern; the caller verifies its signatures.
 * Undefined if node:crypto does not support the curve.
 */
export function openCurveSigner(
  pgp: typeof OpenPgp,
  packet: SecretPacket,
  dateMs: number,
): NativeSigner | undefined {
  const hashAlgorithm = pgp.enums.hash.sha512;
  const head = { algorithm: packet.algorithm, hashAlgorithm, fingerprint: packet.getFingerprint(), dateMs };
  const template = readSignatureTemplate(signatureHead(head));
  const imported = importPrivateKey(pgp, packet);
  return template && imported && createSigner(template, imported);
}

function createSigner(template: SignatureTemplate, key: ImportedPrivateKey): NativeSigner | undefined {
  const hashName = nameOfHash(template.hashAlgorithm);
  const hashHeader = hashWord(template.hashAlgorithm);
  if (hashName === undefined || hashHeader === undefined) return undefined;
  let imported: ImportedPrivateKey | undefined = key;
  return {
    template,
    hashHeader,
    async sign(text, dateMs, salt) {
      if (imported === undefined) throw new InternalError('the signing key was closed');
      const hashedPart = template.fill(dateMs, salt);
      const data = dataToHash(text.replaceAll('\n', '\r\n'), hashedPart);
      const digest = hashOnce(hashName, data, 'buffer');
      return writeSignature(hashedPart, digest, await makeIntegers(imported, hashName, data, digest));
    },
    startBinary(dateMs, salt) {
      if (imported === undefined) throw new InternalError('the signing key was closed');
      return startBinary(imported, hashName, template.fill(dateMs, salt));
    },
    close() {
      imported = undefined;
    },
  };
}

async function isProven(
  pgp: typeof OpenPgp,
  { template, sign: signAgain }: NativeSigner,
  packet: SecretPacket,
  kind: ImportedPrivateKey['kind'],
  { text, signaturePacket }: { readonly text: string; readonly signaturePacket: Uint8Array },
): Promise<boolean> {
  try {
    const made = readPacketFrame(await signAgain(text, template.dateMs, template.salt), 0)?.body;
    if (made === undefined) return false;
    // Both are deterministic; ECDSA is random.
    if (kind !== 'ecdsa' && !Buffer.from(made).equals(signaturePacket)) return false;
    const bytes = new Uint8Array(Buffer.from(text.replaceAll('\n', '\r\n')));
    const data = { text: null, getBytes: () => bytes };
    const date = new Date(template.dateMs);
    const signature = readSignaturePacket(pgp, made);
    if ('message' in signature) return false;
    await signature.verify(packet, pgp.enums.signature.text, data, date, true, pgp.config);
    return true;
  } catch {
    return false;
  }
}

async function makeIntegers(
  { key, kind }: ImportedPrivateKey,
  hashName: string,
  data: Buffer,
  digest: Buffer,
): Promise<readonly Uint8Array[]> {
  switch (kind) {
    case 'rsa':
      return [await signInPool(hashName, data, { key, padding: constants.RSA_PKCS1_PADDING })];
    case 'ecdsa':
      return halves(await signInPool(hashName, data, { key, dsaEncoding: 'ieee-p1363' }));
    case 'eddsa':
      return halves(await signInPool(null, digest, { key }));
  }
}

/** The signature type for bytes, where the pattern has the one for text (RFC 9580 section 5.2.1). */
const binaryType = 0;
const typeOffset = 1;

function startBinary({ key, kind }: ImportedPrivateKey, hashName: string, pattern: Buffer): BinarySigning {
  const hashedPart = Buffer.from(pattern);
  hashedPart[typeOffset] = binaryType;
  const digesting = createHash(hashName);
  // node:crypto signs an existing digest with RSA and Ed25519, but insists on hashing for ECDSA.
  const signing = kind === 'ecdsa' ? createSign(hashName) : undefined;
  const update = (bytes: Uint8Array): void => {
    digesting.update(bytes);
    signing?.update(bytes);
  };
  return {
    update,
    finish() {
      update(dataToHash('', hashedPart));
      const digest = digesting.digest();
      const integers = signing
        ? halves(signing.sign({ key, dsaEncoding: 'ieee-p1363' }))
        : signDigest(key, kind, hashName, digest);
      return { packet: writeSignature(hashedPart, digest, integers), digest };
    },
  };
}

function signDigest(
  key: KeyObject,
  kind: ImportedPrivateKey['kind'],
  hashName: string,
  digest: Buffer,
): readonly Uint8Array[] {
  if (kind !== 'rsa') return halves(sign(null, digest, key));
  const info = digestInfo(hashName, digest);
  if (info === undefined) throw new InternalError(`${hashName} has no place in an RSA signature`);
  return [privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, info)];
}

function halves(bytes: Uint8Array): readonly Uint8Array[] {
  return [bytes.subarray(0, bytes.length / 2), bytes.subarray(bytes.length / 2)];
}

function signInPool(
  hashName: string | null,
  data: Buffer,
  key: Parameters<typeof sign>[2],
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign(hashName, data, key, (error, signature) => {
      // OpenSSL's message is dropped: an error must not reveal anything about a key.
      if (error === null) resolve(signature);
      else reject(new InternalError('node:crypto could not make a signature'));
    });
  });
}
