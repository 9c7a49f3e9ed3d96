import { createPublicKey, type KeyObject } from 'node:crypto';
import { ecdsaCurve } from './curves.ts';
import { DerWriter } from './der.ts';
import type { OpenPgp } from './openpgp.ts';

/** A public key in node:crypto, and what its signatures are made of. */
export type ImportedPublicKey =
  | { readonly kind: 'rsa'; readonly key: KeyObject; readonly modulus: Uint8Array }
  | { readonly kind: 'ecdsa' | 'dsa'; readonly key: KeyObject; readonly integerBytes: number }
  | { readonly kind: 'eddsa'; readonly key: KeyObject; readonly integerBytes: number };

/** Imported once: importing a key costs several times as much as checking a signature by it. */
const importedKeys = new WeakMap<OpenPgp.AnyKeyPacket, ImportedPublicKey | 'unsupported'>();

const ecPublicKey = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const dsaId = [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
/** RFC 8410 section 4 up to the 32 bytes of the point. */
const ed25519Head = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * The public key in node:crypto. `unsupported` for algorithms that gpg 2.2 does not sign with, and for what node:crypto does
 * not take: a curve that it was built without, numbers that are no key.
 */
export function importPublicKey(
  pgp: typeof OpenPgp,
  packet: OpenPgp.AnyKeyPacket,
): ImportedPublicKey | 'unsupported' {
  const known = importedKeys.get(packet);
  if (known !== undefined) return known;
  let imported: ImportedPublicKey | 'unsupported';
  try {
    imported = importAnew(pgp, packet) ?? 'unsupported';
  } catch {
    // What node:crypto says of a key is not passed on; that the key cannot be used is.
    imported = 'unsupported';
  }
  importedKeys.set(packet, imported);
  return imported;
}

function importAnew(pgp: typeof OpenPgp, packet: OpenPgp.AnyKeyPacket): ImportedPublicKey | undefined {
  const { publicKey } = pgp.enums;
  const number = (name: string): Uint8Array | undefined => bytesOf(packet.publicParams, name);
  switch (packet.algorithm) {
    case publicKey.rsaEncryptSign:
    case publicKey.rsaSign: {
      const n = number('n');
      const e = number('e');
      if (!(n && e)) return undefined;
      const jwk = { kty: 'RSA', n: base64Url(n), e: base64Url(e) };
      return { kind: 'rsa', key: createPublicKey({ key: jwk, format: 'jwk' }), modulus: n };
    }
    case publicKey.ecdsa: {
      const curve = ecdsaCurve(packet.getAlgorithmInfo().curve);
      const point = number('Q');
      if (!(curve && point)) return undefined;
      const der = new DerWriter();
      const algorithm = [der.objectIdentifier(ecPublicKey), der.objectIdentifier(curve.oid)];
      const key = spki(der.sequence([der.sequence(algorithm), der.bitString(point)]));
      return { kind: 'ecdsa', key, integerBytes: curve.sizeBytes };
    }
    case publicKey.eddsaLegacy: {
      const point = number('Q');
      if (point?.length !== 33) return undefined;
      return { kind: 'eddsa', key: spki(Buffer.concat([ed25519Head, point.subarray(1)])), integerBytes: 32 };
    }
    case publicKey.dsa: {
      const [p, q, g, y] = [number('p'), number('q'), number('g'), number('y')];
      if (!(p && q && g && y)) return undefined;
      const der = new DerWriter();
      const parameters = der.sequence([p, q, g].map((value) => der.integer(value)));
      const algorithm = der.sequence([der.objectIdentifier(dsaId), parameters]);
      const key = spki(der.sequence([algorithm, der.bitString(der.integer(y))]));
      return { kind: 'dsa', key, integerBytes: q.length };
    }
    default:
      return undefined;
  }
}

function spki(key: Buffer): KeyObject {
  return createPublicKey({ key, format: 'der', type: 'spki' });
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

/** A number of a key, as OpenPGP.js keeps it. */
export function bytesOf(value: unknown, name: string): Uint8Array | undefined {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return found instanceof Uint8Array ? found : undefined;
}
