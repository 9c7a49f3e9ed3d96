import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { OpenPgp } from './openpgp.ts';

interface ImportedKey {
  readonly key: KeyObject;
  readonly modulusBytes: number;
}

/** Imported once: OpenPGP.js imports the key for every signature, which costs three times the check itself. */
const importedKeys = new WeakMap<OpenPgp.AnyKeyPacket, ImportedKey | 'not-rsa'>();

/** RSA for signing and encrypting, and for signing alone. */
const rsaAlgorithms: ReadonlySet<number> = new Set([1, 3]);

const hashNames: ReadonlyMap<number, string> = new Map([
  [8, 'sha256'],
  [9, 'sha384'],
  [10, 'sha512'],
  [11, 'sha224'],
]);

/**
 * Whether an RSA signature is by the key over `data`, as RFC 9580 has it for version 4 (sections 5.2.3 and 5.2.4): what is
 * hashed is the data, the hashed part of the packet, and a trailer with its length. `body` is the body of the
 * signature packet, read by OpenPGP.js before. Undefined when the key is not RSA or the hash none that is accepted.
 */
export function checkRsaSignature(
  body: Uint8Array,
  packet: OpenPgp.AnyKeyPacket,
  data: Uint8Array,
): boolean | undefined {
  const imported = importKey(packet);
  const hashName = hashNames.get(body[3] ?? 0);
  if (imported === 'not-rsa' || hashName === undefined || !rsaAlgorithms.has(body[2] ?? 0)) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const hashedEnd = 6 + view.getUint16(4);
  const unhashedEnd = hashedEnd + 2 + view.getUint16(hashedEnd);
  const integerStart = unhashedEnd + 4;
  const integer = body.subarray(integerStart, integerStart + Math.ceil(view.getUint16(unhashedEnd + 2) / 8));
  const { key, modulusBytes } = imported;
  if (integerStart + integer.length !== body.length || integer.length > modulusBytes) return false;
  const trailer = Buffer.from([4, 0xff, 0, 0, 0, 0]);
  trailer.writeUInt32BE(hashedEnd, 2);
  const hashed = Buffer.concat([data, body.subarray(0, hashedEnd), trailer]);
  // The integer lost its leading zeros.
  const padded = Buffer.alloc(modulusBytes);
  padded.set(integer, modulusBytes - integer.length);
  return verify(hashName, hashed, { key, padding: constants.RSA_PKCS1_PADDING }, padded);
}

function importKey(packet: OpenPgp.AnyKeyPacket): ImportedKey | 'not-rsa' {
  const known = importedKeys.get(packet);
  if (known !== undefined) return known;
  const n = bytesOf(packet.publicParams, 'n');
  const e = bytesOf(packet.publicParams, 'e');
  let imported: ImportedKey | 'not-rsa' = 'not-rsa';
  if (n !== undefined && e !== undefined) {
    const jwk = {
      kty: 'RSA',
      n: Buffer.from(n).toString('base64url'),
      e: Buffer.from(e).toString('base64url'),
    };
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    imported = { key, modulusBytes: (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8 };
  }
  importedKeys.set(packet, imported);
  return imported;
}

function bytesOf(value: unknown, name: string): Uint8Array | undefined {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return found instanceof Uint8Array ? found : undefined;
}
