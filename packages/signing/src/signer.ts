import { createHash, randomBytes } from 'node:crypto';
import { type Clock, counted, InternalError, SlipwayError, systemClock, UserError } from '@slipway/core';
import { algorithmName } from './algorithm.ts';
import { encodeArmor } from './armor.ts';
import {
  type AssessedKey,
  assessKey,
  componentFault,
  dateText,
  keyFault,
  type SigningComponent,
  upperFingerprint,
} from './assessment.ts';
import { formatClearSigned, signableText } from './clear-signed.ts';
import { judgeDetached } from './detached.ts';
import { mergeCopies } from './key-material.ts';
import { indexSigners } from './keyring.ts';
import { type NativeSigner, openNativeSigner } from './native-signer.ts';
import { loadOpenPgp, type OpenPgp } from './openpgp.ts';
import { readPacketFrame, signatureTag } from './packet.ts';
import { describeKey, type PublicKey, readKeyPackets } from './public-key.ts';
import { hashWord, readSignaturePacket, verifyDocument } from './verification.ts';

const soonMs = 30 * 24 * 3_600_000;

export interface SignerOptions {
  /** The armored private key, or the base64 of it (of the armored text or the binary export) for places of one line. */
  readonly armoredKey: string;
  readonly passphrase: string | undefined;
  readonly clock: Clock;
}

/** Signs with one private key that was found usable. Opened by `openSigner`. */
export interface Signer {
  readonly publicKey: PublicKey;
  /** Of the key or subkey that signs: `RSA-4096`, `Ed25519`, … */
  readonly algorithm: string;
  /** Fingerprint of the key or subkey that signs. */
  readonly signingFingerprint: string;
  /** What the user should know, a sentence each: a passphrase that is not needed, an expiry that is near. */
  readonly notices: readonly string[];
  /**
   * The clear-signed document in Spack's form, with a final newline. Each is verified before it is returned. Throws
   * `UserError` `content-invalid` for a text that gpg and Spack would read differently. Call it for many texts at once:
   * they are then signed on several threads. `atMs` as in `startDetached`.
   */
  clearSign(text: string, atMs?: number): Promise<string>;
  /**
   * Begins a detached signature over bytes as they are, which are given piece by piece. Throws `UserError` `key-unusable` for
   * a key whose algorithm can only sign what is in memory as a whole.
   *
   * With `atMs` the signature is dated so, as far as the age of the key and the present allow, and the same bytes get the same
   * signature by RSA and Ed25519 whenever they are signed. ECDSA has a random number in each.
   */
  startDetached(atMs?: number): DetachedSigning;
  /** Wipes the private key; nothing may be signed any more. */
  close(): void;
}

/** A detached signature in the making. */
export interface DetachedSigning {
  update(bytes: Uint8Array): void;
  /** The armored signature over the bytes that were given. It is verified before it is returned. */
  finish(): Promise<string>;
}

function unusable(reason: string, hint: string): UserError {
  return new UserError('key-unusable', `the signing key cannot be used: ${reason}`, { hint });
}

const exportHint = 'Store the output of "gpg --armor --export-secret-keys FINGERPRINT" as the secret.';

/**
 * Reads a private key and proves by a trial that it can sign now, with the newest valid signing subkey or else the
 * primary key, as gpg chooses. Throws `UserError` `key-unusable`; neither its message nor its cause has anything of the
 * key or the passphrase.
 */
