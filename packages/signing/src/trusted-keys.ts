import { printable, readKeyText, UserError } from '@slipway/core';
import { type ArmorBlock, splitArmor } from './armor.ts';
import { mergeCopies } from './key-material.ts';
import { loadOpenPgp } from './openpgp.ts';
import { describeKey, type PublicKey, readKeyCollection } from './public-key.ts';

const maxTextCharacters = 2 ** 20;
const maxProblems = 20;
/** More invalid lines than this are prose, and naming each of them would not help. */
const maxProseLines = 5;

/** The keys a user trusts, by primary fingerprint; `keys` are those given in full. */
export interface TrustedKeys {
  /** Each once, 40 upper-case hex digits. */
  readonly fingerprints: readonly string[];
  readonly keys: readonly PublicKey[];
  /** What was given but is not trusted, one sentence each: unusable keys, fingerprints within prose. */
  readonly skipped?: readonly string[];
}

/**
 * Parses any mixture of fingerprints (40 hex digits, with or without spaces and `0x`, one per line or separated by commas)
 * and armored public keys, in any form that `readKeyText` reads; `#` begins a comment. Throws one `UserError`
 * `input-invalid` with every problem.
 *
 * A file of armored keys with prose around them, such as an Apache project's KEYS, trusts only the armored keys: a
 * fingerprint in prose may be anybody's. A key that is commented out or within a sentence is not trusted either.
 */
export async function parseTrustedKeys(text: string): Promise<TrustedKeys> {
  if (text.length > maxTextCharacters) throw invalid(['it is larger than 1 MiB']);
  const sentences: string[] = [];
  const given = readKeyText(text, (each) => {
    const lines = withoutComments(each);
    sentences.push(...keysInSentences(lines));
    return lines.join('\n');
  });
  if (sentences.length > 0) throw invalid(sentences);
  if (given.kind === 'binary') return trustBlocks([{ line: 1, source: given.bytes }]);
  const { blocks, rest, problems } = splitArmor(given.text);
  const list = readList(rest);
  const sources = blocks.map(({ line, ...block }) => ({ line, source: armored(block), label: block.label }));
  const isText = list.prose.length > 0 && sources.some(({ label }) => label === 'PUBLIC KEY BLOCK');
  const inText = isText ? list.fingerprints : [];
  // If a block is bad, report a few odd lines as well: they may be the cause.
  const beside = isText && list.prose.length > maxProseLines ? [] : list.problems;
  return trustBlocks(sources, {
    fingerprints: isText ? [] : list.fingerprints,
    inText,
    problems: [
      ...problems.map((problem) => `line ${problem.line}: ${problem.text}`),
      ...(isText ? [] : beside),
    ],
    ifRefused: beside,
  });
}

