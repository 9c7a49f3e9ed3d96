import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { ecdsaCurve } from './curves.ts';
import type { OpenPgp } from './openpgp.ts';
import { base64Url, bytesOf, der, ecdsaJwk, ed25519Jwk } from './public-material.ts';

/** A private key in node:crypto and how to sign with it. */
export interface ImportedPrivateKey {
  readonly key: KeyObject;
  readonly kind: 'rsa' | 'ecdsa' | 'eddsa';
}

type SecretPacket = Pick<
  OpenPgp.SecretKeyPacket,
  'algorithm' | 'publicParams' | 'privateParams' | 'getAlgorithmInfo'
>;

/**
 * Imports a key that OpenPGP.js has decrypted into node:crypto. Undefined for algorithms that OpenPGP.js must handle and
 * keys that node:crypto rejects. The exported form stays in memory until it is collected, like the user's own key.
 */
export function importPrivateKey(pgp: typeof OpenPgp, packet: SecretPacket): ImportedPrivateKey | undefined {
  const { publicKey } = pgp.enums;
  try {
    switch (packet.algorithm) {
      case publicKey.rsaEncryptSign:
      case publicKey.rsaSign:
        return imported('rsa', rsaJwk(packet));
      case publicKey.ecdsa:
        return importEcdsa(packet);
      case publicKey.eddsaLegacy: {
        const seed = bytesOf(packet.privateParams, 'seed');
        const point = bytesOf(packet.publicParams, 'Q');
        if (seed?.length !== 32 || point?.length !== 33) return undefined;
        return imported('eddsa', { ...ed25519Jwk(point), d: base64Url(seed) });
      }
      default:
        return undefined;
    }
  } catch {
    // What node:crypto says about a key is not passed on.
    return undefined;
  }
}

function imported(
  kind: ImportedPrivateKey['kind'],
  jwk: JsonWebKey | undefined,
): ImportedPrivateKey | undefined {
  return jwk && { key: createPrivateKey({ key: jwk, format: 'jwk' }), kind };
}

/** OpenPGP's `u` is the inverse of p, JWK's `qi` that of q, so p and q swap. */
function rsaJwk({ publicParams, privateParams }: SecretPacket): JsonWebKey | undefined {
  const [n, e] = ['n', 'e'].map((name) => bytesOf(publicParams, name));
  const [d, p, q, u] = ['d', 'p', 'q', 'u'].map((name) => bytesOf(privateParams, name));
  if (!(n && e && d && p && q && u)) return undefined;
  const exponent = toNumber(d);
  return {
    kty: 'RSA',
    n: base64Url(n),
    e: base64Url(e),
    d: base64Url(d),
    p: base64Url(q),
    q: base64Url(p),
    dp: base64Url(toBytes(exponent % (toNumber(q) - 1n))),
    dq: base64Url(toBytes(exponent % (toNumber(p) - 1n))),
    qi: base64Url(u),
  };
}

function importEcdsa(packet: SecretPacket): ImportedPrivateKey | undefined {
  const curve = ecdsaCurve(packet.getAlgorithmInfo().curve);
  const point = bytesOf(packet.publicParams, 'Q');
  const d = bytesOf(packet.privateParams, 'd');
  if (!(curve && point && d)) return undefined;
  const jwk = ecdsaJwk(curve, point);
  if (jwk !== undefined) return imported('ecdsa', { ...jwk, d: base64Url(d) });
  // ECPrivateKey of RFC 5915, without the public key, which follows from the private one.
  const oid = der(0x06, Buffer.from(curve.oid, 'hex'));
  const key = der(0x30, der(0x02, Buffer.from([1])), der(0x04, d), der(0xa0, oid));
  return { key: createPrivateKey({ key, format: 'der', type: 'sec1' }), kind: 'ecdsa' };
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`);
}

function toBytes(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
}
