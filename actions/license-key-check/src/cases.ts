import fc from 'fast-check';
import type { Customer } from './customer.ts';
import type { CustomerField } from './parsers.ts';
import { similarities, similarTo } from './similar-customer.ts';
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

const longestNameCharacters = 255;
/** RFC 5321, section 4.5.3.1.1. */
const longestLocalPartCharacters = 64;

const names = 'Anna Schmidt, John Smith, Li Wei, Maria da Silva, ACME Ltd., van der Berg, J. R. Doe'.split(
  ', ',
);
const unicodeNames = 'Zoë Łukasz Ñandú 山田太郎 محمد_علي שלום 👩‍💻 🏳️‍🌈 İstanbul Straße ﬁn'
  .replace('_', ' ')
  .split(' ');
const quotedNames = `O'Neil "Bob" a\\b a;b $(id) %s%n <b>x</b> \`x\` a,b a|b 100% {email} a&b=c`.split(' ');
const addresses =
  'anna.schmidt@example.com Anna.Schmidt@Example.COM john+license@example.org a_b-c@mail.example.net'.split(
    ' ',
  );
const unicodeAddresses = ['zoë@example.org', '用户@example.org', 'anna@exämple.org'];
const quotedAddresses = ["o'neil@example.org", '"a b"@example.org', 'a&b@example.org', 'a{b}@example.org'];

/** Cases that fast-check generates and shrinks: to a single letter where nothing more is needed. */
export function caseArbitrary({ fields, texts }: CaseOptions): fc.Arbitrary<Case> {
  const customer = fc.record(
    Object.fromEntries(
      fields.map((field): [string, fc.Arbitrary<string | number>] => [
        field.name,
        fieldArbitrary(field, texts),
      ]),
    ),
  );
  const variation = fc.record({
    kind: fc.constantFrom(...similarities.filter((kind) => kind !== 'space' || texts.includes('spaces'))),
    field: fc.nat({ max: fields.length - 1 }),
    position: fc.nat({ max: longestNameCharacters }),
  });
  return fc.tuple(customer, customer, variation).map(([one, unrelated, varied]) => ({
    customer: one,
    similar: similarTo(one, unrelated, varied, fields),
  }));
}

function fieldArbitrary(field: CustomerField, texts: readonly TextKind[]): fc.Arbitrary<string | number> {
  switch (field.kind) {
    case 'integer':
      return fc.integer({ min: field.minimum, max: field.maximum });
    case 'choice':
      return fc.constantFrom(...field.choices);
    case 'email':
      return oneOf([word.map((local) => `${local}@example.org`), fc.constantFrom(...addresses)], texts, {
        unicode: eitherForm(fc.constantFrom(...unicodeAddresses)),
        long: letters(longestLocalPartCharacters).map((local) => `${local}@example.org`),
        quotes: fc.constantFrom(...quotedAddresses),
        spaces: spaced(word.map((local) => `${local}@example.org`)),
      });
    case 'name':
    case 'text': {
      const plain = [word, fc.constantFrom(...names), ...(field.kind === 'text' ? [fc.constant('')] : [])];
      return oneOf(plain, texts, {
        unicode: eitherForm(fc.oneof(joined(unicodeNames), grapheme)),
        long: letters(longestNameCharacters),
        quotes: joined(quotedNames),
        spaces: spaced(word),
      });
    }
  }
}

/** A plain text, or one of the wanted kinds, which shrinks to a plain one. */
function oneOf(
  plain: readonly fc.Arbitrary<string>[],
  texts: readonly TextKind[],
  kinds: Readonly<Record<TextKind, fc.Arbitrary<string>>>,
): fc.Arbitrary<string> {
  return fc.oneof({ withCrossShrink: true }, ...plain, ...texts.map((kind) => kinds[kind]));
}

const word = fc.string({ unit: letter(), minLength: 1, maxLength: 10 });
/** Any script. ASCII has kinds of its own. */
const grapheme = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .map((text) => text.replace(/[\p{ASCII}\s]/gu, 'é'));

function letter(): fc.Arbitrary<string> {
  return fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz');
}

function letters(count: number): fc.Arbitrary<string> {
  return fc.string({ unit: letter(), minLength: 1, maxLength: count, size: 'max' });
}

function joined(pieces: readonly string[]): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 3 }).map((some) => some.join(' '));
}

/** Composed or decomposed: macOS writes one, most keyboards the other. */
function eitherForm(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(texts, fc.boolean())
    .map(([text, decomposed]) => text.normalize(decomposed ? 'NFD' : 'NFC'));
}

function spaced(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(texts, fc.constantFrom('after', 'before', 'both'))
    .map(([text, where]) => `${where === 'after' ? '' : ' '}${text}${where === 'before' ? '' : ' '}`);
}
