import fc from 'fast-check';
import type { TextKind } from './vocabulary.ts';

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

const letter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz');
const word = fc.string({ unit: letter, minLength: 1, maxLength: 10 });
/** Any script. ASCII has kinds of its own. */
const anyScript = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .map((text) => text.replace(/[\p{ASCII}\s]/gu, 'é'));

/** E-mail addresses: ordinary ones, and those of the wanted kinds, which shrink to ordinary ones. */
export function addressArbitrary(kinds: readonly TextKind[]): fc.Arbitrary<string> {
  const atExample = (local: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    local.map((text) => `${text}@example.org`);
  const unusual = {
    unicode: eitherForm(fc.constantFrom(...unicodeAddresses)),
    long: atExample(letters(longestLocalPartCharacters)),
    quotes: fc.constantFrom(...quotedAddresses),
    spaces: spaced(atExample(word)),
  };
  const plain = [atExample(word), fc.constantFrom(...addresses)];
  return fc.oneof({ withCrossShrink: true }, ...plain, ...kinds.map((kind) => unusual[kind]));
}

/** Names of people and companies, as `addressArbitrary`. Other texts may be empty. */
export function nameArbitrary(kinds: readonly TextKind[], mayBeEmpty: boolean): fc.Arbitrary<string> {
  const unusual = {
    unicode: eitherForm(fc.oneof(joined(unicodeNames), anyScript)),
    long: letters(longestNameCharacters),
    quotes: joined(quotedNames),
    spaces: spaced(word),
  };
  const plain = [word, fc.constantFrom(...names), ...(mayBeEmpty ? [fc.constant('')] : [])];
  return fc.oneof({ withCrossShrink: true }, ...plain, ...kinds.map((kind) => unusual[kind]));
}

function letters(maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: letter, minLength: 1, maxLength, size: 'max' });
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
