import { createHash } from 'node:crypto';
import { UserError } from '@slipway/core';
import canonicalize from 'canonicalize';
import { envelopeFormat, envelopeKey, type JsonObject } from './envelope.ts';

/** The JSON of a value in the canonical form of RFC 8785. Throws `UserError` `content-invalid` if it has none. */
export function canonicalJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = canonicalize(value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError('content-invalid', `the payload has no canonical JSON: ${reason}`, { cause: error });
  }
  if (text === undefined) throw new UserError('content-invalid', 'the payload cannot be written as JSON');
  return text;
}

/** The signed text: the canonical JSON of the whole payload without the signature itself. */
export function signedText(payload: JsonObject): string {
  const envelope = payload[envelopeKey];
  if (typeof envelope !== 'object' || envelope === null) return canonicalJson(payload);
  const { signature: _, ...signed } = { ...envelope } as JsonObject;
  return canonicalJson({ ...payload, [envelopeKey]: signed });
}

/**
 * The text that OpenPGP clear-signs instead of the payload: it names the payload by its SHA-256. So the signature is short, and
 * does not contain text that gpg would change when clear-signing, such as long lines.
 */
export function signedStatement(payload: JsonObject): string {
  return `${envelopeFormat}\nsha256 ${createHash('sha256').update(signedText(payload), 'utf8').digest('hex')}`;
}
