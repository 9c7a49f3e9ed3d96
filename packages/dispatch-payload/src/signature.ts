import { printable, unreachable } from '@slipway/core';
import { signedStatement, signedText } from './canonical.ts';
import type { JsonObject, Signature } from './envelope.ts';
import { hmacSha256, isHmacOf } from './hmac.ts';
import { type Refusal, refusal } from './refusals.ts';

/** Signs payloads. */
export interface PayloadSigner {
  readonly kind: Signature['kind'];
  /** The most that a signature adds to the JSON of a payload, in bytes. */
  readonly maxAddedBytes: number;
  sign(payload: JsonObject): Promise<Signature>;
}

/** `,"signature":{"kind":"hmac-sha256","value":"…"}`. */
const hmacAddedBytes = 112;
/** A signature by RSA of 8,192 bits in a clear-signed document. */
const openPgpAddedBytes = 2_304;

/** Signs by HMAC-SHA-256 of the canonical payload. */
export function hmacSigner(secret: string): PayloadSigner {
  return {
    kind: 'hmac-sha256',
    maxAddedBytes: hmacAddedBytes,
    sign: async (payload) => ({ kind: 'hmac-sha256', value: hmacSha256(secret, signedText(payload)) }),
  };
}

/** Signs by clear-signing a statement of the payload's SHA-256 with `clearSign`. */
export function openPgpSigner(clearSign: (text: string) => Promise<string>): PayloadSigner {
  return {
    kind: 'openpgp',
    maxAddedBytes: openPgpAddedBytes,
    sign: async (payload) => ({ kind: 'openpgp', value: await clearSign(signedStatement(payload)) }),
  };
}

/** What a clear-signed document proves, as a verdict of the keyring in `@slipway/signing`. */
export type ClearSignedVerdict =
  | { readonly ok: true; readonly text: string; readonly fingerprint: string }
  | { readonly ok: false; readonly code: string; readonly message: string };

export interface SignatureRules {
  /** All are accepted: the current secret and the previous one. */
  readonly secrets: readonly string[];
  /** Undefined when no keys are trusted. */
  readonly verifyClearSigned: ((document: string) => Promise<ClearSignedVerdict>) | undefined;
  readonly allowUnsigned: boolean;
}

export interface SignatureFindings {
  readonly refusals: readonly Refusal[];
  /** The proven author of the message, in words; undefined without a proof. */
  readonly signer: string | undefined;
}

/** Whether a payload has a signature that the rules accept. */
export async function checkSignature(
  payload: JsonObject,
  signature: Signature | undefined,
  rules: SignatureRules,
): Promise<SignatureFindings> {
  const refused = (...given: Parameters<typeof refusal>): SignatureFindings => {
    return { refusals: [refusal(...given)], signer: undefined };
  };
  if (signature === undefined) {
    return rules.allowUnsigned
      ? { refusals: [], signer: undefined }
      : refused(
          'signature-missing',
          'the message is not signed',
          'Give the sender a signing-secret or a signing-key.',
        );
  }
  switch (signature.kind) {
    case 'hmac-sha256':
      if (rules.secrets.length === 0) {
        return refused(
          'signature-unverifiable',
          'it is signed with a secret, but no signing-secret is given here',
        );
      }
      return isHmacOf(signature.value, signedText(payload), rules.secrets)
        ? { refusals: [], signer: 'the signing secret' }
        : refused(
            'signature-wrong',
            'its signature does not match: it was signed with another secret, or was changed',
            'Compare the signing-secret of both repositories.',
          );
    case 'openpgp':
      return checkOpenPgp(payload, signature.value, rules, refused);
    default:
      return unreachable(signature);
  }
}

async function checkOpenPgp(
  payload: JsonObject,
  document: string,
  { verifyClearSigned }: SignatureRules,
  refused: (...given: Parameters<typeof refusal>) => SignatureFindings,
): Promise<SignatureFindings> {
  if (verifyClearSigned === undefined) {
    return refused(
      'signature-unverifiable',
      'it is signed with an OpenPGP key, but no trusted-keys are given here',
    );
  }
  const verdict = await verifyClearSigned(document);
  if (!verdict.ok) {
    return refused(
      'signature-not-trusted',
      `its OpenPGP signature is refused: ${printable(verdict.message)} (${verdict.code})`,
    );
  }
  if (verdict.text !== signedStatement(payload)) {
    return refused(
      'signature-wrong',
      'its OpenPGP signature belongs to another message, or the message was changed',
    );
  }
  return { refusals: [], signer: `the OpenPGP key ${verdict.fingerprint}` };
}
