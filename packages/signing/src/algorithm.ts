import { ecdsaCurve } from './curves.ts';
import type { KeyFault } from './key-fault.ts';
import type { OpenPgp } from './openpgp.ts';

const minRsaBits = 2047;

/** Why no signature by a key of this algorithm and size is accepted, if so. */
export function algorithmFault(
  pgp: typeof OpenPgp,
  packet: OpenPgp.AnyKeyPacket,
  kind: 'key' | 'subkey',
  fingerprint: string,
): KeyFault | undefined {
  const name = algorithmName(packet);
  const { publicKey } = pgp.enums;
  switch (packet.algorithm) {
    case publicKey.rsaEncryptSign:
    case publicKey.rsaSign:
      if ((packet.getAlgorithmInfo().bits ?? 0) >= minRsaBits) return undefined;
      return {
        code: 'signature-weak',
        message: `the ${kind} ${fingerprint} is weak: ${name}, less than 2048 bits`,
      };
    case publicKey.ecdsa:
    case publicKey.eddsaLegacy:
      return undefined;
    case publicKey.dsa:
    case publicKey.elgamal:
      return { code: 'signature-weak', message: `the ${kind} ${fingerprint} is weak: ${name}` };
    case publicKey.ecdh:
    case publicKey.rsaEncrypt:
    case publicKey.x25519:
    case publicKey.x448:
      return {
        code: 'signature-not-for-signing',
        message: `the ${kind} ${fingerprint} only encrypts (${name})`,
      };
    default:
      return {
        code: 'signature-unsupported',
        message: `the ${kind} ${fingerprint} uses ${name} of RFC 9580, which gpg 2.2 cannot verify`,
      };
  }
}

/** A key's algorithm as people write it: `RSA-4096`, `Ed25519`, `ECDSA P-256`, … */
export function algorithmName(packet: OpenPgp.AnyKeyPacket): string {
  const { algorithm, bits, curve } = packet.getAlgorithmInfo();
  const curveName = curve === 'ed25519Legacy' ? 'Ed25519' : (ecdsaCurve(curve)?.name ?? curve ?? '');
  if (algorithm.startsWith('rsa')) return `RSA-${bits ?? '?'}`;
  if (algorithm === 'eddsaLegacy') return curveName;
  return [algorithm === 'ed25519' ? 'Ed25519 (algorithm 27)' : algorithm.toUpperCase(), curveName]
    .filter((part) => part !== '')
    .join(' ');
}