export async function openSigner({ armoredKey, passphrase, clock }: SignerOptions): Promise<Signer> {
  const privateKey = await readPrivateKey(armoredKey);
  const pgp = await loadOpenPgp();
  const material = mergeCopies(pgp, [privateKey]);
  const assessed = await assessKey(pgp, material, clock.nowMs());
  const whole = keyFault(assessed, clock.nowMs());
  if (whole !== undefined) throw unusable(whole.message, 'Extend or replace the key, and store it again.');
  const { component, secret } = chooseComponent(privateKey, assessed, clock.nowMs());
  const notices = [
    ...(await unlock(secret, passphrase)),
    ...expiryNotices(assessed, component, clock.nowMs()),
  ];

  const index = { signers: indexSigners([assessed]), notPinned: new Map<string, string>() };
  const keyId = component.packet.getKeyID();
  let native: NativeSigner | undefined;
  const signByOpenPgp = async (text: string, date: Date): Promise<string> => {
    const message = await pgp.createMessage({ text });
    const options = { message, signingKeys: privateKey, signingKeyIDs: keyId, detached: true, date } as const;
    const signature = await pgp.sign({ ...options, format: 'binary' });
    return formatClearSigned(text, hashOf(pgp, signature), signature);
  };
  const signNatively = async (
    signer: NativeSigner,
    text: string,
    { dateMs, salt }: SignatureMark,
  ): Promise<string> =>
    formatClearSigned(text, signer.hashHeader, await signer.sign(text, dateMs, salt(signer)));
  /** The date of a signature that is made now. Throws when the key has expired meanwhile. */
  const signatureDateMs = (nowMs: number): number => {
    const expired = keyFault(assessed, nowMs) ?? componentFault(component, nowMs);
    if (expired !== undefined)
      throw unusable(expired.message, 'Extend or replace the key, and store it again.');
    // A key from a machine whose clock is ahead would otherwise be younger than its signature.
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
      ? signByOpenPgp(signable, new Date(mark.dateMs))
      : signNatively(native, signable, mark));
    // Also against faults: an RSA signature that went wrong would give the key away.
    const verdict = await verifyDocument(pgp, index, document, nowMs);
    if (!verdict.ok) throw new InternalError(`a signature just made is refused: ${verdict.message}`);
    if (verdict.text !== signable) throw new InternalError('a signature just made is over another text');
    return document;
  };
  const startDetached = (atMs?: number): DetachedSigning => {
    if (native === undefined) {
      throw unusable(
        `files cannot be signed with ${algorithmName(component.packet)}`,
        'Use a key with RSA, Ed25519 or a NIST curve.',
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
    native = await openNativeSigner(pgp, secret, await clearSign('A trial.'));
  } catch {
    throw unusable(
      `a trial signature by the key ${component.fingerprint} failed`,
      'Its secret part may be damaged or may not match its public part; export it again.',
    );
  }
  return {
    publicKey: await describeKey(pgp, material),
    algorithm: algorithmName(component.packet),
    signingFingerprint: component.fingerprint,
    notices,
    clearSign,
    startDetached,
    close() {
      native?.close();
      secret.makeDummy();
    },
  };
}

/** What differs between signatures by one key over the same bytes. */
interface SignatureMark {
  readonly dateMs: number;
  salt(signer: NativeSigner): Uint8Array;
}

/** The salt of a signature that shall come out the same again: decided by what is in the signature anyway. */
function fixedSalt(fingerprint: string, dateMs: number, saltBytes: number): Uint8Array {
  const seconds = Math.floor(dateMs / 1000);
  return createHash('sha512')
    .update(`reproducible ${fingerprint} ${seconds}`)
    .digest()
    .subarray(0, saltBytes);
}

async function readPrivateKey(source: string): Promise<OpenPgp.PrivateKey> {
  let keys: OpenPgp.Key[];
  try {
    keys = await readKeyPackets(decodeSecret(source));
  } catch (error) {
    // Only the words of a UserError are ours; anything else may quote the key.
    const reason = error instanceof UserError ? error.message : 'it is not readable';
    throw unusable(reason.replace(/^OpenPGP keys cannot be read: /, ''), exportHint);
  }
  const fingerprints = new Set(keys.map(upperFingerprint));
  if (fingerprints.size > 1) {
    const list = [...fingerprints].slice(0, 8).join(', ');
    throw unusable(
      `it holds ${counted(fingerprints.size, 'key')} (${list}) and which one should sign is not said`,
      'Export only the one that signs.',
    );
  }
  const privateKey = keys.find((key) => key.isPrivate());
  if (privateKey === undefined) {
    throw unusable('it is a public key, and only a private key can sign', exportHint);
  }
  return privateKey;
}

/** Armored text as it is; otherwise the base64 of armored text or of a binary key. */
function decodeSecret(source: string): string | Uint8Array {
  const text = source.trim();
  if (text === '') throw unusable('it is empty', exportHint);
  if (text.includes('-----BEGIN')) {
    if (text.includes('\n')) return text;
    throw unusable('its line breaks were lost', `${exportHint} Where only one line fits, store its base64.`);
  }
  const base64 = text.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) throw unusable('it is no armored private key', exportHint);
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

type SecretPacket = OpenPgp.SecretKeyPacket | OpenPgp.SecretSubkeyPacket;

/** The newest subkey that may sign and whose secret part is there, or else the primary key. */
function chooseComponent(
  privateKey: OpenPgp.PrivateKey,
  assessed: AssessedKey,
  nowMs: number,
): { readonly component: SigningComponent; readonly secret: SecretPacket } {
  const secrets = new Map<string, SecretPacket>();
  for (const { keyPacket } of privateKey.getKeys()) {
    if ('isDummy' in keyPacket) secrets.set(upperFingerprint(keyPacket), keyPacket);
  }
  const ordered = [...assessed.components].sort(
    (a, b) => Number(a.kind === 'primary') - Number(b.kind === 'primary') || b.createdAtMs - a.createdAtMs,
  );
  const reasons: string[] = [];
  for (const component of ordered) {
    const fault = componentFault(component, nowMs);
    if (fault !== undefined) {
      reasons.push(fault.message);
      continue;
    }
    const secret = secrets.get(component.fingerprint);
    if (secret !== undefined && !secret.isMissingSecretKeyMaterial()) return { component, secret };
    reasons.push(
      `the secret part of the ${component.kind === 'primary' ? 'key' : 'subkey'} ${component.fingerprint} is not in the export (kept offline or on a card)`,
    );
  }
  throw unusable(`nothing in it can sign: ${reasons.join('; ')}`, exportHint);
}

/** Decrypts the one packet that signs. Returns notices. */
async function unlock(secret: SecretPacket, passphrase: string | undefined): Promise<string[]> {
  if (secret.isDecrypted()) {
    if (passphrase === undefined || passphrase === '') return [];
    return ['The signing key is not protected by a passphrase; the one that was given is not used.'];
  }
  if (passphrase === undefined || passphrase === '') {
    throw unusable('it is protected by a passphrase, and none was given', 'Give the passphrase as a secret.');
  }
  try {
    await secret.decrypt(passphrase);
  } catch (error) {
    const wrong = error instanceof Error && error.message.startsWith('Incorrect key passphrase');
    throw wrong
      ? unusable('the passphrase is wrong', 'Check the secret for missing or extra characters.')
      : unusable('its protection is of a kind that is not supported or not safe', exportHint);
  }
  return [];
}

function expiryNotices(key: AssessedKey, component: SigningComponent, nowMs: number): string[] {
  const expiresAtMs = Math.min(key.expiresAtMs ?? Infinity, component.expiresAtMs ?? Infinity);
  if (expiresAtMs > nowMs + soonMs) return [];
  return [
    `The signing key ${component.fingerprint} expires on ${dateText(expiresAtMs)}; what it signed is refused after that.`,
  ];
}

function hashOf(pgp: typeof OpenPgp, signature: Uint8Array): string {
  const frame = readPacketFrame(signature, 0);
  const packet = frame?.tag === signatureTag ? readSignaturePacket(pgp, frame.body) : undefined;
  const word = hashWord(packet?.hashAlgorithm ?? null);
  if (word === undefined) throw new InternalError('OpenPGP.js made a signature of another kind');
  return word;
}

/** What is wrong with a signing key, if anything, as a list of a sentence. */
export async function signingKeyProblems(inputs: {
  readonly signingKey: string | undefined;
  readonly passphrase: string | undefined;
}): Promise<readonly string[]> {
  if (inputs.signingKey === undefined) return [];
  try {
    const { passphrase } = inputs;
    (await openSigner({ armoredKey: inputs.signingKey, passphrase, clock: systemClock })).close();
    return [];
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    return [`signing-key: ${error.message}`];
  }
}
