import { printable } from '@slipway/core';
import { itemsOf, linesOf, parseEach } from '@slipway/runner';

/** What a customer's field is, which decides the values made up for it. */
export type CustomerField = { readonly name: string } & (
  | { readonly kind: 'name' | 'email' | 'text' }
  | { readonly kind: 'integer'; readonly minimum: number; readonly maximum: number }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
);

const maxFields = 20;
const fieldName = /^[a-z][a-z0-9_-]{0,39}$/;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What the runner gives a step: tokens, inputs, and the files through which the step answers. */
const runnerVariable = /^(ACTIONS|GITHUB|INPUT|RUNNER)_/i;

/** Fields, one per line: `email`, `contact: email`, `seats: 1 to 500`, `product: one of Basic, Pro`. */
export function parseFields(text: string): readonly CustomerField[] {
  const fields = parseEach(linesOf(text), parseField);
  if (fields.length > maxFields) throw new Error(`must have at most ${maxFields} fields`);
  refuseRepeated(fields.map(({ name }) => name));
  return fields;
}

function parseField(line: string): CustomerField {
  const [, name = '', kind] = /^([^:]*?)\s*(?::\s*(.*))?$/s.exec(line) ?? [];
  if (!fieldName.test(name)) throw new Error('must begin with the name of a field, such as email');
  if (name === 'key') throw new Error('a field cannot be called "key"');
  const words = kind ?? (name === 'name' || name === 'email' ? name : 'text');
  if (words === 'name' || words === 'email' || words === 'text') return { name, kind: words };
  const [, list] = /^one of\s+(.+)$/s.exec(words) ?? [];
  if (list !== undefined) {
    const choices = list.split(',').map((choice) => choice.trim());
    if (choices.includes('')) throw new Error('has an empty choice');
    refuseRepeated(choices);
    return { name, kind: 'choice', choices };
  }
  const [, minimum, maximum] = (/^(\d{1,9})\s+to\s+(\d{1,9})$/.exec(words) ?? []).map(Number);
  if (minimum !== undefined && maximum !== undefined && minimum < maximum)
    return { name, kind: 'integer', minimum, maximum };
  throw new Error('its kind must be name, email, text, a range (1 to 500) or one of Basic, Pro');
}

/** Characters and ranges of them: `A-Z2-9`. A hyphen at either end is itself. Spaces are ignored. */
export function parseAlphabet(text: string): readonly string[] {
  const characters = new Set<string>();
  for (const [range, low = '', high = low] of text.replace(/\s+/g, '').matchAll(/(.)(?:-(.))?/gsu)) {
    const first = low.codePointAt(0) ?? 0;
    const last = high.codePointAt(0) ?? 0;
    if (first > last) throw new Error(`the range ${printable(range)} runs backwards`);
    if (last - first > 0xff) throw new Error(`the range ${printable(range)} is too large`);
    for (let code = first; code <= last; code += 1) characters.add(String.fromCodePoint(code));
  }
  if (characters.size < 2) throw new Error('must have at least 2 characters');
  return [...characters];
}

/** The characters of a text, each once; `none` for none. */
export function parseSeparators(text: string): readonly string[] {
  return text === 'none' ? [] : [...new Set(text.replace(/\s/g, ''))];
}

/** Names of variables for the commands, separated by commas, spaces or line ends. */
export function parseVariableNames(text: string): readonly string[] {
  const names = parseEach(wordsOf(text), (name) => {
    if (!variableName.test(name))
      throw new Error('is not the name of a variable; give names only, not values');
    if (runnerVariable.test(name))
      throw new Error('belongs to the runner; pass what the command needs under another name, with "env:"');
    return name;
  });
  return [...new Set(names)];
}

/** Words from `choices`, separated by commas, spaces or line ends; `none` for none of them. */
export function choicesParser<const Choice extends string>(
  choices: readonly Choice[],
): (text: string) => readonly Choice[] {
  return (text) => {
    if (text === 'none') return [];
    const chosen = parseEach(wordsOf(text), (word) => {
      const choice = choices.find((name) => name === word);
      if (choice === undefined) throw new Error(`must be among ${choices.join(', ')}`);
      return choice;
    });
    return choices.filter((choice) => chosen.includes(choice));
  };
}

/** Exit statuses, separated by commas, spaces or line ends. */
export function parseStatuses(text: string): readonly number[] {
  return parseEach(wordsOf(text), (word) => {
    const status = /^\d{1,3}$/.test(word) ? Number(word) : 0;
    if (status < 1 || status > 255) throw new Error('must be an exit status from 1 to 255');
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
  if (repeated !== undefined) throw new Error(`"${printable(repeated)}" appears twice`);
}
