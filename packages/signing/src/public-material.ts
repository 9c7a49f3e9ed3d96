import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { type Curve, ecdsaCurve } from './curves.ts';
import type { OpenPgp } from './openpgp.ts';

/** A public key in node:crypto and the form of its signatures. */
export type ImportedPublicKey =
  | { readonly kind: 'rsa'; readonly key: KeyObject; readonly modulus: Uint8Array }
  | { readonly kind: 'ecdsa' | 'dsa'; readonly key: KeyObject; readonly integerBytes: number }
  | { readonly kind: 'eddsa'; readonly key: KeyObject; readonly integerBytes: number };

/** Cached, because importing a key takes several times as long as checking a signature. */
const importedKeys = new WeakMap<OpenPgp.AnyKeyPacket, ImportedPublicKey | 'unsupported'>();

const ecPublicKeyOid = Buffer.from('2a8648ce3d0201', 'hex');
const dsaOid = Buffer.from('2a8648ce380401', 'hex');

/**
 * The public key in node:crypto. `unsupported` for algorithms that gpg 2.2 does not sign with, and for keys that
 * node:crypto rejects because of a missing curve or invalid numbers.
 */
export function importPublicKey(
  pgp: typeof OpenPgp,
  packet: OpenPgp.AnyKeyPacket,
): ImportedPublicKey | 'unsupported' {
  const known = importedKeys.get(packet);
  if (known !== undefined) return known;
  let imported: ImportedPublicKey | 'unsupported';
  try {
    imported = importKey(pgp, packet) ?? 'unsupported';
  } catch {
    // node:crypto's message is not passed on, only that the key cannot be used.
    imported = 'unsupported';
  }
  importedKeys.set(packet, imported);
  return imported;
}

function importKey(pgp: typeof OpenPgp, packet: OpenPgp.AnyKeyPacket): ImportedPublicKey | undefined {
  const { publicKey } = pgp.enums;
  const number = (name: string): Uint8Array | undefined => bytesOf(packet.publicParams, name);
  switch (packet.algorithm) {
    case publicKey.rsaEncryptSign:
    case publicKey.rsaSign: {
      const [n, e] = [number('n'), number('e')];
      if (!(n && e)) return undefined;
      return { kind: 'rsa', key: fromJwk({ kty: 'RSA', n: base64Url(n), e: base64Url(e) }), modulus: n };
    }
    case publicKey.ecdsa: {
      const curve = ecdsaCurve(packet.getAlgorithmInfo().curve);
      const point = number('Q');
      if (!(curve && point)) return undefined;
      return { kind: 'ecdsa', key: ecdsaKey(curve, point), integerBytes: curve.sizeBytes };
    }
    case publicKey.eddsaLegacy: {
      const point = number('Q');
      if (point?.length !== 33) return undefined;
      return { kind: 'eddsa', key: fromJwk(ed25519Jwk(point)), integerBytes: 32 };
    }
    case publicKey.dsa: {
      const [p, q, g, y] = [number('p'), number('q'), number('g'), number('y')];
      if (!(p && q && g && y)) return undefined;
      const algorithm = [der(0x06, dsaOid), der(0x30, ...[p, q, g].map(derInteger))];
      return { kind: 'dsa', key: fromSpki(algorithm, derInteger(y)), integerBytes: q.length };
    }
    default:
      return undefined;
  }
}

function ecdsaKey(curve: Curve, point: Uint8Array): KeyObject {
  const jwk = ecdsaJwk(curve, point);
  if (jwk !== undefined) return fromJwk(jwk);
  return fromSpki([der(0x06, ecPublicKeyOid), der(0x06, Buffer.from(curve.oid, 'hex'))], point);
}

/** Undefined for a curve without a JWK name. The point is not compressed. */
export function ecdsaJwk({ jwkName, sizeBytes }: Curve, point: Uint8Array): JsonWebKey | undefined {
  if (jwkName === undefined) return undefined;
  const x = base64Url(point.subarray(1, 1 + sizeBytes));
  return { kty: 'EC', crv: jwkName, x, y: base64Url(point.subarray(1 + sizeBytes)) };
}

/** The point has the prefix byte that OpenPGP puts there. */
export function ed25519Jwk(point: Uint8Array): JsonWebKey {
  return { kty: 'OKP', crv: 'Ed25519', x: base64Url(point.subarray(1)) };
}

function fromJwk(key: JsonWebKey): KeyObject {
  return createPublicKey({ key, format: 'jwk' });
}

/** A key as SubjectPublicKeyInfo (RFC 5280 section 4.1), for DSA and Brainpool curves, which JWK lacks. */
function fromSpki(algorithm: readonly Uint8Array[], key: Uint8Array): KeyObject {
  const spki = der(0x30, der(0x30, ...algorithm), der(0x03, Buffer.alloc(1), key));
  return createPublicKey({ key: spki, format: 'der', type: 'spki' });
}

/** A DER element (ITU-T X.690) of at most 65,535 bytes. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [] : length < 0x100 ? [0x81] : [0x82, length >> 8];
  return Buffer.concat([Buffer.from([tag, ...size, length & 0xff]), content]);
}

function derInteger(value: Uint8Array): Buffer {
  // Without the zero, a number with its first bit set would be negative.
  return der(0x02, Buffer.alloc((value[0] ?? 0) >> 7), value);
}

export function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}

/** A number of a key, as OpenPGP.js stores it. */
export function bytesOf(value: unknown, name: string): Uint8Array | undefined {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return found instanceof Uint8Array ? found : undefined;
}
