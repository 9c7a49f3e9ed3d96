import type { OpenPgp } from './openpgp.ts';

/** Clocks of machines differ; nothing may be from further in the future than this. */
const maxClockSkewMs = 24 * 3_600_000;

/** The newest of `signatures` that `signer` made over `data`, that has begun and not expired. */
export async function newestValid(
  pgp: typeof OpenPgp,
  signatures: readonly OpenPgp.SignaturePacket[],
  signer: OpenPgp.AnyKeyPacket,
  type: OpenPgp.enums.signature,
  data: object,
  nowMs: number | undefined,
): Promise<OpenPgp.SignaturePacket | undefined> {
  const own = signatures
    .filter((signature) => signature.issuerKeyID.equals(signer.getKeyID()))
    .sort((a, b) => createdMs(b) - createdMs(a));
  for (const signature of own) {
    if (isInFuture(createdMs(signature), nowMs)) continue;
    if (nowMs !== undefined && signatureExpiryMs(signature) <= nowMs) continue;
    if (await isMadeBy(signature, signer, type, data, pgp.config)) return signature;
  }
  return undefined;
}

/** The first of `signatures` by which `signer` takes something back, whatever its reason, date and hash. */
export async function findRevocation(
  pgp: typeof OpenPgp,
  signatures: readonly OpenPgp.SignaturePacket[],
  signer: OpenPgp.AnyKeyPacket,
  type: OpenPgp.enums.signature,
  data: object,
): Promise<OpenPgp.SignaturePacket | undefined> {
  // A weak hash is a reason to distrust a promise, not a warning.
  const config = { ...pgp.config, rejectHashAlgorithms: new Set<OpenPgp.enums.hash>() };
  for (const signature of signatures) {
    if (signature.signatureType !== type || !signature.issuerKeyID.equals(signer.getKeyID())) continue;
    if (await isMadeBy(signature, signer, type, data, config)) return signature;
  }
  return undefined;
}

async function isMadeBy(
  signature: OpenPgp.SignaturePacket,
  signer: OpenPgp.AnyKeyPacket,
  type: OpenPgp.enums.signature,
  data: object,
  config: OpenPgp.Config,
): Promise<boolean> {
  try {
    // Verified as of its own date: whether it counts now is decided here, not there.
    await signature.verify(signer, type, data, new Date(createdMs(signature)), false, config);
    return true;
  } catch {
    return false;
  }
}

/** Whether `ms` is further ahead of `nowMs` than clocks differ. */
export function isInFuture(ms: number, nowMs: number | undefined): boolean {
  return nowMs !== undefined && ms > nowMs + maxClockSkewMs;
}

/** When a signature was made, in ms. */
export function createdMs(signature: OpenPgp.SignaturePacket): number {
  return signature.created?.getTime() ?? 0;
}

/** When a signature ends, in ms; Infinity when it does not. */
export function signatureExpiryMs(signature: OpenPgp.SignaturePacket): number {
  return Number(signature.getExpirationTime());
}
