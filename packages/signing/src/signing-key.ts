import { counted, readKeyText, UserError } from '@slipway/core';
import { exportHint, newKeyHint, unusableHint, wholeKeyHint } from './advice.ts';
import {
  type AssessedKey,
  assessKey,
  componentFault,
  keyFault,
  type SigningComponent,
  upperFingerprint,
} from './assessment.ts';
import { type KeyMaterial, mergeCopies } from './key-material.ts';
import type { OpenPgp } from './openpgp.ts';
import { readKeyCollection } from './public-key.ts';

export type SecretPacket = OpenPgp.SecretKeyPacket | OpenPgp.SecretSubkeyPacket;

/** The part of a private key that signs, still locked. */
export interface SigningKey {
  readonly material: KeyMaterial;
  readonly assessed: AssessedKey;
  readonly component: SigningComponent;
  /** One for each copy that has it; they may have different passphrases. */
  readonly secrets: readonly SecretPacket[];
  readonly notices: readonly string[];
}

/** A private key with all its copies, including public ones. */
interface OwnKey {
  readonly fingerprint: string;
  readonly copies: readonly OpenPgp.Key[];
}

export function unusable(reason: string, hint: string): UserError {
  return new UserError('key-unusable', `the signing key cannot be used: ${reason}`, { hint });
}

/** Reads the keys in an input, merging copies as "gpg --import" does. Errors as in `openSigner`. */
export async function readOwnKeys(source: string): Promise<readonly OwnKey[]> {
  const text = readKeyText(source);
  if (source.trim() === '') throw unusable('it is empty', exportHint);
  if (text.kind === 'other') throw unusable('it is not an armored private key', exportHint);
  let found: Awaited<ReturnType<typeof readKeyCollection>>;
  try {
    found = await readKeyCollection(text.kind === 'armored' ? text.text : text.bytes);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw unusable(error.message.replace(/^OpenPGP keys cannot be read: /, ''), exportHint);
  }
  const copies = Map.groupBy(found.keys, upperFingerprint);
  const own = [...copies]
    .map(([fingerprint, keys]) => ({ fingerprint, copies: keys }))
    .filter(({ copies: keys }) => keys.some((key) => key.isPrivate()));
  if (own.length > 0) return own;
  const [unsupported] = found.unsupported;
  if (found.keys.length > 0)
    throw unusable('it is a public key, but only a private key can sign', exportHint);
  throw unsupported === undefined
    ? unusable('it holds no OpenPGP key', exportHint)
    : unusable(unsupported, newKeyHint);
}

/**
 * The key that signs at `nowMs`: the only key, the only trusted one, or the only one of these that can sign. `trusted`
 * holds primary fingerprints; undefined trusts any. Errors as in `openSigner`.
 */
export function chooseKey(
  pgp: typeof OpenPgp,
  keys: readonly OwnKey[],
  trusted: readonly string[] | undefined,
  nowMs: number,
): SigningKey {
  const among =
    trusted === undefined ? keys : keys.filter(({ fingerprint }) => trusted.includes(fingerprint));
  if (among.length === 0) throw notTrusted(keys);
  const found: SigningKey[] = [];
  const errors: UserError[] = [];
  for (const key of among) {
    try {
      found.push(signingPartOf(pgp, key, nowMs));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errors.push(error);
    }
  }
  const [first, second] = found;
  const [firstError] = errors;
  if (first === undefined) {
    if (errors.length === 1 && firstError !== undefined) throw firstError;
    const reasons = errors.map(({ message }) => message.replace(/^the signing key cannot be used: /, ''));
    throw unusable(
      `it holds ${counted(errors.length, 'key')}, none of which can sign: ${reasons.join('; ')}`,
      firstError?.hint ?? exportHint,
    );
  }
  if (second !== undefined) {
    const which = trusted === undefined ? '' : ' that trusted-keys names';
    throw unusable(
      `it holds ${counted(found.length, 'key')}${which} (${listed(found.map(({ assessed }) => assessed))}), and nothing says which one should sign`,
      `Name the one that should sign in trusted-keys, if the action has that input, or export only that one: "gpg --armor --export-secret-keys ${first.assessed.fingerprint}".`,
    );
  }
  if (keys.length === 1) return first;
  const notice = `The input holds ${counted(keys.length, 'key')}; ${first.assessed.fingerprint} signs.`;
  return { ...first, notices: [notice] };
}

function listed(keys: readonly { readonly fingerprint: string }[]): string {
  const shown = keys.slice(0, 8).map(({ fingerprint }) => fingerprint);
  return [...shown, ...(keys.length > shown.length ? ['…'] : [])].join(', ');
}

