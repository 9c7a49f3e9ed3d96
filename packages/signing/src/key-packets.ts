import { isEcdsaCurve } from './curves.ts';
import { readPacketFrame } from './packet.ts';

const secretKeyTag = 5;
const publicKeyTag = 6;

/** Splits bytes at the beginning of each key, so that an unreadable key does not affect the others. */
export function splitKeys(bytes: Uint8Array): readonly Uint8Array[] {
  const keys: Uint8Array[] = [];
  let start = 0;
  for (let offset = 0; offset < bytes.length; ) {
    const frame = readPacketFrame(bytes, offset);
    // Whoever reads the last key deals with bytes that are not a packet.
    if (frame === undefined) break;
    if (offset > start && (frame.tag === secretKeyTag || frame.tag === publicKeyTag)) {
      keys.push(bytes.subarray(start, offset));
      start = offset;
    }
    offset = frame.end;
  }
  return [...keys, bytes.subarray(start)];
}

/** RSA, Elgamal, DSA, ECDH, ECDSA, EdDSA as in gpg 2.2, and X25519 to Ed448 of RFC 9580 (section 9.1). */
const knownAlgorithms: ReadonlySet<number> = new Set([1, 2, 3, 16, 17, 18, 19, 22, 25, 26, 27, 28]);
const ecdsa = 19;
const eddsa = 22;
const otherCurves: Readonly<Record<string, string>> = { '2b6571': ' Ed448' };
/** 1.3.6.1.4.1.11591.15.1 */
const ed25519 = '2b06010401da470f01';

/** Why a key's version or algorithm cannot be used, as part of a sentence; undefined if it can. */
export function unsupportedKey(bytes: Uint8Array): string | undefined {
  const frame = readPacketFrame(bytes, 0);
  if (frame?.tag !== secretKeyTag && frame?.tag !== publicKeyTag) return undefined;
  const [version = 0] = frame.body;
  if (version !== 4) {
    const why = version < 4 ? 'is not safe' : 'gpg 2 and Spack cannot use';
    return `a key has version ${version}, which ${why}`;
  }
  const algorithm = frame.body[5] ?? 0;
  if (!knownAlgorithms.has(algorithm)) return `a key uses algorithm ${algorithm}, which is not supported`;
  if (algorithm !== ecdsa && algorithm !== eddsa) return undefined;
  const oid = Buffer.from(frame.body.subarray(7, 7 + (frame.body[6] ?? 0))).toString('hex');
  if (algorithm === eddsa ? oid === ed25519 : isEcdsaCurve(oid)) return undefined;
  return `a key is on a curve that is not supported${otherCurves[oid] ?? ''}`;
}
