import { parseStrictJson, UserError } from '@slipway/core';

const maxKeys = 10_000;

/** A key index of these fingerprints, sorted, in Spack's form. */
export function formatKeyIndex(fingerprints: Iterable<string>): string {
  const keys = Object.fromEntries([...new Set(fingerprints)].sort().map((fingerprint) => [fingerprint, {}]));
  return JSON.stringify({ keys });
}

/** The fingerprints in a key index, as written. Throws `JsonError` or `UserError` `content-invalid`. */
export function parseKeyIndex(body: Uint8Array): readonly string[] {
  const document = parseStrictJson(body, 8);
  const keys =
    typeof document === 'object' && document !== null && 'keys' in document ? document.keys : undefined;
  if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) {
    throw new UserError('content-invalid', 'the key index has no "keys" object');
  }
  const fingerprints = Object.keys(keys);
  if (fingerprints.length > maxKeys) {
    throw new UserError('too-large', `the key index lists more than ${maxKeys} keys`);
  }
  return fingerprints;
}
