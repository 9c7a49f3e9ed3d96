import { printable, UserError, withinTime } from '@slipway/core';
import { itemsOf, linesOf } from '@slipway/runner';

/** What a customer's field is, which decides what is made up for it. */
export type FieldKind =
  | { readonly kind: 'name' | 'email' | 'text' }
  | { readonly kind: 'integer'; readonly minimum: number; readonly maximum: number }
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

export type CustomerField = FieldKind & { readonly name: string };

export interface LengthRange {
  readonly minimum: number;
  readonly maximum: number;
}

const maxFields = 20;
/** More is no key. */
export const maxKeyCharacters = 1_000;
const maxPatternCharacters = 1_000;
const patternTimeoutMs = 250;
/** More keys than this, and it is the pattern that is at fault. */
const maxSlowKeys = 20;
const fieldName = /^[a-z][a-z0-9_-]{0,39}$/;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What the runner hands to a step: its tokens, the inputs of the action, and files through which a step speaks to it. */
const runnerVariable = /^(ACTIONS|GITHUB|INPUT|RUNNER)_/i;

/** Fields, one a line: `email`, `contact: email`, `seats: 1 to 500`, `product: one of Basic, Pro`. */
export function parseFields(text: string): readonly CustomerField[] {
  const fields = linesOf(text).map(parseField);
  if (fields.length > maxFields) throw new Error(`it has more than ${maxFields} fields`);
  refuseRepeated(fields.map(({ name }) => name));
  return fields;
}

function parseField(line: string): CustomerField {
  const colon = line.indexOf(':');
  const name = (colon === -1 ? line : line.slice(0, colon)).trimEnd();
  const words = colon === -1 ? undefined : line.slice(colon + 1).trimStart();
  if (!fieldName.test(name)) throw new Error(`"${printable(name)}" is no name of a field, such as email`);
  if (name === 'key') throw new Error('"key" is the key itself, and no field');
  return { name, ...parseKind(words ?? (name === 'name' || name === 'email' ? name : 'text')) };
}

function parseKind(words: string): FieldKind {
  if (words === 'name' || words === 'email' || words === 'text') return { kind: words };
  const choices = /^one of\s+(.+)$/s
    .exec(words)?.[1]
    ?.split(',')
    .map((choice) => choice.trim());
  if (choices !== undefined) {
    if (choices.some((choice) => choice === '')) throw new Error(`"${printable(words)}" has an empty choice`);
    refuseRepeated(choices);
    return { kind: 'choice', choices };
  }
  const [, low, high] = /^(\d{1,9})\s+to\s+(\d{1,9})$/.exec(words) ?? [];
  if (low !== undefined && Number(low) < Number(high)) {
    return { kind: 'integer', minimum: Number(low), maximum: Number(high) };
  }
  throw new Error(`"${printable(words)}" is none of name, email, text, 1 to 500, one of Basic, Pro`);
}

/** `29`, or `20 to 40`. */
export function parseLength(text: string): LengthRange {
  const [, low, high] = /^(\d{1,4})(?:\s*(?:to|-)\s*(\d{1,4}))?$/.exec(text) ?? [];
  const minimum = Number(low);
  const maximum = Number(high ?? low);
  if (!(minimum >= 1 && minimum <= maximum && maximum <= maxKeyCharacters)) {
    throw new Error(`it is no length like 29 or 20 to 40, of at most ${maxKeyCharacters} characters`);
  }
  return { minimum, maximum };
}

/**
 * Whole keys must match. A test that takes too long, as some patterns do for some texts, is a mismatch; one that does so again and
 * again is a `UserError` `input-invalid`.
 */
export interface KeyPattern {
  readonly source: string;
  matches(key: string): boolean;
}

