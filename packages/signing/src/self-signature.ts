import type { OpenPgp } from './openpgp.ts';
import { checkSignature } from './signature-check.ts';

/** Clocks differ between machines; dates further in the future than this are refused. */
const maxClockSkewMs = 24 * 3_600_000;

/** The parts of a key that its self-signatures cover: the primary key alone, with a user ID, or with a subkey. */
export interface CertifiedParts {
  readonly key: OpenPgp.PublicKeyPacket;
  readonly userId?: OpenPgp.UserIDPacket;
  readonly subkey?: OpenPgp.AnyKeyPacket;
}

/** The signature found. `uncheckable` says why another one, which might have counted, could not be checked. */
export interface FoundSignature {
  readonly signature: OpenPgp.SignaturePacket | undefined;
  readonly uncheckable: string | undefined;
}

/** The newest of `signatures` by `signer` over `parts` that has begun, has not expired, and demands nothing unsupported. */
export function newestValid(
  pgp: typeof OpenPgp,
  signatures: readonly OpenPgp.SignaturePacket[],
  signer: OpenPgp.AnyKeyPacket,
  parts: CertifiedParts,
  nowMs: number | undefined,
): FoundSignature {
  let uncheckable: string | undefined;
  const own = signatures
    .filter((signature) => signature.issuerKeyID.equals(signer.getKeyID()))
    .sort((a, b) => createdMs(b) - createdMs(a));
  for (const signature of own) {
    if (isInFuture(createdMs(signature), nowMs)) continue;
    if (nowMs !== undefined && signatureExpiryMs(signature) <= nowMs) continue;
    if (isBroken(pgp, signature)) continue;
    const check = checkSignature(pgp, signature.write(), signer, certifiedData(parts));
    if (check === 'bad') continue;
    const reason = check === 'good' ? demand(signature) : check.uncheckable;
    if (reason === undefined) return { signature, uncheckable: undefined };
    uncheckable ??= reason;
  }
  return { signature: undefined, uncheckable };
}

/** The first of `signatures` by which `signer` revokes something, whatever its reason, date, hash and demands. */
export function findRevocation(
  pgp: typeof OpenPgp,
  signatures: readonly OpenPgp.SignaturePacket[],
  signer: OpenPgp.AnyKeyPacket,
  type: OpenPgp.enums.signature,
  parts: CertifiedParts,
): FoundSignature {
  let uncheckable: string | undefined;
  for (const signature of signatures) {
    if (signature.signatureType !== type || !signature.issuerKeyID.equals(signer.getKeyID())) continue;
    // A weak hash discredits a claim, but not a revocation.
    const check = checkSignature(pgp, signature.write(), signer, certifiedData(parts));
    if (check === 'good') return { signature, uncheckable: undefined };
    if (check !== 'bad') uncheckable ??= check.uncheckable;
  }
  return { signature: undefined, uncheckable };
}

/** Hashes with which a self-signature could be forged. gpg still uses SHA-1 for old keys. */
function isBroken(pgp: typeof OpenPgp, { hashAlgorithm }: OpenPgp.SignaturePacket): boolean {
  const { md5, ripemd } = pgp.enums.hash;
  return hashAlgorithm === md5 || hashAlgorithm === ripemd;
}

/** What a signature demands that is not supported, as part of a sentence; undefined if nothing. */
function demand(signature: OpenPgp.SignaturePacket): string | undefined {
  if (
    signature.unknownSubpackets.some(({ critical }) => critical) ||
    signature.rawNotations.some(({ critical }) => critical)
  ) {
    return 'its self-signature has a critical part that is not supported';
  }
  return signature.revocationKeyClass === null
    ? undefined
    : 'it lets another key revoke it, which is not supported';
}

/** The hashed data of the parts of a key (RFC 9580 section 5.2.4, version 4). */
function certifiedData({ key, userId, subkey }: CertifiedParts): Buffer {
  const parts = [framed(key)];
  if (subkey !== undefined) parts.push(framed(subkey));
  if (userId !== undefined) {
    const body = userId.write();
    const head = Buffer.alloc(5, 0xb4);
    head.writeUInt32BE(body.length, 1);
    parts.push(head, Buffer.from(body));
  }
  return Buffer.concat(parts);
}

function framed(packet: OpenPgp.AnyKeyPacket): Buffer {
  const body = packet.write();
  const head = Buffer.alloc(3, 0x99);
  head.writeUInt16BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** Whether `ms` is later than `nowMs` by more than clocks differ. */
export function isInFuture(ms: number, nowMs: number | undefined): boolean {
  return nowMs !== undefined && ms > nowMs + maxClockSkewMs;
}

export function createdMs(signature: OpenPgp.SignaturePacket): number {
  return signature.created?.getTime() ?? 0;
}

/** When a signature expires, in ms; Infinity if it does not. */
export function signatureExpiryMs(signature: OpenPgp.SignaturePacket): number {
  return Number(signature.getExpirationTime());
}
