import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { OpenPgp } from './openpgp.ts';

/** A private key in node:crypto, and how it signs. */
export interface ImportedPrivateKey {
  readonly key: KeyObject;
  readonly kind: 'rsa' | 'ecdsa' | 'eddsa';
}

const curveIds: ReadonlyMap<string, readonly number[]> = new Map([
  ['nistP256', [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]],
  ['nistP384', [0x2b, 0x81, 0x04, 0x00, 0x22]],
  ['nistP521', [0x2b, 0x81, 0x04, 0x00, 0x23]],
]);

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
  return der.element(0x30, integers);
}

/** ECPrivateKey of RFC 5915 without the public key, which follows from the private one. */
function ecBytes(der: DerWriter, packet: SecretPacket): Buffer | undefined {
  const curveId = curveIds.get(packet.getAlgorithmInfo().curve ?? '');
  const d = bytesOf(packet.privateParams, 'd');
  if (curveId === undefined || d === undefined) return undefined;
  const curve = der.element(0xa0, [der.element(0x06, [Buffer.from(curveId)])]);
  return der.element(0x30, [der.integer(Buffer.from([1])), der.element(0x04, [d]), curve]);
}

function bytesOf(value: unknown, name: string): Uint8Array | undefined {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return found instanceof Uint8Array ? found : undefined;
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`);
}

/** Writes DER, and wipes everything it wrote. */
class DerWriter {
  readonly #written: Buffer[] = [];

  wipe(): void {
    for (const bytes of this.#written) bytes.fill(0);
  }

  concat(parts: readonly Uint8Array[]): Buffer {
    const bytes = Buffer.concat(parts);
    this.#written.push(bytes);
    return bytes;
  }

  fromNumber(value: bigint): Buffer {
    const hex = value.toString(16);
    const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
    this.#written.push(bytes);
    return bytes;
  }

  /** A number that is not negative. */
  integer(value: Uint8Array): Buffer {
    const sign = (value[0] ?? 0) >= 0x80 ? [Buffer.alloc(1)] : [];
    return this.element(0x02, [...sign, value]);
  }

  element(tag: number, parts: readonly Uint8Array[]): Buffer {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const head =
      length < 0x80
        ? [tag, length]
        : length < 0x100
          ? [tag, 0x81, length]
          : [tag, 0x82, length >> 8, length & 0xff];
    return this.concat([Buffer.from(head), ...parts]);
  }
}
