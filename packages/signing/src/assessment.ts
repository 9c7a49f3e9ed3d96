import { printable } from '@slipway/core';
import { algorithmFault } from './algorithm.ts';
import type { KeyFault } from './key-fault.ts';
import type { KeyMaterial, SubkeyMaterial } from './key-material.ts';
import type { OpenPgp } from './openpgp.ts';
import {
  createdMs,
  type FoundSignature,
  findRevocation,
  isInFuture,
  newestValid,
  signatureExpiryMs,
} from './self-signature.ts';

const signFlag = 0x02;

/** A primary key or subkey that may have made a signature, and the period in which it counts. */
export interface SigningComponent {
  readonly kind: 'primary' | 'subkey';
  readonly packet: OpenPgp.AnyKeyPacket;
  readonly keyId: string;
  readonly fingerprint: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
  /** Undefined if it may sign. Expiry is separate, because it depends on the time. */
  readonly fault: KeyFault | undefined;
}

/** A key whose self-signatures have been verified. */
export interface AssessedKey {
  readonly fingerprint: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
  readonly revocation: KeyFault | undefined;
  /** Why the whole key is refused, apart from expiry; a revocation comes first. */
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
 * Verifies everything that a key says about itself and keeps what holds at `nowMs` (undefined: at any time). The newest
 * valid self-signature decides expiry and use, as in gpg; a revocation counts whatever its reason, date and hash.
 */
export function assessKey(
  pgp: typeof OpenPgp,
  material: KeyMaterial,
  nowMs: number | undefined,
): AssessedKey {
  const { primary } = material;
  const fingerprint = upperFingerprint(primary);
  const createdAtMs = primary.created.getTime();
  const type = pgp.enums.signature;
  const parts = { key: primary };
  const revocation = findRevocation(pgp, material.signatures, primary, type.keyRevocation, parts);
  const revoked = revocationFault(revocation, 'key', fingerprint);
  const self = findSelfSignature(pgp, material, nowMs);
  const directs = material.signatures.filter(({ signatureType }) => signatureType === type.key);
  const direct = newestValid(pgp, directs, primary, parts, nowMs).signature;
  const expiresAtMs = earliest(keyExpiryMs(primary, self.signature), keyExpiryMs(primary, direct));
  const algorithm = algorithmFault(pgp, primary, 'key', fingerprint);
  const unknown = algorithm?.code === 'signature-unsupported' ? algorithm : undefined;
  const fault = unknown ?? revoked ?? primaryFault(primary, fingerprint, self, nowMs);
  const components: SigningComponent[] = [
    {
      kind: 'primary',
      packet: primary,
      keyId: primary.getKeyID().toHex().toUpperCase(),
      fingerprint,
      createdAtMs,
      expiresAtMs,
      fault: algorithm ?? signFlagFault(self.signature, 'key', fingerprint),
    },
  ];
  for (const subkey of material.subkeys) components.push(assessSubkey(pgp, primary, subkey, nowMs));
  return { fingerprint, createdAtMs, expiresAtMs, revocation: revoked, fault, components };
}

/** Why the whole key is refused at `nowMs`, if it is. */
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

/** Why `component` of an accepted key may not sign at `nowMs`, if so. */
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
  self: FoundSignature,
  nowMs: number | undefined,
): KeyFault | undefined {
  const invalid = (message: string): KeyFault => ({ code: 'signature-key-invalid', message });
  if (isInFuture(primary.created.getTime(), nowMs)) {
    return invalid(
      `the key ${fingerprint} was created in the future, on ${dateText(primary.created.getTime())}`,
    );
  }
  if (self.signature !== undefined) return undefined;
  return (
    uncheckableFault(self, 'key', fingerprint) ??
    invalid(`the key ${fingerprint} has no valid user ID with a self-signature`)
  );
}

/** The fault of a key or subkey whose own signature could not be checked. */
function uncheckableFault(
  { uncheckable }: FoundSignature,
  kind: 'key' | 'subkey',
  fingerprint: string,
): KeyFault | undefined {
  if (uncheckable === undefined) return undefined;
  return {
    code: 'signature-unsupported',
    message: `the ${kind} ${fingerprint} cannot be checked: ${uncheckable}`,
  };
}

