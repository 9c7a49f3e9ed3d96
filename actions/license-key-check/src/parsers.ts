import { printable } from '@slipway/core';
import { itemsOf, linesOf } from '@slipway/runner';

/** What a customer's field is, which decides the values made up for it. */
export type FieldKind =
  | { readonly kind: 'name' | 'email' | 'text' }
  | { readonly kind: 'integer'; readonly minimum: number; readonly maximum: number }
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

export type CustomerField = FieldKind & { readonly name: string };

const maxFields = 20;
const fieldName = /^[a-z][a-z0-9_-]{0,39}$/;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What the runner gives a step: tokens, inputs, and the files through which the step answers. */
const runnerVariable = /^(ACTIONS|GITHUB|INPUT|RUNNER)_/i;

/** Fields, one per line: `email`, `contact: email`, `seats: 1 to 500`, `product: one of Basic, Pro`. */
export function parseFields(text: string): readonly CustomerField[] {
  const fields = linesOf(text).map(parseField);
  if (fields.length > maxFields) throw new Error(`must have at most ${maxFields} fields`);
  refuseRepeated(fields.map(({ name }) => name));
  return fields;
}

function parseField(line: string): CustomerField {
  const colon = line.indexOf(':');
  const name = (colon === -1 ? line : line.slice(0, colon)).trimEnd();
  const words = colon === -1 ? undefined : line.slice(colon + 1).trimStart();
  if (!fieldName.test(name)) throw new Error(`"${printable(name)}" is not a valid field name, such as email`);
  if (name === 'key') throw new Error('a field cannot be called "key"');
  return { name, ...parseKind(words ?? (name === 'name' || name === 'email' ? name : 'text')) };
}

function parseKind(words: string): FieldKind {
  if (words === 'name' || words === 'email' || words === 'text') return { kind: words };
  const choices = /^one of\s+(.+)$/s
    .exec(words)?.[1]
    ?.split(',')
    .map((choice) => choice.trim());
  if (choices !== undefined) {
    if (choices.includes('')) throw new Error(`"${printable(words)}" has an empty choice`);
    refuseRepeated(choices);
    return { kind: 'choice', choices };
  }
  const [, low, high] = /^(\d{1,9})\s+to\s+(\d{1,9})$/.exec(words) ?? [];
  if (low !== undefined && Number(low) < Number(high)) {
    return { kind: 'integer', minimum: Number(low), maximum: Number(high) };
  }
  throw new Error(`"${printable(words)}" must be name, email, text, a range (1 to 500) or one of Basic, Pro`);
}

/** Characters and ranges of them: `A-Z2-9`. A hyphen at either end is itself. Spaces are ignored. */
export function parseAlphabet(text: string): readonly string[] {
  const characters = new Set<string>();
  for (const [, low, high, single] of text.replace(/\s+/g, '').matchAll(/(?:(.)-(.))|(.)/gsu)) {
    const [first = 0, last = 0] = [low ?? single, high ?? single].map((character) =>
      character?.codePointAt(0),
    );
    if (first > last) throw new Error(`the range ${printable(`${low}-${high}`)} runs backwards`);
    if (last - first > 0xff) throw new Error(`the range ${printable(`${low}-${high}`)} is too large`);
    for (let code = first; code <= last; code += 1) characters.add(String.fromCodePoint(code));
  }
  if (characters.size < 2) throw new Error('must have at least 2 characters');
  return [...characters];
}

/** The characters of a text, each once; `none` for none. */
export function parseSeparators(text: string): readonly string[] {
  return text === 'none' ? [] : [...new Set(text.replace(/\s/g, ''))];
}

/** Names of variables for the commands, one per line or separated by commas. */
export function parseVariableNames(text: string): readonly string[] {
  const names = wordsOf(text);
  for (const name of names) {
    if (!variableName.test(name))
      throw new Error(`"${printable(name)}" is not the name of a variable; give names only, not values`);
    if (runnerVariable.test(name))
      throw new Error(
        `${name} belongs to the runner; pass what the command needs under another name, with "env:"`,
      );
  }
  return [...new Set(names)];
}

/** Words from `choices`, one per line or separated by commas; `none` for none of them. */
export function choicesParser<const Choice extends string>(
  choices: readonly Choice[],
): (text: string) => readonly Choice[] {
  return (text) => {
    if (text === 'none') return [];
    const words = wordsOf(text);
    const unknown = words.filter((word) => !choices.some((choice) => choice === word));
    if (unknown.length > 0)
      throw new Error(`${printable(unknown.join(', '))} must be among ${choices.join(', ')}`);
    return choices.filter((choice) => words.includes(choice));
  };
}

export function parseStatuses(text: string): readonly number[] {
  return wordsOf(text).map((word) => {
    const status = /^\d{1,3}$/.test(word) ? Number(word) : 0;
    if (status < 1 || status > 255)
      throw new Error(`${printable(word)} must be an exit status from 1 to 255`);
    return status;
  });
}

/** A seed as fast-check takes it: an integer of 32 bits. */
export function parseSeed(text: string): number {
  const seed = /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if ((seed | 0) !== seed) throw new Error('must be a seed that an earlier run printed');
  return seed;
}

function wordsOf(text: string): readonly string[] {
  return itemsOf(text).flatMap((item) => item.split(/\s+/));
}

function refuseRepeated(names: readonly string[]): void {
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new Error(`"${printable(repeated)}" is there twice`);
}
