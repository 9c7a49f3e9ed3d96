import type { TestKey } from './keys.ts';

const minCharacters = 8;

/**
 * The parts of a key that must not appear anywhere: its passphrase, each line of the private key that is not in the public one, and
 * pieces of its base64.
 */
export function secretsOfKey({ privateArmored, publicArmored, passphrase }: TestKey): readonly string[] {
  const published = new Set(publicArmored.split(/\r?\n/));
  const lines = privateArmored
    .split(/\r?\n/)
    .filter((line) => line.length >= minCharacters && !line.startsWith('-----') && !published.has(line));
  const base64 = Buffer.from(privateArmored).toString('base64');
  const pieces = base64.match(/.{64}/g) ?? [];
  return [...lines, ...pieces, ...(passphrase === undefined ? [] : [passphrase])];
}

/** Which secrets a text contains, as they are, in JSON or in a URL, in upper or lower case. */
export function secretsFound(text: string, secrets: readonly string[]): readonly string[] {
  const lower = text.toLowerCase();
  return secrets.filter((secret) =>
    [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)].some((form) =>
      lower.includes(form.toLowerCase()),
    ),
  );
}