function notTrusted(keys: readonly OwnKey[]): UserError {
  const [only] = keys;
  const what =
    keys.length === 1
      ? `is the key ${only?.fingerprint}, which is not`
      : `holds ${counted(keys.length, 'key')} (${listed(keys)}), none of which is`;
  return new UserError('input-invalid', `signing-key ${what} among trusted-keys`, {
    hint: 'Add the fingerprint of the signing key to trusted-keys, or set signing-key to a key that is there.',
  });
}

/** The newest subkey that may sign and has its secret part, otherwise the primary key. */
function signingPartOf(pgp: typeof OpenPgp, { copies }: OwnKey, nowMs: number): SigningKey {
  const material = mergeCopies(pgp, copies);
  const assessed = assessKey(pgp, material, nowMs);
  const whole = keyFault(assessed, nowMs);
  if (whole !== undefined) throw unusable(whole.message, wholeKeyHint(whole.code, assessed.fingerprint));
  const ordered = [...assessed.components].sort(
    (a, b) => Number(a.kind === 'primary') - Number(b.kind === 'primary') || b.createdAtMs - a.createdAtMs,
  );
  const reasons: string[] = [];
  const faults: Parameters<typeof unusableHint>[1][number][] = [];
  for (const component of ordered) {
    const fault = componentFault(component, nowMs);
    if (fault !== undefined) {
      reasons.push(fault.message);
      faults.push({ component, code: fault.code });
      continue;
    }
    const secrets = secretsOf(copies, component.fingerprint);
    if (secrets.length > 0) return { material, assessed, component, secrets, notices: [] };
    const kind = component.kind === 'primary' ? 'key' : 'subkey';
    reasons.push(
      `the secret part of the ${kind} ${component.fingerprint} is not in the export (kept offline or on a card)`,
    );
    faults.push({ component, code: 'secret-missing' });
  }
  throw unusable(`nothing in it can sign: ${reasons.join('; ')}`, unusableHint(assessed, faults));
}

function secretsOf(copies: readonly OpenPgp.Key[], fingerprint: string): readonly SecretPacket[] {
  const secrets: SecretPacket[] = [];
  for (const copy of copies) {
    for (const { keyPacket } of copy.getKeys()) {
      if (!('isDummy' in keyPacket) || upperFingerprint(keyPacket) !== fingerprint) continue;
      if (!keyPacket.isMissingSecretKeyMaterial()) secrets.push(keyPacket);
    }
  }
  return secrets;
}

/** The first copy that is not locked or that the passphrase unlocks, with any advice for the user. */
export async function unlock(
  secrets: readonly SecretPacket[],
  passphrase: string | undefined,
): Promise<{ readonly secret: SecretPacket; readonly notices: readonly string[] }> {
  const forms = passphraseForms(passphrase);
  const open = secrets.find((secret) => secret.isDecrypted());
  if (open !== undefined) {
    const notice = 'The signing key is not protected by a passphrase; the given one is not used.';
    return { secret: open, notices: forms.length === 0 ? [] : [notice] };
  }
  if (forms.length === 0) {
    throw unusable('it is protected by a passphrase, but none was given', 'Give the passphrase as a secret.');
  }
  for (const [index, form] of forms.entries()) {
    for (const secret of secrets) {
      if (!(await isUnlocked(secret, form))) continue;
      const notice =
        'The passphrase was given with surrounding blanks or line ends that do not belong to it: store it without them.';
      return { secret, notices: index === 0 || form === withoutLineEnd(passphrase) ? [] : [notice] };
    }
  }
  throw unusable('the passphrase is wrong', 'Check the secret for missing or extra characters.');
}

/**
 * Passphrases to try, in this order: exactly as given, without a file's line end, and without the surrounding blanks of
 * pasted secrets.
 */
function passphraseForms(passphrase: string | undefined): readonly string[] {
  if (passphrase === undefined) return [];
  const forms = [passphrase, withoutLineEnd(passphrase), passphrase.trim()];
  return [...new Set(forms)].filter((form) => form !== undefined && form !== '');
}

function withoutLineEnd(passphrase: string | undefined): string {
  return passphrase?.replace(/\r?\n$/, '') ?? '';
}

async function isUnlocked(secret: SecretPacket, passphrase: string): Promise<boolean> {
  try {
    await secret.decrypt(passphrase);
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('Incorrect key passphrase')) return false;
    // OpenPGP.js may quote the key in its message.
    throw unusable(
      'it is protected in a way that is not supported or not safe',
      'Set its passphrase again with "gpg --change-passphrase FINGERPRINT" of gpg 2.2 or newer, and export it again.',
    );
  }
}
