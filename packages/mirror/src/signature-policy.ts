import { isUtf8 } from 'node:buffer';
import { type Keyring, parseClearSigned, signableFault, signableHint } from '@slipway/signing';
import { type Finding, type FindingCode, finding, findingSeverities } from './findings.ts';

const clearSignedStart = Buffer.from('-----BEGIN PGP');

/** Whose signatures to believe (I4). Without a keyring, no signature is accepted. */
export interface SignaturePolicy {
  readonly keyring: Keyring | undefined;
  /** Accept unsigned documents. An existing signature must still be good. */
  readonly allowUnsigned: boolean;
  /**
   * Treat documents signed by keys outside the keyring as unsigned. Only for replacing signatures; a bad signature by a
   * key in the keyring is still refused, so that tampering never gets signed.
   */
  readonly acceptOtherSigners?: boolean | undefined;
  /** For replacing signatures: additional demands on documents before they are signed. */
  readonly resigning?: Resigning | undefined;
}

/** Demands on documents before the keyring's own key signs them. */
export interface Resigning {
  /** The required signers if `required` is set, otherwise all keys that were found. */
  readonly keyring: Keyring | undefined;
  /** Each document must have a good signature by one of these keys. */
  readonly required: boolean;
}

/** Verifies nothing: for finding out what a document refers to. */
export const unverifiedText: SignaturePolicy = {
  keyring: undefined,
  allowUnsigned: true,
  acceptOtherSigners: true,
};

export interface OpenedDocument {
  readonly text: string;
  /** Fingerprint of the primary key; undefined for an unsigned document. */
  readonly signedBy: string | undefined;
  readonly signedAtMs: number | undefined;
  /** Findings about a document that is accepted nevertheless. */
  readonly warnings: readonly Finding[];
}

/** Removes the signature from a document and judges it by this policy; returns a finding if it is refused. */
export async function openDocument(
  bytes: Uint8Array,
  key: string,
  policy: SignaturePolicy,
): Promise<OpenedDocument | Finding> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const opened = looksSigned(buffer)
    ? await openSigned(buffer, key, policy)
    : openUnsigned(buffer, key, policy);
  if (isFinding(opened) || policy.resigning === undefined || opened.signedBy !== undefined) return opened;
  const fault = signableFault(opened.text);
  if (fault === undefined) return opened;
  return finding('manifest-unsignable', key, `it cannot be clear-signed: ${fault}`, signableHint);
}

function openUnsigned(buffer: Buffer, key: string, policy: SignaturePolicy): OpenedDocument | Finding {
  if (!policy.allowUnsigned) {
    return finding(
      'unsigned',
      key,
      'it is not signed',
      'Sign it with buildcache-sign, or allow unsigned entries.',
    );
  }
  if (policy.resigning?.required)
    return finding(
      'unsigned',
      key,
      'it is not signed, but require-signed-by asks for a signature',
      requiredHint,
    );
  if (!isUtf8(buffer)) return finding('manifest-malformed', key, 'it is not valid UTF-8');
  return unverified(buffer.toString('utf8'));
}

async function openSigned(
  buffer: Buffer,
  key: string,
  policy: SignaturePolicy,
): Promise<OpenedDocument | Finding> {
  const framed = policy.acceptOtherSigners || policy.resigning ? parseClearSigned(buffer) : undefined;
  if (policy.keyring === undefined) {
    if (framed?.ok && policy.acceptOtherSigners) return unverified(framed.text);
    return finding(
      'signature-unknown-key',
      key,
      'it is signed, but no trusted key was given to check the signature',
      'Give the fingerprint of the signing key in trusted-keys.',
    );
  }
  const verdict = await policy.keyring.verifyClearSigned(buffer);
  if (verdict.ok) {
    const { text, fingerprint: signedBy, signedAtMs } = verdict;
    return { text, signedBy, signedAtMs, warnings: [] };
  }
  if (!isByAnother(verdict.code) || !framed?.ok)
    return finding(findingCodeOf(verdict.code), key, verdict.message);
  if (policy.resigning !== undefined) return judgeOther(buffer, framed.text, key, policy.resigning);
  return unverified(framed.text);
}

/** Judges a signature that is about to be replaced: signing over a bad one would hide tampering. */
async function judgeOther(
  buffer: Buffer,
  text: string,
  key: string,
  { keyring, required }: Resigning,
): Promise<OpenedDocument | Finding> {
  const verdict = await keyring?.verifyClearSigned(buffer);
  if (verdict?.ok) return unverified(text);
  const why = verdict?.message ?? 'it is signed, but no key is available to check the signature';
  const code = verdict?.code ?? 'signature-unknown-key';
  if (required)
    return finding(findingCodeOf(code), key, `${why}; require-signed-by asks for another`, requiredHint);
  if (!isByAnother(code) && !isExpiry(code)) return finding(findingCodeOf(code), key, why);
  return {
    ...unverified(text),
    warnings: [
      finding(
        'signature-replaced-unchecked',
        key,
        `its signature is replaced although nothing proves that it was good: ${why}`,
        'To require good signatures, set require-signed-by to the keys that make them.',
      ),
    ],
  };
}

const requiredHint = 'Have it signed by one of the keys in require-signed-by first.';

function unverified(text: string): OpenedDocument {
  return { text, signedBy: undefined, signedAtMs: undefined, warnings: [] };
}

function isByAnother(code: string): boolean {
  return code === 'signature-unknown-key' || code === 'signature-not-pinned';
}

/** Signatures that match but are too old, which is often the very reason to sign again. */
function isExpiry(code: string): boolean {
  return (
    code === 'signature-key-expired' || code === 'signature-subkey-expired' || code === 'signature-expired'
  );
}

/** Whether a document claims to be signed: it contains the OpenPGP marker anywhere. */
export function looksSigned(bytes: Buffer): boolean {
  return bytes.includes(clearSignedStart);
}

function findingCodeOf(code: string): FindingCode {
  return isFindingCode(code) ? code : 'signature-bad';
}

function isFindingCode(code: string): code is FindingCode {
  return Object.hasOwn(findingSeverities, code);
}

export function isFinding(value: OpenedDocument | Finding): value is Finding {
  return 'severity' in value;
}
