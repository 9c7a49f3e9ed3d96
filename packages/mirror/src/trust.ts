import type { Clock } from '@slipway/core';
import { openKeyring, parseTrustedKeys } from '@slipway/signing';
import type { SignaturePolicy } from './signature-policy.ts';

/** Whom to trust, as plain data that can cross threads. */
export interface TrustSource {
  /** The input `trusted-keys` as given: fingerprints and armored public keys. Empty: nobody. */
  readonly trustedKeys: string;
  /** Armored public keys found in a mirror or staged tree; they count only for fingerprints that are trusted. */
  readonly offeredKeys: readonly string[];
  readonly allowUnsigned: boolean;
  /** See `SignaturePolicy.acceptOtherSigners`. */
  readonly acceptOtherSigners?: boolean | undefined;
}

/**
 * The policy of a trust source, and the trusted fingerprints for which no key was found. Throws `UserError` for
 * trusted keys that cannot be read.
 */
export async function openPolicy(
  trust: TrustSource,
  clock: Clock,
): Promise<{ readonly policy: SignaturePolicy; readonly missingKeys: readonly string[] }> {
  const { allowUnsigned, acceptOtherSigners } = trust;
  if (trust.trustedKeys.trim() === '') {
    return { policy: { keyring: undefined, allowUnsigned, acceptOtherSigners }, missingKeys: [] };
  }
  const trusted = await parseTrustedKeys(trust.trustedKeys);
  const keyring = await openKeyring({ trusted, candidates: trust.offeredKeys, clock });
  return { policy: { keyring, allowUnsigned, acceptOtherSigners }, missingKeys: keyring.missing };
}

/** The fingerprints that the input `trusted-keys` pins, 40 upper-case hex digits each; undefined where it is empty. */
export async function pinnedFingerprints(trustedKeys: string): Promise<readonly string[] | undefined> {
  if (trustedKeys.trim() === '') return undefined;
  return (await parseTrustedKeys(trustedKeys)).fingerprints;
}
