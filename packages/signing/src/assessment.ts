import { printable } from '@slipway/core';
import { algorithmFault } from './algorithm.ts';
import type { KeyFault } from './key-fault.ts';
import type { KeyMaterial, SubkeyMaterial } from './key-material.ts';
import type { OpenPgp } from './openpgp.ts';
import { createdMs, findRevocation, isInFuture, newestValid, signatureExpiryMs } from './self-signature.ts';

const signFlag = 0x02;

/** A primary key or subkey that may have made a signature, and from when until when it counts. */
export interface SigningComponent {
  readonly kind: 'primary' | 'subkey';
  readonly packet: OpenPgp.AnyKeyPacket;
  readonly keyId: string;
  readonly fingerprint: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
  /** Undefined when it may sign. Expiry is not in here: it depends on the moment. */
  readonly fault: KeyFault | undefined;
}

/** A key whose self-signatures have been verified. */
export interface AssessedKey {
  readonly fingerprint: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
  readonly revocation: KeyFault | undefined;
  /** A fault of the whole key besides expiry; a revocation comes first. */
  readonly fault: KeyFault | undefined;
  readonly components: readonly SigningComponent[];
}

export function upperFingerprint(packet: { getFingerprint(): string }): string {
  return packet.getFingerprint().toUpperCase();
}

export function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/**
 * Verifies everything that a key says of itself and keeps what counts at `nowMs` (undefined: at any time). The newest
 * valid self-signature decides expiry and use, as in gpg; a revocation counts whatever its reason, date and hash.
 */
export async function assessKey(
  pgp: typeof OpenPgp,
  material: KeyMaterial,
  nowMs: number | undefined,
): Promise<AssessedKey> {
  const { primary } = material;
  const fingerprint = upperFingerprint(primary);
  const createdAtMs = primary.created.getTime();
  const revocation = await findRevocation(
    pgp,
    material.signatures,
    primary,
    pgp.enums.signature.keyRevocation,
    { key: primary },
  );
  const revoked: KeyFault | undefined =
    revocation === undefined
      ? undefined
      : {
          code: 'signature-key-revoked',
          message: `the key ${fingerprint} was revoked on ${dateText(createdMs(revocation))}${reasonText(revocation)}`,
        };
  const self = await findSelfSignature(pgp, material, nowMs);
  const direct = await newestValid(
    pgp,
    material.signatures.filter(({ signatureType }) => signatureType === pgp.enums.signature.key),
    primary,
    pgp.enums.signature.key,
    { key: primary },
    nowMs,
  );
  const expiresAtMs = earliest(keyExpiryMs(primary, self), keyExpiryMs(primary, direct));
  const fault = revoked ?? primaryFault(primary, fingerprint, self, nowMs);
  const components: SigningComponent[] = [
    {
      kind: 'primary',
      packet: primary,
      keyId: primary.getKeyID().toHex().toUpperCase(),
      fingerprint,
      createdAtMs,
      expiresAtMs,
      fault: algorithmFault(pgp, primary, 'key', fingerprint) ?? signFlagFault(self, 'key', fingerprint),
    },
  ];
  for (const subkey of material.subkeys) components.push(await assessSubkey(pgp, primary, subkey, nowMs));
  return { fingerprint, createdAtMs, expiresAtMs, revocation: revoked, fault, components };
}

/** Why the whole key does not count at `nowMs`, or undefined. */
export function keyFault(key: AssessedKey, nowMs: number): KeyFault | undefined {
  if (key.fault !== undefined) return key.fault;
  if (key.expiresAtMs !== undefined && key.expiresAtMs <= nowMs) {
    return {
      code: 'signature-key-expired',
      message: `the key ${key.fingerprint} expired on ${dateText(key.expiresAtMs)}`,
    };
  }
  return undefined;
}

/** Why `component` of a key that counts may not sign at `nowMs`, or undefined. */
export function componentFault(component: SigningComponent, nowMs: number): KeyFault | undefined {
  if (component.fault !== undefined) return component.fault;
  if (component.kind === 'subkey' && component.expiresAtMs !== undefined && component.expiresAtMs <= nowMs) {
    return {
      code: 'signature-subkey-expired',
      message: `the subkey ${component.fingerprint} expired on ${dateText(component.expiresAtMs)}`,
    };
  }
  return undefined;
}

function primaryFault(
  primary: OpenPgp.PublicKeyPacket,
  fingerprint: string,
  self: OpenPgp.SignaturePacket | undefined,
  nowMs: number | undefined,
): KeyFault | undefined {
  const invalid = (message: string): KeyFault => ({ code: 'signature-key-invalid', message });
  if (isInFuture(primary.created.getTime(), nowMs)) {
    return invalid(
      `the key ${fingerprint} was created in the future, on ${dateText(primary.created.getTime())}`,
    );
  }
  if (self === undefined) return invalid(`the key ${fingerprint} has no valid user ID with a self-signature`);
  return undefined;
}