function revocationFault(
  found: FoundSignature,
  kind: 'key' | 'subkey',
  fingerprint: string,
): KeyFault | undefined {
  if (found.signature === undefined) return uncheckableFault(found, kind, fingerprint);
  const when = dateText(createdMs(found.signature));
  return {
    code: kind === 'key' ? 'signature-key-revoked' : 'signature-subkey-revoked',
    message: `the ${kind} ${fingerprint} was revoked on ${when}${reasonText(found.signature)}`,
  };
}

function assessSubkey(
  pgp: typeof OpenPgp,
  primary: OpenPgp.PublicKeyPacket,
  { packet, signatures }: SubkeyMaterial,
  nowMs: number | undefined,
): SigningComponent {
  const type = pgp.enums.signature;
  const parts = { key: primary, subkey: packet };
  const fingerprint = upperFingerprint(packet);
  const bindings = signatures.filter(({ signatureType }) => signatureType === type.subkeyBinding);
  const found = newestValid(pgp, bindings, primary, parts, nowMs);
  const binding = found.signature;
  const revocation = findRevocation(pgp, signatures, primary, type.subkeyRevocation, parts);
  const fault = (): KeyFault | undefined => {
    const revoked = revocationFault(revocation, 'subkey', fingerprint);
    if (revoked !== undefined) return revoked;
    const invalid = (message: string): KeyFault => ({ code: 'signature-subkey-invalid', message });
    if (binding === undefined) {
      return (
        uncheckableFault(found, 'subkey', fingerprint) ??
        invalid(`the subkey ${fingerprint} is not bound to its key by a valid signature`)
      );
    }
    if (isInFuture(packet.created.getTime(), nowMs)) {
      return invalid(`the subkey ${fingerprint} was created in the future`);
    }
    const weak =
      algorithmFault(pgp, packet, 'subkey', fingerprint) ?? signFlagFault(binding, 'subkey', fingerprint);
    if (weak !== undefined) return weak;
    const { embeddedSignature } = binding;
    const backSignatures = embeddedSignature?.signatureType === type.keyBinding ? [embeddedSignature] : [];
    const back = newestValid(pgp, backSignatures, packet, parts, nowMs);
    if (back.signature !== undefined) return undefined;
    return (
      uncheckableFault(back, 'subkey', fingerprint) ??
      invalid(`the subkey ${fingerprint} has no valid back-signature over its key`)
    );
  };
  return {
    kind: 'subkey',
    packet,
    keyId: packet.getKeyID().toHex().toUpperCase(),
    fingerprint,
    createdAtMs: packet.created.getTime(),
    expiresAtMs: keyExpiryMs(packet, binding),
    fault: fault(),
  };
}

/** The newest valid self-signature of the user IDs that are not revoked. */
function findSelfSignature(
  pgp: typeof OpenPgp,
  material: KeyMaterial,
  nowMs: number | undefined,
): FoundSignature {
  const { primary } = material;
  const type = pgp.enums.signature;
  let newest: OpenPgp.SignaturePacket | undefined;
  let uncheckable: string | undefined;
  for (const { packet, signatures } of material.users) {
    const parts = { key: primary, userId: packet };
    const certifications = signatures.filter(
      ({ signatureType }) =>
        signatureType !== null && signatureType >= type.certGeneric && signatureType <= type.certPositive,
    );
    const found = newestValid(pgp, certifications, primary, parts, nowMs);
    uncheckable ??= found.uncheckable;
    if (found.signature === undefined) continue;
    const revocation = findRevocation(pgp, signatures, primary, type.certRevocation, parts);
    uncheckable ??= revocation.uncheckable;
    if (revocation.uncheckable !== undefined) continue;
    const { signature } = revocation;
    if (signature !== undefined && createdMs(signature) >= createdMs(found.signature)) continue;
    if (newest === undefined || createdMs(found.signature) > createdMs(newest)) newest = found.signature;
  }
  return { signature: newest, uncheckable };
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
    message: `the ${kind} ${fingerprint} is not meant for signing data`,
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
