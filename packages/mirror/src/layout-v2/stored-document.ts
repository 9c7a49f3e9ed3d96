import type { ObjectStore } from '@slipway/core';
import { storeFinding } from '../entry-findings.ts';
import type { Finding, FindingCode } from '../findings.ts';

/** `missing`: it does not exist. `refused`: it exists but is not read, and a finding says why. */
export type StoredDocument =
  | { readonly kind: 'read'; readonly body: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused' };

/**
 * Reads one document of at most `maxBytes`. A document that the store refuses is a finding; throws only if the store fails.
 */
export async function readDocument(
  store: ObjectStore,
  key: string,
  maxBytes: number,
  tooLarge: FindingCode,
  findings: Finding[],
): Promise<StoredDocument> {
  try {
    const stored = await store.read(key, { maxBytes });
    return stored === undefined ? { kind: 'missing' } : { kind: 'read', body: stored.body };
  } catch (error) {
    const refused = storeFinding(error, key, tooLarge, `it is larger than ${maxBytes} bytes`);
    if (refused === undefined) throw error;
    findings.push(refused);
    return { kind: 'refused' };
  }
}
