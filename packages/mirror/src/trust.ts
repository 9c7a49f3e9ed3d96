import { type Clock, SlipwayError } from '@slipway/core';
import { openKeyring, parseTrustedKeys, type TrustedKeys } from '@slipway/signing';
import type { Resigning, SignaturePolicy } from './signature-policy.ts';

/** Whom to trust, as plain data that can cross threads. */
export interface TrustSource {
  /** The input `trusted-keys` as given: fingerprints and armored public keys. Empty trusts nobody. */
  readonly trustedKeys: string;
  /** Armored public keys found in a mirror or staged tree; they count only if their fingerprints are trusted. */
  readonly offeredKeys: readonly string[];
  readonly allowUnsigned: boolean;
  /** See `SignaturePolicy.acceptOtherSigners`. */
  readonly acceptOtherSigners?: boolean | undefined;
  /**
   * For replacing signatures: whose signatures must already be there, in the form of `trustedKeys`. Empty requires none.
   */
  readonly resigning?: { readonly requireSignedBy: string } | undefined;
}

/**
 * The policy of a trust source, and the trusted fingerprints whose keys were not found. Throws `UserError` for trusted
 * keys that cannot be read.
 */
export async function openPolicy(
  trust: TrustSource,
  clock: Clock,
): Promise<{ readonly policy: SignaturePolicy; readonly missingKeys: readonly string[] }> {
  const { allowUnsigned, acceptOtherSigners } = trust;
  const others = await openResigning(trust, clock);
  const rest = { allowUnsigned, acceptOtherSigners, resigning: others?.resigning };
  const missingOthers = others?.missingKeys ?? [];
  if (trust.trustedKeys.trim() === '')
    return { policy: { keyring: undefined, ...rest }, missingKeys: missingOthers };
  const trusted = await parseTrustedKeys(trust.trustedKeys);
  const keyring = await openKeyring({ trusted, candidates: trust.offeredKeys, clock });
  return { policy: { keyring, ...rest }, missingKeys: [...keyring.missing, ...missingOthers] };
}

async function openResigning(
  { resigning, offeredKeys }: TrustSource,
  clock: Clock,
): Promise<{ readonly resigning: Resigning; readonly missingKeys: readonly string[] } | undefined> {
  if (resigning === undefined) return undefined;
  const required = resigning.requireSignedBy.trim() !== '';
  const trusted = required
    ? await parseTrustedKeys(resigning.requireSignedBy)
    : await readableKeys(offeredKeys);
  const keyring = await openKeyring({ trusted, candidates: offeredKeys, clock });
  return { resigning: { keyring, required }, missingKeys: required ? keyring.missing : [] };
}

/** All of these keys that can be read; signatures by the others cannot be checked. */
async function readableKeys(armored: readonly string[]): Promise<TrustedKeys> {
  const read = await Promise.all(
    armored.map((key) =>
      parseTrustedKeys(key).catch((error: unknown) => {
        if (error instanceof SlipwayError) return undefined;
        throw error;
      }),
    ),
  );
  const sources = read.filter((source) => source !== undefined);
  return {
    fingerprints: [...new Set(sources.flatMap(({ fingerprints }) => fingerprints))],
    keys: sources.flatMap(({ keys }) => keys),
  };
}

/** The fingerprints that the input `trusted-keys` pins, 40 upper-case hex digits each; undefined if it is empty. */
export async function pinnedFingerprints(trustedKeys: string): Promise<readonly string[] | undefined> {
  if (trustedKeys.trim() === '') return undefined;
  return (await parseTrustedKeys(trustedKeys)).fingerprints;
}
