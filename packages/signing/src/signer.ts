import { createHash, randomBytes } from 'node:crypto';
import { type Clock, InternalError, SlipwayError, sentences, systemClock } from '@slipway/core';
import { algorithmName } from './algorithm.ts';
import { encodeArmor } from './armor.ts';
import { type AssessedKey, componentFault, dateText, keyFault, type SigningComponent } from './assessment.ts';
import { formatClearSigned, signableText } from './clear-signed.ts';
import { ecdsaCurve } from './curves.ts';
import { judgeDetached } from './detached.ts';
import { hashWord } from './hashes.ts';
import { indexSigners } from './keyring.ts';
import { type NativeSigner, openCurveSigner, openNativeSigner } from './native-signer.ts';
import { loadOpenPgp, type OpenPgp } from './openpgp.ts';
import { readPacketFrame } from './packet.ts';
import { describeKey, type PublicKey } from './public-key.ts';
import { chooseKey, readOwnKeys, type SecretPacket, unlock, unusable } from './signing-key.ts';
import { parseTrustedKeys } from './trusted-keys.ts';
import { verifyDocument } from './verification.ts';

const soonMs = 30 * 24 * 3_600_000;

export interface SignerOptions {
  /** The private key in any form that `readKeyText` of `@slipway/core` reads. Copies of a key are merged. */
  readonly armoredKey: string;
  /** As given, including surrounding blanks. */
  readonly passphrase: string | undefined;
  /** As `parseTrustedKeys` takes it: the key must be among these, and selects among several keys. Undefined allows any. */
  readonly trustedKeys?: string | undefined;
  readonly clock: Clock;
}

/** Signs with a private key that was found usable. Made by `openSigner`. */
export interface Signer {
  readonly publicKey: PublicKey;
  /** That of the key or subkey that signs: `RSA-4096`, `Ed25519`, … */
  readonly algorithm: string;
  readonly signingFingerprint: string;
  /** What the user should know, one sentence each: an unneeded passphrase, an expiry that is near. */
  readonly notices: readonly string[];
  /**
   * The clear-signed document in Spack's form, with a final newline, verified before it is returned. Throws `UserError`
   * `content-invalid` for a text that gpg and Spack would read differently. Call it for many texts at once to sign on
   * several threads. `atMs` as in `startDetached`.
   */
  clearSign(text: string, atMs?: number): Promise<string>;
  /**
   * Starts a detached signature over bytes that are given in pieces. Throws `UserError` `key-unusable` for a key whose
   * algorithm can only sign data in memory.
   *
   * `atMs` sets the date of the signature, between the creation of the key and now; RSA and Ed25519 then always produce the
   * same signature for the same bytes. ECDSA signatures are random.
   */
  startDetached(atMs?: number): DetachedSigning;
  /** Wipes the private key; nothing can be signed afterwards. */
  close(): void;
}

/** An unfinished detached signature. */
export interface DetachedSigning {
  update(bytes: Uint8Array): void;
  /** The armored signature over the bytes given, verified before it is returned. */
  finish(): Promise<string>;
}

/**
 * Reads a private key and proves with a trial signature that it can sign now. As in gpg, the newest valid signing subkey
 * signs, otherwise the primary key. Throws `UserError` `key-unusable`, or `input-invalid` for a key that is not trusted;
 * neither message nor cause reveals any of the key or passphrase.
 */