async function assessSubkey(
  pgp: typeof OpenPgp,
  primary: OpenPgp.PublicKeyPacket,
  { packet, signatures }: SubkeyMaterial,
  nowMs: number | undefined,
): Promise<SigningComponent> {
  const type = pgp.enums.signature;
  const data = { key: primary, bind: packet };
  const fingerprint = upperFingerprint(packet);
  const bindings = signatures.filter(({ signatureType }) => signatureType === type.subkeyBinding);
  const binding = await newestValid(pgp, bindings, primary, type.subkeyBinding, data, nowMs);
  const revocation = await findRevocation(pgp, signatures, primary, type.subkeyRevocation, data);
  const fault = async (): Promise<KeyFault | undefined> => {
    if (revocation !== undefined) {
      const when = dateText(createdMs(revocation));
      return {
        code: 'signature-subkey-revoked',
        message: `the subkey ${fingerprint} was revoked on ${when}${reasonText(revocation)}`,
      };
    }
    const invalid = (message: string): KeyFault => ({ code: 'signature-subkey-invalid', message });
    if (binding === undefined)
      return invalid(`the subkey ${fingerprint} is not bound to its key by a valid signature`);
    if (isInFuture(packet.created.getTime(), nowMs)) {
      return invalid(`the subkey ${fingerprint} was created in the future`);
    }
    const weak =
      algorithmFault(pgp, packet, 'subkey', fingerprint) ?? signFlagFault(binding, 'subkey', fingerprint);
    if (weak !== undefined) return weak;
    const backSignatures = binding.embeddedSignature === null ? [] : [binding.embeddedSignature];
    const back = await newestValid(pgp, backSignatures, packet, type.keyBinding, data, nowMs);
    return back === undefined
      ? invalid(`the subkey ${fingerprint} has no valid back-signature over its key`)
      : undefined;
  };
  return {
    kind: 'subkey',
    packet,
    keyId: packet.getKeyID().toHex().toUpperCase(),
    fingerprint,
    createdAtMs: packet.created.getTime(),
    expiresAtMs: keyExpiryMs(packet, binding),
    fault: await fault(),
  };
}

/** The newest valid self-signature of the user IDs that are not revoked. */
async function findSelfSignature(
  pgp: typeof OpenPgp,
  material: KeyMaterial,
  nowMs: number | undefined,
): Promise<OpenPgp.SignaturePacket | undefined> {
  const { primary } = material;
  const type = pgp.enums.signature;
  let newest: OpenPgp.SignaturePacket | undefined;
  for (const { packet, signatures } of material.users) {
    const data = { userID: packet, key: primary };
    const certifications = signatures.filter(
      ({ signatureType }) =>
        signatureType !== null && signatureType >= type.certGeneric && signatureType <= type.certPositive,
    );
    const found = await newestValid(pgp, certifications, primary, type.certGeneric, data, nowMs);
    if (found === undefined) continue;
    const revocation = await findRevocation(pgp, signatures, primary, type.certRevocation, data);
    if (revocation !== undefined && createdMs(revocation) >= createdMs(found)) continue;
    if (newest === undefined || createdMs(found) > createdMs(newest)) newest = found;
  }
  return newest;
}

function keyExpiryMs(
  packet: OpenPgp.AnyKeyPacket,
  signature: OpenPgp.SignaturePacket | undefined,
): number | undefined {
  if (signature === undefined) return undefined;
  const lifetimeSeconds = signature.keyNeverExpires === false ? signature.keyExpirationTime : null;
  const keyMs = lifetimeSeconds === null ? undefined : packet.created.getTime() + lifetimeSeconds * 1000;
  const signatureMs = signatureExpiryMs(signature);
  return earliest(keyMs, Number.isFinite(signatureMs) ? signatureMs : undefined);
}

function earliest(first: number | undefined, second: number | undefined): number | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return Math.min(first, second);
}

function signFlagFault(
  signature: OpenPgp.SignaturePacket | undefined,
  kind: 'key' | 'subkey',
  fingerprint: string,
): KeyFault | undefined {
  if (((signature?.keyFlags?.[0] ?? 0) & signFlag) !== 0) return undefined;
  return {
    code: 'signature-not-for-signing',
    message: `the ${kind} ${fingerprint} is not made for signing data`,
  };
}

const revocationReasons: Readonly<Record<number, string>> = {
  1: 'superseded',
  2: 'compromised',
  3: 'no longer used',
};

function reasonText(signature: OpenPgp.SignaturePacket): string {
  const reason = revocationReasons[signature.reasonForRevocationFlag ?? 0];
  const words = printable(signature.reasonForRevocationString ?? '', 80);
  const parts = [reason, words === '' ? undefined : `"${words}"`].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
