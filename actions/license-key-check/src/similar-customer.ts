import type { Customer } from './customer.ts';
import { otherCase } from './key-changes.ts';
import type { CustomerField } from './parsers.ts';

/** How two customers are similar. */
export const similarities = ['character', 'case', 'unicode-form', 'space', 'boundary', 'unrelated'] as const;

export interface Variation {
  readonly kind: (typeof similarities)[number];
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
  variation: Variation,
  fields: readonly CustomerField[],
): Customer {
  const field = fields[variation.field % fields.length];
  if (variation.kind === 'unrelated' || field === undefined) return unrelated;
  if (variation.kind === 'boundary') {
    const moved = fields.flatMap((_, index) => moveBoundary(customer, fields.slice(index, index + 2)));
    const chosen = moved[variation.field % moved.length];
    if (chosen !== undefined) return chosen;
  }
  return { ...customer, [field.name]: varied(customer[field.name] ?? '', field, variation) };
}

function varied(value: string | number, field: CustomerField, variation: Variation): string | number {
  if (field.kind === 'integer') return value === field.maximum ? field.minimum : Number(value) + 1;
  const text = String(value);
  if (field.kind === 'choice') {
    return field.choices[(field.choices.indexOf(text) + 1) % field.choices.length] ?? '';
  }
  const other = varyText(text, variation);
  // With a letter in front, an address stays valid.
  return other === text ? `x${text}` : other;
}

function varyText(text: string, { kind, position }: Variation): string {
  switch (kind) {
    case 'character':
      return replaceOne(text, /[a-z0-9]/gi, position, (letter) => (letter === 'b' ? 'c' : 'b'));
    case 'case':
      return replaceOne(text, /[a-z]/gi, position, otherCase);
    case 'unicode-form':
      return text.normalize('NFD') === text ? text.normalize('NFC') : text.normalize('NFD');
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
  const chosen = matches[position % matches.length]?.index;
  return text.replace(pattern, (character, index) => (index === chosen ? replacement(character) : character));
}

/** ("ab", "c") becomes ("a", "bc"): the same to a program that joins fields without a separator. */
function moveBoundary(customer: Customer, [from, to]: readonly CustomerField[]): readonly Customer[] {
  const isText = to?.kind === 'name' || to?.kind === 'email' || to?.kind === 'text';
  // An address must stay valid.
  if (from === undefined || from.kind === 'email' || !isText) return [];
  const [, start, last] = /^(.+)([a-z0-9])$/isu.exec(String(customer[from.name])) ?? [];
  if (start === undefined) return [];
  return [{ ...customer, [from.name]: start, [to.name]: `${last}${customer[to.name]}` }];
}
