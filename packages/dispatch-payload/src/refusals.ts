import type { Problem } from '@slipway/core';

/** All reasons to refuse a message. Codes are never renamed. */
export type RefusalCode =
  | 'event-unexpected'
  | 'event-type-refused'
  | 'event-type-mismatch'
  | 'sender-refused'
  | 'source-refused'
  | 'payload-malformed'
  | 'payload-too-large'
  | 'envelope-missing'
  | 'envelope-malformed'
  | 'signature-missing'
  | 'signature-wrong'
  | 'signature-not-trusted'
  | 'signature-unverifiable'
  | 'audience-wrong'
  | 'expired'
  | 'too-old'
  | 'from-future'
  | 'replayed'
  | 'schema-violated'
  | 'field-missing'
  | 'field-invalid'
  | 'artifact-refused'
  | 'artifact-unreachable'
  | 'artifact-mismatch';

export type Refusal = Problem<RefusalCode> & { readonly severity: 'error' };

/** A reason to refuse a message, with advice for the receiver. */
export function refusal(code: RefusalCode, message: string, hint?: string): Refusal {
  return { code, severity: 'error', message, hint };
}