/** The lines, with comment lines emptied so that line numbers stay right. */
function withoutComments(text: string): readonly string[] {
  return text.split('\n').map((line) => (/^ *#/.test(line) ? '' : line));
}

/** After this many words on its line, a key is quoted rather than given. */
const minWordsOfSentence = 3;

/** Reports keys that begin within a sentence. */
function keysInSentences(lines: readonly string[]): readonly string[] {
  const problems: string[] = [];
  for (const [index, line] of lines.entries()) {
    let from = 0;
    for (const match of line.matchAll(/-----(BEGIN|END) PGP [A-Z ]{1,40}-----/g)) {
      const words = line.slice(from, match.index).split(' ');
      const wordCount = words.filter((word) => /^\p{L}+[,.:;!?]?$/u.test(word)).length;
      if (match[1] === 'BEGIN' && wordCount >= minWordsOfSentence) {
        problems.push(
          `line ${index + 1}: a key begins within a sentence; put it on lines of its own, or remove it`,
        );
      }
      from = match.index + match[0].length;
    }
  }
  return problems;
}

interface Source {
  readonly line: number;
  readonly source: string | Uint8Array;
}

/** The keys in the blocks, and anything found beside them. Throws as `parseTrustedKeys` does. */
async function trustBlocks(
  sources: readonly Source[],
  beside: {
    readonly fingerprints: readonly string[];
    readonly inText: readonly string[];
    readonly problems: readonly string[];
    readonly ifRefused: readonly string[];
  } = { fingerprints: [], inText: [], problems: [], ifRefused: [] },
): Promise<TrustedKeys> {
  const problems = [...beside.problems];
  const keys: PublicKey[] = [];
  const skipped: string[] = [];
  const pgp = await loadOpenPgp();
  for (const { line, source } of sources) {
    try {
      const found = await readKeyCollection(source);
      if (found.keys.some((key) => key.isPrivate())) {
        problems.push(`line ${line}: a private key does not belong here; give its public key or fingerprint`);
        continue;
      }
      keys.push(...found.keys.map((key) => describeKey(pgp, mergeCopies(pgp, [key]))));
      skipped.push(...found.unsupported.map((reason) => `line ${line}: ${reason}`));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(
        `line ${line}: ${error.message.replace(/^OpenPGP keys cannot be read: (?:line \d+: )?/, '')}`,
      );
    }
  }
  const fingerprints = new Set([...beside.fingerprints, ...keys.map(({ fingerprint }) => fingerprint)]);
  // If there are other keys, the file's author did not mean to trust one that cannot be checked.
  if (fingerprints.size === 0) problems.push(...skipped);
  if (problems.length > 0) throw invalid([...new Set([...beside.ifRefused, ...problems])]);
  for (const fingerprint of new Set(beside.inText)) {
    if (!fingerprints.has(fingerprint)) {
      skipped.push(`the fingerprint ${fingerprint} is part of a text, but its key is not in the file`);
    }
  }
  return { fingerprints: [...fingerprints], keys, ...(skipped.length === 0 ? {} : { skipped }) };
}

function armored({ label, lines }: Omit<ArmorBlock, 'line'>): string {
  return [`-----BEGIN PGP ${label}-----`, ...lines, `-----END PGP ${label}-----`].join('\n');
}

interface List {
  readonly fingerprints: readonly string[];
  /** Numbers of the lines that contain more than digits. */
  readonly prose: readonly number[];
  readonly problems: readonly string[];
}

/** Reads the text outside armored blocks as a list of fingerprints. */
function readList(rest: readonly { readonly line: number; readonly text: string }[]): List {
  const fingerprints: string[] = [];
  const prose = new Set<number>();
  const problems: string[] = [];
  const otherProblems: string[] = [];
  for (const { line, text } of rest) {
    for (const item of text.replace(/#.*$/, '').split(/[,;]/)) {
      const word = item.trim();
      if (word === '') continue;
      const several = word.split(/ +/);
      const items = several.every((each) => /^(?:0x)?[0-9A-Fa-f]{40}$/.test(each)) ? several : [word];
      for (const each of items) {
        const digits = each.replace(/^0x/i, '').replace(/\s+/g, '').toUpperCase();
        const problem = fingerprintFault(digits);
        if (problem === undefined) fingerprints.push(digits);
        else if (/^[0-9A-F]+$/.test(digits))
          otherProblems.push(`line ${line}: "${printable(each, 80)}" ${problem}`);
        else {
          prose.add(line);
          problems.push(`line ${line}: "${printable(each, 80)}" ${problem}`);
        }
      }
    }
  }
  const [first = 0] = prose;
  const ofProse =
    prose.size > maxProseLines ? [`line ${first} begins a text without an armored public key`] : problems;
  return { fingerprints, prose: [...prose], problems: [...ofProse, ...otherProblems] };
}

function fingerprintFault(digits: string): string | undefined {
  if (!/^[0-9A-F]+$/.test(digits)) return 'is neither a fingerprint nor an armored public key';
  switch (digits.length) {
    case 40:
      return undefined;
    case 8:
    case 16:
      return 'is a short key ID, which anyone can forge; give all 40 digits of the fingerprint';
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