export async function openSigner(options: SignerOptions): Promise<Signer> {
  const { armoredKey, passphrase, clock } = options;
  const keys = await readOwnKeys(armoredKey);
  const pgp = await loadOpenPgp();
  const trusted = await trustedFingerprints(options.trustedKeys);
  const chosen = chooseKey(pgp, keys, trusted, clock.nowMs());
  const { material, assessed, component } = chosen;
  const { secret, notices: unlockNotices } = await unlock(chosen.secrets, passphrase);
  const notices = [...chosen.notices, ...unlockNotices, ...expiryNotices(assessed, component, clock.nowMs())];

  const index = { signers: indexSigners([assessed]), notPinned: new Map<string, string>() };
  let native: NativeSigner | undefined;
  const signNatively = async (
    signer: NativeSigner,
    text: string,
    { dateMs, salt }: SignatureMark,
  ): Promise<string> =>
    formatClearSigned(text, signer.hashHeader, await signer.sign(text, dateMs, salt(signer)));
  /** The date of a signature made now. Throws if the key has expired meanwhile. */
  const signatureDateMs = (nowMs: number): number => {
    const expired = keyFault(assessed, nowMs) ?? componentFault(component, nowMs);
    if (expired !== undefined)
      throw unusable(expired.message, 'Extend or replace the key, and store it again.');
    // Otherwise a key from a machine whose clock is ahead would be younger than its signature.
    return Math.max(nowMs, component.createdAtMs, assessed.createdAtMs);
  };
  const markOf = (nowMs: number, atMs: number | undefined): SignatureMark => {
    const dateMs = signatureDateMs(nowMs);
    if (atMs === undefined) return { dateMs, salt: ({ template }) => randomBytes(template.saltBytes) };
    const asked = Math.min(dateMs, Math.max(atMs, component.createdAtMs, assessed.createdAtMs));
    return {
      dateMs: asked,
      salt: ({ template }) => fixedSalt(component.fingerprint, asked, template.saltBytes),
    };
  };
  const clearSign = async (text: string, atMs?: number): Promise<string> => {
    const signable = signableText(text);
    const nowMs = clock.nowMs();
    const mark = markOf(nowMs, atMs);
    const document = await (native === undefined
      ? signByOpenPgp(pgp, secret, signable, mark.dateMs)
      : signNatively(native, signable, mark));
    // Also protects against faults: a miscalculated RSA signature would reveal the key.
    const verdict = await verifyDocument(pgp, index, document, nowMs);
    if (!verdict.ok) throw new InternalError(`a signature just made is refused: ${verdict.message}`);
    if (verdict.text !== signable) throw new InternalError('a signature just made is over another text');
    return document;
  };
  const startDetached = (atMs?: number): DetachedSigning => {
    if (native === undefined) {
      throw unusable(
        `files cannot be signed with ${algorithmName(component.packet)}`,
        'Use a key with RSA or Ed25519, or on a NIST or Brainpool curve.',
      );
    }
    const nowMs = clock.nowMs();
    const { dateMs, salt } = markOf(nowMs, atMs);
    const signing = native.startBinary(dateMs, salt(native));
    return {
      update: (bytes) => signing.update(bytes),
      async finish() {
        const made = signing.finish();
        const packet = readPacketFrame(made.packet, 0)?.body ?? new Uint8Array();
        const verdict = await judgeDetached(pgp, index, { packet, digest: made.digest }, nowMs);
        if (!verdict.ok) throw new InternalError(`a signature just made is refused: ${verdict.message}`);
        return encodeArmor('SIGNATURE', made.packet);
      },
    };
  };
  try {
    if (ecdsaCurve(secret.getAlgorithmInfo().curve)?.inOpenPgpJs === false) {
      native = openCurveSigner(pgp, secret, signatureDateMs(clock.nowMs()));
      if (native === undefined) throw new InternalError('node:crypto does not take the key');
      await clearSign('A trial.');
    } else native = await openNativeSigner(pgp, secret, await clearSign('A trial.'));
  } catch {
    throw unusable(
      `a trial signature by the key ${component.fingerprint} failed`,
      'Its secret part may be damaged or may not match its public part; export it again.',
    );
  }
  return {
    publicKey: describeKey(pgp, material),
    algorithm: algorithmName(component.packet),
    signingFingerprint: component.fingerprint,
    notices,
    clearSign,
    startDetached,
    close() {
      native?.close();
      for (const each of chosen.secrets) each.makeDummy();
    },
  };
}

/** What differs between signatures by one key over the same bytes. */
interface SignatureMark {
  readonly dateMs: number;
  salt(signer: NativeSigner): Uint8Array;
}

/** The salt of a reproducible signature, derived from its other contents. */
function fixedSalt(fingerprint: string, dateMs: number, saltBytes: number): Uint8Array {
  const seconds = Math.floor(dateMs / 1000);
  return createHash('sha512')
    .update(`reproducible ${fingerprint} ${seconds}`)
    .digest()
    .subarray(0, saltBytes);
}

function expiryNotices(key: AssessedKey, component: SigningComponent, nowMs: number): string[] {
  const expiresAtMs = Math.min(key.expiresAtMs ?? Infinity, component.expiresAtMs ?? Infinity);
  if (expiresAtMs > nowMs + soonMs) return [];
  return [
    `The signing key ${component.fingerprint} expires on ${dateText(expiresAtMs)}; what it signed is refused after that.`,
  ];
}

async function trustedFingerprints(text: string | undefined): Promise<readonly string[] | undefined> {
  if (text === undefined || text.trim() === '') return undefined;
  return (await parseTrustedKeys(text)).fingerprints;
}

/** A document that OpenPGP.js signs with this part of the key, ignoring any problem with the others. */
async function signByOpenPgp(
  pgp: typeof OpenPgp,
  secret: SecretPacket,
  text: string,
  dateMs: number,
): Promise<string> {
  const signature = new pgp.SignaturePacket();
  signature.signatureType = pgp.enums.signature.text;
  signature.publicKeyAlgorithm = secret.algorithm;
  signature.hashAlgorithm = pgp.enums.hash.sha512;
  const bytes = new Uint8Array(Buffer.from(text.replaceAll('\n', '\r\n')));
  const data = { text: null, getBytes: () => bytes };
  // Its type omits the configuration, without which it fails.
  await Reflect.apply(signature.sign, signature, [secret, data, new Date(dateMs), true, pgp.config]);
  const packets = new pgp.PacketList<OpenPgp.AnyPacket>();
  packets.push(signature);
  return formatClearSigned(text, hashWord(signature.hashAlgorithm) ?? '', packets.write());
}

/** The problem with a signing key, as a list of at most one sentence. */
export async function signingKeyProblems(inputs: {
  readonly signingKey: string | undefined;
  readonly passphrase: string | undefined;
  readonly trustedKeys?: string;
}): Promise<readonly string[]> {
  const { signingKey: armoredKey, passphrase } = inputs;
  if (armoredKey === undefined) return [];
  const options: SignerOptions = {
    armoredKey,
    passphrase,
    clock: systemClock,
    // Checked late: an invalid input must not hide a problem with the key.
    get trustedKeys() {
      return inputs.trustedKeys;
    },
  };
  try {
    (await openSigner(options)).close();
    return [];
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    const reason = error.message.replace(/^the signing key cannot be used: /, 'signing-key cannot be used: ');
    return [error.hint === undefined ? reason : sentences(reason, error.hint).replace(/\.$/, '')];
  }
}