export function parsePattern(text: string): KeyPattern {
  if (text.length > maxPatternCharacters)
    throw new Error(`it has more than ${maxPatternCharacters} characters`);
  let pattern: RegExp;
  try {
    pattern = new RegExp(`^(?:${text})$`, 'u');
  } catch (error) {
    throw new Error(
      `it is no regular expression (${error instanceof Error ? error.message : String(error)})`,
    );
  }
  let slowKeys = 0;
  const matches = (key: string): boolean => {
    const tested = withinTime(patternTimeoutMs, () => pattern.test(key));
    if (tested !== undefined) return tested.value;
    slowKeys += 1;
    if (slowKeys <= maxSlowKeys) return false;
    throw new UserError(
      'input-invalid',
      `the pattern took longer than ${patternTimeoutMs} ms for ${slowKeys} keys`,
      {
        hint: 'Write it without one repetition in another, as in (a+)+, or without two that can match the same.',
      },
    );
  };
  return { source: text, matches };
}

/** Characters, and ranges of them: `A-Z2-9`. A hyphen at the beginning or the end is itself. Blanks are left out. */
export function parseAlphabet(text: string): readonly string[] {
  const characters = new Set<string>();
  for (const [, low, high, single] of text.replace(/\s+/g, '').matchAll(/(?:(.)-(.))|(.)/gsu)) {
    const first = codePoint(low ?? single);
    const last = codePoint(high ?? single);
    if (first > last) throw new Error(`the range ${printable(`${low}-${high}`)} runs backwards`);
    if (last - first > 0xff) throw new Error(`the range ${printable(`${low}-${high}`)} is too large`);
    for (let code = first; code <= last; code += 1) characters.add(String.fromCodePoint(code));
  }
  if (characters.size < 2) throw new Error('it has fewer than 2 characters');
  return [...characters];
}

export function parseSeparators(text: string): readonly string[] {
  return text === 'none' ? [] : [...new Set(text)].filter((character) => !/\s/.test(character));
}

/** Names of variables that commands get, one a line or parted by commas. */
export function parseVariableNames(text: string): readonly string[] {
  const names = wordsOf(text);
  for (const name of names) {
    if (!variableName.test(name))
      throw new Error(`"${printable(name)}" is no name of a variable; values stay out of here`);
    if (runnerVariable.test(name)) {
      throw new Error(
        `${name} belongs to the runner; give what the command needs under another name, by "env:"`,
      );
    }
  }
  return [...new Set(names)];
}

/** Words of `choices`, one a line or parted by commas; `none` for none of them. */
export function choicesParser<const Choice extends string>(
  choices: readonly Choice[],
): (text: string) => readonly Choice[] {
  return (text) => {
    if (text === 'none') return [];
    const words = wordsOf(text);
    const unknown = words.filter((word) => !choices.some((choice) => choice === word));
    if (unknown.length > 0)
      throw new Error(`${printable(unknown.join(', '))} is not among ${choices.join(', ')}`);
    return choices.filter((choice) => words.includes(choice));
  };
}

export function parseStatuses(text: string): readonly number[] {
  return wordsOf(text).map((word) => {
    const status = /^\d{1,3}$/.test(word) ? Number(word) : Number.NaN;
    if (!(status >= 1 && status <= 255))
      throw new Error(`${printable(word)} is no exit status from 1 to 255`);
    return status;
  });
}

export function parseNames(text: string): readonly string[] {
  return [...new Set(wordsOf(text))];
}

/** What fast-check takes as a seed: a whole number of 32 bits. */
export function parseSeed(text: string): number {
  const seed = /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (seed !== Math.trunc(seed) || (seed | 0) !== seed)
    throw new Error('it is no seed that a run has printed');
  return seed;
}

function wordsOf(text: string): readonly string[] {
  return itemsOf(text).flatMap((item) => item.split(/\s+/));
}

function refuseRepeated(names: readonly string[]): void {
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new Error(`"${printable(repeated)}" is there twice`);
}

function codePoint(character: string | undefined): number {
  return character?.codePointAt(0) ?? 0;
}
