import { type Clock, UserError } from '@slipway/core';
import { type AssessedKey, assessKey, componentFault, keyFault } from './assessment.ts';
import { type DetachedVerdict, type DetachedVerification, startDetachedVerification } from './detached.ts';
import { mergeCopies } from './key-material.ts';
import { loadOpenPgp, type OpenPgp } from './openpgp.ts';
import { describeKey, type PublicKey, readKeyPackets } from './public-key.ts';
import type { TrustedKeys } from './trusted-keys.ts';
import { type KnownSigner, type SignatureVerdict, type SignerIndex, verifyDocument } from './verification.ts';

const maxCandidates = 256;
/** Checking one takes a fraction of a millisecond; a key with more is an attack. */
const maxOwnSignatures = 400;

export interface KeyringOptions {
  readonly trusted: TrustedKeys;
  /**
   * Keys found in the mirror or elsewhere: parsed, armored or binary. They count only if their primary fingerprint is
   * trusted, and add to the trusted copy: a revocation in any copy holds.
   */
  readonly candidates: readonly (PublicKey | string | Uint8Array)[];
  readonly clock: Clock;
}

/** The state of a trusted key when the keyring was opened. */
export interface KeyStatus {
  readonly publicKey: PublicKey;
  /** Why signatures by it are refused; undefined if it is good. */
  readonly problem: string | undefined;
}

/** The trusted keys, ready to verify. Made by `openKeyring`. */
export class Keyring {
  /** Trusted fingerprints whose keys were not found. */
  readonly missing: readonly string[];
  readonly keys: readonly KeyStatus[];
  /** Why candidates were skipped, one sentence each. */
  readonly ignored: readonly string[];
  readonly #pgp: typeof OpenPgp;
  readonly #index: SignerIndex;
  readonly #clock: Clock;

  constructor(
    pgp: typeof OpenPgp,
    index: SignerIndex,
    contents: Pick<Keyring, 'missing' | 'keys' | 'ignored'>,
    clock: Clock,
  ) {
    this.#pgp = pgp;
    this.#index = index;
    this.#clock = clock;
    this.missing = contents.missing;
    this.keys = contents.keys;
    this.ignored = contents.ignored;
  }

  /**
   * Accepts a clear-signed document only if its one signature is good, by a trusted key that is valid now and older than
   * the signature. Never throws. Call it for many documents at once: OpenPGP.js then uses several threads.
   */
  verifyClearSigned(document: string | Uint8Array): Promise<SignatureVerdict> {
    return verifyDocument(this.#pgp, this.#index, document, this.#clock.nowMs());
  }

  /** Starts verifying a detached signature, armored or binary, over bytes given in pieces. Never throws. */
  startDetached(signature: string | Uint8Array): DetachedVerification {
    return startDetachedVerification(this.#pgp, this.#index, signature, this.#clock.nowMs());
  }

  /**
   * Accepts bytes only if their one detached signature is good, by a trusted key that is valid now and older than the
   * signature. Throws only what reading `data` throws.
   */
  async verifyDetached(
    signature: string | Uint8Array,
    data: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<DetachedVerdict> {
    const verification = this.startDetached(signature);
    for await (const bytes of data) verification.update(bytes);
    return verification.finish();
  }
}

/** Verifies the trusted keys and merges them with their copies among the candidates. Skips unreadable candidates. */
export async function openKeyring({ trusted, candidates, clock }: KeyringOptions): Promise<Keyring> {
  const pgp = await loadOpenPgp();
  const pinned = new Set(trusted.fingerprints);
  const copies = new Map<string, OpenPgp.Key[]>();
  const notPinned = new Map<string, string>();
  const ignored: string[] = [...(trusted.skipped ?? [])];
  const add = (key: OpenPgp.Key): void => {
    const fingerprint = key.getFingerprint().toUpperCase();
    const known = copies.get(fingerprint);
    if (known === undefined) copies.set(fingerprint, [key]);
    else known.push(key);
  };
  for (const { armored } of trusted.keys) {
    for (const key of await readKeyPackets(armored)) add(key);
  }
  for (const [number, candidate] of candidates.slice(0, maxCandidates).entries()) {
    for (const key of await readCandidate(candidate, number + 1, ignored)) {
      const fingerprint = key.getFingerprint().toUpperCase();
      if (pinned.has(fingerprint)) {
        if (ownSignatures(key) <= maxOwnSignatures) add(key);
        else
          ignored.push(`a copy of the key ${fingerprint} has more than ${maxOwnSignatures} self-signatures`);
      } else {
        for (const keyId of key.getKeyIDs()) notPinned.set(keyId.toHex().toUpperCase(), fingerprint);
      }
    }
  }
  if (candidates.length > maxCandidates) ignored.push(`there are more than ${maxCandidates} candidate keys`);

  const nowMs = clock.nowMs();
  const keys: KeyStatus[] = [];
  const assessed: AssessedKey[] = [];
  for (const [fingerprint, keyCopies] of copies) {
    if (!pinned.has(fingerprint)) continue;
    const material = mergeCopies(pgp, keyCopies);
    const key = assessKey(pgp, material, nowMs);
    assessed.push(key);
    keys.push({ publicKey: describeKey(pgp, material), problem: statusProblem(key, nowMs) });
  }
  const missing = trusted.fingerprints.filter((fingerprint) => !copies.has(fingerprint));
  const index: SignerIndex = { signers: indexSigners(assessed), notPinned };
  return new Keyring(pgp, index, { missing, keys, ignored }, clock);
}

/** The possible signers, by key ID. */
export function indexSigners(keys: readonly AssessedKey[]): Map<string, KnownSigner[]> {
  const signers = new Map<string, KnownSigner[]>();
  for (const key of keys) {
    for (const component of key.components) {
      const known = signers.get(component.keyId) ?? [];
      known.push({ key, component });
      signers.set(component.keyId, known);
    }
  }
  return signers;
}

function statusProblem(key: AssessedKey, nowMs: number): string | undefined {
  const whole = keyFault(key, nowMs);
  if (whole !== undefined) return whole.message;
  const faults = key.components.map((component) => componentFault(component, nowMs));
  if (faults.includes(undefined)) return undefined;
  return faults.map((fault) => fault?.message).join('; ');
}

async function readCandidate(
  candidate: PublicKey | string | Uint8Array,
  number: number,
  ignored: string[],
): Promise<OpenPgp.Key[]> {
  const source =
    typeof candidate === 'string' || candidate instanceof Uint8Array ? candidate : candidate.armored;
  try {
    return await readKeyPackets(source);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    ignored.push(`candidate key ${number}: ${error.message}`);
    return [];
  }
}

function ownSignatures(key: OpenPgp.Key): number {
  const ids = new Set(key.getKeyIDs().map((keyId) => keyId.toHex()));
  return key.toPacketList().filter((packet) => 'issuerKeyID' in packet && ids.has(packet.issuerKeyID.toHex()))
    .length;
}
