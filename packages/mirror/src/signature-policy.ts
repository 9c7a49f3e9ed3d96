import { type Keyring, parseClearSigned } from '@slipway/signing';
import { type Finding, type FindingCode, finding, findingSeverities } from './findings.ts';

const clearSignedStart = Buffer.from('-----BEGIN PGP');

/** Whom to believe (I4). Without a keyring no signature can be judged, so none is accepted. */
export interface SignaturePolicy {
  readonly keyring: Keyring | undefined;
  /** Documents without a signature are accepted. A signature that is there must be good all the same. */
  readonly allowUnsigned: boolean;
  /**
   * Documents signed by keys that are not in the keyring are taken as unsigned ones. Only for signing them anew; a bad
   * signature by a key that is in the keyring stays a refusal, or else tampering would be signed.
   */
  readonly acceptOtherSigners?: boolean | undefined;
}

/** Believes nothing and refuses nothing but what is malformed: to see what a document refers to. */
export const unverifiedText: SignaturePolicy = {
  keyring: undefined,
  allowUnsigned: true,
  acceptOtherSigners: true,
};

/** What is inside a document, and who vouches for it. */
export interface OpenedDocument {
  readonly text: string;
  /** Fingerprint of the primary key; undefined for an unsigned document. */
  readonly signedBy: string | undefined;
  readonly signedAtMs: number | undefined;
}

/** Takes the signature off a document by this policy, or says why it is refused. */
export async function openDocument(
  bytes: Uint8Array,
  key: string,
  policy: SignaturePolicy,
): Promise<OpenedDocument | Finding> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!looksSigned(buffer)) {
    if (policy.allowUnsigned)
      return { text: buffer.toString('utf8'), signedBy: undefined, signedAtMs: undefined };
    return finding(
      'unsigned',
      key,
      'it is not signed',
      'Sign it with buildcache-sign, or allow unsigned entries.',
    );
  }
  const framed = policy.acceptOtherSigners ? parseClearSigned(buffer) : undefined;
  const unverified = framed?.ok
    ? { text: framed.text, signedBy: undefined, signedAtMs: undefined }
    : undefined;
  if (policy.keyring === undefined) {
    if (unverified !== undefined) return unverified;
    return finding(
      'signature-unknown-key',
      key,
      'it is signed, and no trusted key was given to check the signature with',
      'Give the fingerprint of the signing key in trusted-keys.',
    );
  }
  const verdict = await policy.keyring.verifyClearSigned(buffer);
  if (verdict.ok)
    return { text: verdict.text, signedBy: verdict.fingerprint, signedAtMs: verdict.signedAtMs };
  const isByAnother = verdict.code === 'signature-unknown-key' || verdict.code === 'signature-not-pinned';
  if (isByAnother && unverified !== undefined) return unverified;
  return finding(findingCodeOf(verdict.code), key, verdict.message);
}

/** Whether a document claims to be signed: the OpenPGP marker is anywhere in it. */
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
