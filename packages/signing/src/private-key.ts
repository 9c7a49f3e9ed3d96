import { createPrivateKey, type KeyObject } from 'node:crypto';
import { ecdsaCurve } from './curves.ts';
import { DerWriter } from './der.ts';
import type { OpenPgp } from './openpgp.ts';
import { bytesOf } from './public-material.ts';

/** A private key in node:crypto, and how it signs. */
export interface ImportedPrivateKey {
  readonly key: KeyObject;
  readonly kind: 'rsa' | 'ecdsa' | 'eddsa';
}

/** RFC 8410 section 7 up to the 32 bytes of the seed. */
const ed25519Head = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * The key that OpenPGP.js read and decrypted, in node:crypto. Undefined for algorithms that are left to OpenPGP.js, and
 * for what node:crypto does not take. The bytes handed over are wiped; the numbers that are computed for RSA stay in
 * memory until they are collected, as those do that OpenPGP.js computes for each of its signatures.
 */
export function importPrivateKey(
  pgp: typeof OpenPgp,
  packet: OpenPgp.SecretKeyPacket | OpenPgp.SecretSubkeyPacket,
): ImportedPrivateKey | undefined {
  const { publicKey } = pgp.enums;
  const der = new DerWriter();
  try {
    switch (packet.algorithm) {
      case publicKey.rsaEncryptSign:
      case publicKey.rsaSign: {
        const bytes = rsaBytes(der, packet);
        if (bytes === undefined) return undefined;
        return { key: createPrivateKey({ key: bytes, format: 'der', type: 'pkcs1' }), kind: 'rsa' };
      }
      case publicKey.ecdsa: {
        const bytes = ecBytes(der, packet);
        if (bytes === undefined) return undefined;
        return { key: createPrivateKey({ key: bytes, format: 'der', type: 'sec1' }), kind: 'ecdsa' };
      }
      case publicKey.eddsaLegacy: {
        const seed = bytesOf(packet.privateParams, 'seed');
        if (seed?.length !== 32) return undefined;
        const bytes = der.concat([ed25519Head, seed]);
        return { key: createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }), kind: 'eddsa' };
      }
      default:
        return undefined;
    }
  } catch {
    // What node:crypto says of a key is not passed on.
    return undefined;
  } finally {
    der.wipe();
  }
}

type SecretPacket = Pick<OpenPgp.SecretKeyPacket, 'publicParams' | 'privateParams' | 'getAlgorithmInfo'>;

/** RSAPrivateKey of RFC 8017 appendix A.1.2. OpenPGP's `u` is the inverse of p, so p and q change places. */
function rsaBytes(der: DerWriter, { publicParams, privateParams }: SecretPacket): Buffer | undefined {
  const n = bytesOf(publicParams, 'n');
  const e = bytesOf(publicParams, 'e');
  const d = bytesOf(privateParams, 'd');
  const p = bytesOf(privateParams, 'p');
  const q = bytesOf(privateParams, 'q');
  const u = bytesOf(privateParams, 'u');
  if (!(n && e && d && p && q && u)) return undefined;
  const exponent = toNumber(d);
  const dq = der.fromNumber(exponent % (toNumber(q) - 1n));
  const dp = der.fromNumber(exponent % (toNumber(p) - 1n));
  const integers = [Buffer.alloc(1), n, e, d, q, p, dq, dp, u].map((value) => der.integer(value));
  return der.sequence(integers);
}

/** ECPrivateKey of RFC 5915 without the public key, which follows from the private one. */
function ecBytes(der: DerWriter, packet: SecretPacket): Buffer | undefined {
  const curve = ecdsaCurve(packet.getAlgorithmInfo().curve);
  const d = bytesOf(packet.privateParams, 'd');
  if (curve === undefined || d === undefined) return undefined;
  const id = der.element(0xa0, [der.objectIdentifier(curve.oid)]);
  return der.sequence([der.integer(Buffer.from([1])), der.element(0x04, [d]), id]);
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`);
}
