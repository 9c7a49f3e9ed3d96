import { printable } from '@slipway/core';
import { otherCase } from './key-changes.ts';
import type { CustomerField } from './parsers.ts';
import type { Difference } from './vocabulary.ts';

/** A made-up customer: values by the names of fields. */
export type Customer = Readonly<Record<string, string | number>>;

const maxShownCharacters = 100;
const maxShownTotalCharacters = 400;

/** Whether two customers may have the same key. */
export function sameCustomer(
  one: Customer,
  other: Customer,
  { ignoredDifferences }: { readonly ignoredDifferences: readonly Difference[] },
): boolean {
  const folded = (value: string | number | undefined): string => fold(String(value), ignoredDifferences);
  return Object.keys(one).every((field) => folded(one[field]) === folded(other[field]));
}

function fold(text: string, ignored: readonly Difference[]): string {
  const trimmed = ignored.includes('outer-spaces') ? text.trim() : text;
  const lower = ignored.includes('case') ? trimmed.toLowerCase() : trimmed;
  return ignored.includes('unicode-form') ? lower.normalize('NFC') : lower;
}

/** A customer on one line, with values as JSON. A value with combining marks is shown a second time, escaped. */
export function customerText(customer: Customer): string {
  const values = Object.entries(customer).map(([name, value]) => `${name} ${valueText(value)}`);
  return printable(values.join(', '), maxShownTotalCharacters);
}

function valueText(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const shown = value.length > maxShownCharacters ? `${value.slice(0, maxShownCharacters)}…` : value;
  const length = shown === value ? '' : ` (${[...value].length} characters)`;
  const escaped = shown.replace(/\p{M}/gu, codePointEscape);
  return JSON.stringify(shown) + (escaped === shown ? '' : ` (${escaped})`) + length;
}

/** Marks cannot be told from the characters that they combine with. */
function codePointEscape(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** How two customers are similar. */
export const similarities = ['character', 'case', 'unicode-form', 'space', 'boundary', 'unrelated'] as const;
export type Similarity = (typeof similarities)[number];

export interface Variation {
  readonly kind: Similarity;
  /** Chooses a field. */
  readonly field: number;
  /** Chooses a character of the field. */
  readonly position: number;
}

/**
 * A customer who is similar to `customer`: one character is replaced, or changes its case or its encoding; a space is
 * added; or the end of one field becomes the beginning of the next. Where that does not apply, a character is added.
 */
export function similarTo(
  customer: Customer,
  unrelated: Customer,
  { kind, field, position }: Variation,
  fields: readonly CustomerField[],
): Customer {
  if (kind === 'unrelated') return unrelated;
  if (kind === 'boundary') {
    const moved = fields
      .map((from) => moveBoundary(customer, from, fields))
      .filter((other) => other !== undefined);
    const chosen = moved[field % moved.length];
    if (chosen !== undefined) return chosen;
  }
  const varied = fields[field % fields.length];
  if (varied === undefined) return unrelated;
  const value = customer[varied.name];
  if (varied.kind === 'choice') {
    const next = varied.choices[(varied.choices.indexOf(String(value)) + 1) % varied.choices.length];
    return { ...customer, [varied.name]: next ?? '' };
  }
  if (varied.kind === 'integer') {
    return { ...customer, [varied.name]: value === varied.maximum ? varied.minimum : Number(value) + 1 };
  }
  const text = String(value);
  const other = varyText(text, kind, position);
  // With a letter in front, an address stays valid.
  return { ...customer, [varied.name]: other === text ? `x${text}` : other };
}

function varyText(text: string, kind: Similarity, position: number): string {
  switch (kind) {
    case 'character':
      return replaceOne(text, /[a-z0-9]/gi, position, (letter) => (letter === 'b' ? 'c' : 'b'));
    case 'case':
      return replaceOne(text, /[a-z]/gi, position, otherCase);
    case 'unicode-form': {
      const decomposed = text.normalize('NFD');
      return decomposed === text ? text.normalize('NFC') : decomposed;
    }
    case 'space':
      return `${text} `;
    default:
      return text;
  }
}

/** `text` with one of the characters that match `pattern` replaced; `position` chooses which. */
function replaceOne(
  text: string,
  pattern: RegExp,
  position: number,
  replacement: (character: string) => string,
): string {
  const matches = [...text.matchAll(pattern)];
  const chosen = matches[position % matches.length];
  if (chosen === undefined) return text;
  return text.slice(0, chosen.index) + replacement(chosen[0]) + text.slice(chosen.index + 1);
}

/** ("ab", "c") becomes ("a", "bc"): the same to a program that joins fields without a separator. */
function moveBoundary(
  customer: Customer,
  from: CustomerField,
  fields: readonly CustomerField[],
): Customer | undefined {
  const to = fields[fields.findIndex(({ name }) => name === from.name) + 1];
  const characters = [...String(customer[from.name])];
  const last = characters.at(-1);
  if (to === undefined || to.kind === 'choice' || to.kind === 'integer') return undefined;
  // An address must stay valid.
  if (from.kind === 'email' || characters.length < 2 || last === undefined || !/[a-z0-9]/i.test(last))
    return undefined;
  return {
    ...customer,
    [from.name]: characters.slice(0, -1).join(''),
    [to.name]: `${last}${customer[to.name]}`,
  };
}
