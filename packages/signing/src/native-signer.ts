import { constants, hash as hashOnce, sign } from 'node:crypto';
import { InternalError } from '@slipway/core';
import { parseClearSigned } from './clear-signed.ts';
import type { OpenPgp } from './openpgp.ts';
import { readPacketFrame } from './packet.ts';
import { type ImportedPrivateKey, importPrivateKey } from './private-key.ts';
import {
  dataToHash,
  readSignatureTemplate,
  type SignatureTemplate,
  writeSignature,
} from './signature-template.ts';
import { hashWord, readSignaturePacket } from './verification.ts';

const hashNames: ReadonlyMap<number, string> = new Map([
  [8, 'sha256'],
  [9, 'sha384'],
  [10, 'sha512'],
]);

/**
 * Makes signature packets like one that OpenPGP.js made, with the key imported once: OpenPGP.js imports it for every
 * signature, which takes two thirds of the time of an RSA signature itself.
 */
export interface NativeSigner {
  readonly template: SignatureTemplate;
  /** For the `Hash:` header. */
  readonly hashHeader: string;
  /** A packet over a text without CR. The signature is made on one of libuv's threads; nothing is verified. */
  sign(text: string, dateMs: number, salt: Uint8Array): Promise<Uint8Array>;
  /** Lets go of the key: OpenSSL wipes it when the last signature under way is made and the handle is collected. */
  close(): void;
}

type SecretPacket = OpenPgp.SecretKeyPacket | OpenPgp.SecretSubkeyPacket;

/**
 * A signer after the pattern of `document`, which OpenPGP.js clear-signed with the same key, once OpenPGP.js verified a
 * second signature over the same data. Undefined for what is left to OpenPGP.js, and when the two do not agree.
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

function createSigner(template: SignatureTemplate, key: ImportedPrivateKey): NativeSigner | undefined {
  const hashName = hashNames.get(template.hashAlgorithm);
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
    // Both are deterministic; ECDSA has a random number in it.
    if (kind !== 'ecdsa' && !Buffer.from(made).equals(signaturePacket)) return false;
    const bytes = new Uint8Array(Buffer.from(text.replaceAll('\n', '\r\n')));
    const data = { text: null, getBytes: () => bytes };
    const date = new Date(template.dateMs);
    const signature = readSignaturePacket(pgp, made);
    await signature?.verify(packet, pgp.enums.signature.text, data, date, true, pgp.config);
    return signature !== undefined;
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
      // Its own words stay out: an error must have nothing of a key.
      if (error === null) resolve(signature);
      else reject(new InternalError('node:crypto could not make a signature'));
    });
  });
}
