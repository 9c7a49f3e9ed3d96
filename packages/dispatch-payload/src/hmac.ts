import { createHmac, timingSafeEqual } from 'node:crypto';

/** In characters. 32 hex digits are 128 bits, which cannot be guessed. */
const minSecretCharacters = 32;

/** A secret that is long enough. Throws an `Error`, which repeats nothing of it, for one that could be guessed. */
export function checkHmacSecret(secret: string): string {
  if (secret.length < minSecretCharacters) {
    throw new Error(
      `it has fewer than ${minSecretCharacters} characters; create one with "openssl rand -hex 32"`,
    );
  }
  return secret;
}

/** HMAC-SHA-256 (RFC 2104) of a text as UTF-8 under a secret as UTF-8: 64 lower-case hex digits. */
export function hmacSha256(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('hex');
}

/**
 * Whether `value` is the HMAC of a text under one of the secrets; the time it takes depends neither on which one, nor on how much
 * of it matches.
 */
export function isHmacOf(value: string, text: string, secrets: readonly string[]): boolean {
  const given = Buffer.from(/^[0-9a-f]{64}$/.test(value) ? value : '0'.repeat(64), 'hex');
  const matches = secrets.map((secret) =>
    timingSafeEqual(given, Buffer.from(hmacSha256(secret, text), 'hex')),
  );
  return matches.includes(true);
}
