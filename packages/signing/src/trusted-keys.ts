import { printable, UserError } from '@slipway/core';
import { splitArmor } from './armor.ts';
import { type PublicKey, readPublicKeys } from './public-key.ts';

const maxTextCharacters = 2 ** 20;
const maxProblems = 20;

/** The keys a user trusts, by the fingerprints of their primary keys; `keys` are those that were given whole. */
export interface TrustedKeys {
  /** Each once, 40 upper-case hex digits. */
  readonly fingerprints: readonly string[];
  readonly keys: readonly PublicKey[];
}

/**
 * Parses fingerprints (40 hex digits, with or without spaces and `0x`, one a line or separated by commas) and armored
 * public keys in any mixture; `#` begins a comment. Throws one `UserError` `input-invalid` with every problem.
 */
export async function parseTrustedKeys(text: string): Promise<TrustedKeys> {
  if (text.length > maxTextCharacters) throw invalid(['it is larger than 1 MiB']);
  const { blocks, rest, problems } = splitArmor(text);
  const found = problems.map((problem) => `line ${problem.line}: ${problem.text}`);
  const fingerprints = new Set<string>();
  for (const { line, text: lineText } of rest) {
    for (const item of lineText.replace(/#.*$/, '').split(/[,;]/)) {
      const word = item.trim();
      if (word === '') continue;
      const digits = word.replace(/^0x/i, '').replace(/\s+/g, '').toUpperCase();
      const problem = fingerprintFault(digits);
      if (problem === undefined) fingerprints.add(digits);
      else found.push(`line ${line}: "${printable(word, 80)}" ${problem}`);
    }
  }
  const keys: PublicKey[] = [];
  for (const block of blocks) {
    if (block.label === 'PRIVATE KEY BLOCK') {
      found.push(
        `line ${block.line}: a private key does not belong here; give its public key or fingerprint`,
      );
      continue;
    }
    const armored = [
      `-----BEGIN PGP ${block.label}-----`,
      ...block.lines,
      `-----END PGP ${block.label}-----`,
    ];
    try {
      keys.push(...(await readPublicKeys(armored.join('\n'))));
    } catch (error) {
      const reason =
        error instanceof UserError ? error.message.replace(/: line \d+:/, ':') : 'it is unreadable';
      found.push(`line ${block.line}: ${reason}`);
    }
  }
  for (const key of keys) fingerprints.add(key.fingerprint);
  if (found.length > 0) throw invalid(found);
  return { fingerprints: [...fingerprints], keys };
}

function fingerprintFault(digits: string): string | undefined {
  if (!/^[0-9A-F]+$/.test(digits)) return 'is neither a fingerprint nor an armored public key';
  switch (digits.length) {
    case 40:
      return undefined;
    case 8:
    case 16:
      return 'is a short key ID, which anybody can make a key for; give all 40 digits of the fingerprint';
    case 64:
      return 'is the fingerprint of an OpenPGP key of version 5 or 6, which gpg 2 and Spack cannot use';
    default:
      return `has ${digits.length} hex digits; a fingerprint has 40`;
  }
}

function invalid(problems: readonly string[]): UserError {
  const shown = problems.slice(0, maxProblems);
  if (problems.length > shown.length) shown.push(`and ${problems.length - shown.length} more`);
  return new UserError('input-invalid', `the trusted keys cannot be used: ${shown.join('; ')}`, {
    hint: 'List fingerprints as "gpg --fingerprint" prints them, or armored public keys.',
  });
}
