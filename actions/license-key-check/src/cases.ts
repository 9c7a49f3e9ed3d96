import fc from 'fast-check';
import type { Customer } from './customer.ts';
import { otherCase } from './key-changes.ts';
import type { CustomerField } from './parsers.ts';
import { addressArbitrary, nameArbitrary } from './texts.ts';
import type { TextKind } from './vocabulary.ts';

/** A customer, and another who is similar. */
export interface Case {
  readonly customer: Customer;
  readonly similar: Customer;
}

export interface CaseOptions {
  readonly fields: readonly CustomerField[];
  readonly texts: readonly TextKind[];
}

/** A value of a field, and a similar one. */
type Pair = readonly [value: string | number, similar: string | number];

/** How a customer becomes another: `similar` has a similar value in every field. */
type Way = (customer: Customer, similar: Customer, unrelated: Customer) => Customer;

/**
 * Cases that fast-check generates and shrinks: to a single letter where nothing more is needed. Similar customers differ in
 * one field, or in where one field ends and the next begins, or are unrelated.
 */
export function caseArbitrary({ fields, texts }: CaseOptions): fc.Arbitrary<Case> {
  const pairs = fc.tuple(...fields.map((field) => pairArbitrary(field, texts)));
  const customerOf = (values: readonly Pair[], side: 0 | 1): Customer =>
    Object.fromEntries(fields.map(({ name }, index) => [name, values[index]?.[side] ?? '']));
  const ways: readonly Way[] = [
    ...fields.map(
      ({ name }): Way =>
        (customer, similar) => ({ ...customer, [name]: similar[name] ?? '' }),
    ),
    ...fields.slice(1).flatMap((field, index) => boundaryWay(fields[index], field)),
    (_customer, _similar, unrelated) => unrelated,
  ];
  return fc.tuple(pairs, pairs, fc.constantFrom(...ways)).map(([one, unrelated, way]) => {
    const customer = customerOf(one, 0);
    return { customer, similar: way(customer, customerOf(one, 1), customerOf(unrelated, 0)) };
  });
}

function pairArbitrary(field: CustomerField, texts: readonly TextKind[]): fc.Arbitrary<Pair> {
  if (field.kind === 'integer') {
    const { minimum: min, maximum: max } = field;
    return fc.integer({ min, max }).map((value) => [value, value === max ? min : value + 1]);
  }
  if (field.kind === 'choice') {
    const choices = field.choices.map((choice, index): Pair => [choice, field.choices.at(index - 1) ?? '']);
    return fc.constantFrom(...choices);
  }
  const text = field.kind === 'email' ? addressArbitrary(texts) : nameArbitrary(texts, field.kind === 'text');
  const variation = fc.constantFrom(...variations, ...(texts.includes('spaces') ? [withSpace] : []));
  return fc.tuple(text, variation, fc.nat({ max: 255 })).map(([value, vary, position]) => {
    const similar = vary(value, position);
    // With a letter in front, an address stays valid.
    return [value, similar === value ? `x${value}` : similar];
  });
}

const withSpace = (text: string): string => `${text} `;

/** How a text becomes a similar one; `position` chooses a character. Some leave some texts as they are. */
const variations: readonly ((text: string, position: number) => string)[] = [
  (text, position) => replaceOne(text, /[a-z0-9]/gi, position, (letter) => (letter === 'b' ? 'c' : 'b')),
  (text, position) => replaceOne(text, /[a-z]/gi, position, otherCase),
  (text) => (text.normalize('NFD') === text ? text.normalize('NFC') : text.normalize('NFD')),
];

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
function boundaryWay(from: CustomerField | undefined, to: CustomerField): readonly Way[] {
  const isText = to.kind === 'name' || to.kind === 'email' || to.kind === 'text';
  // An address must stay valid.
  if ((from?.kind !== 'name' && from?.kind !== 'text') || !isText) return [];
  return [
    (customer) => {
      const text = String(customer[from.name]);
      const [, start, last] = /^(.+)([a-z0-9])$/isu.exec(text) ?? [];
      if (start === undefined) return { ...customer, [from.name]: `x${text}` };
      return { ...customer, [from.name]: start, [to.name]: `${last}${customer[to.name]}` };
    },
  ];
}
