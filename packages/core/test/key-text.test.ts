import { generateKeyPairSync } from 'node:crypto';
import { keyTextForms, onlyPemBlock, readKeyText } from '@slipway/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const seed = 17;

function armor(
  label: string,
  bytes: Uint8Array,
  headers: readonly string[] = [],
  checksum = '=AbC1',
): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  const body = label.startsWith('PGP') ? [...headers, '', ...lines, checksum] : lines;
  return [`-----BEGIN ${label}-----`, ...body, `-----END ${label}-----`, ''].join('\n');
}

/** The content of a block, whatever the length of its lines. */
function contents(text: string): string {
  const lines = text.split('\n').filter((line) => !/^-----|^\w[\w-]*: /.test(line.trim()));
  return lines.map((line) => line.trim()).join('');
}

const block = fc
  .record({
    label: fc.constantFrom('PGP PRIVATE KEY BLOCK', 'PGP PUBLIC KEY BLOCK', 'RSA PRIVATE KEY', 'PRIVATE KEY'),
    bytes: fc.uint8Array({ minLength: 100, maxLength: 700 }),
    headers: fc.subarray(['Version: GnuPG v2', 'Comment: https://example.org/a b']),
  })
  .map(({ label, bytes, headers }) => armor(label, bytes, headers));

type Damage = readonly [string, (text: string) => string];
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const lineBreaks: readonly Damage[] = [
  ['as they are', (text) => text],
  ['CRLF', (text) => text.replaceAll('\n', '\r\n')],
  ['CR', (text) => text.replaceAll('\n', '\r')],
  ['\\n', (text) => text.replaceAll('\n', '\\n')],
  ['\\r\\n', (text) => text.replaceAll('\n', '\\r\\n')],
  ['\\\\n', (text) => text.replaceAll('\n', '\\\\n')],
  ['blanks', (text) => text.replaceAll('\n', ' ')],
  ['indents', (text) => text.replace(/^/gm, '    ')],
  ['tabs', (text) => text.replace(/^/gm, '\t')],
];
const spaces: readonly Damage[] = [
  ['as they are', (text) => text],
  ['no-break', (text) => text.replaceAll(' ', '\u00a0')],
  ['narrow no-break', (text) => text.replaceAll(' ', '\u202f')],
];
const wrappings: readonly Damage[] = [
  ['none', (text) => text],
  ['double quotes', (text) => `"${text}"`],
  ['single quotes and line ends', (text) => `\n'${text}'\n`],
  ['a byte order mark', (text) => `\ufeff${text}`],
  [
    'UTF-16 read as UTF-8',
    // Nothing distinguishes what is left of a narrow space from text.
    (text) => Buffer.from(`\ufeff${text.replaceAll('\u202f', '\u00a0')}`, 'utf16le').toString('utf8'),
  ],
  ['base64', base64],
  ['base64 in lines', (text) => base64(text).replace(/.{76}/g, '$&\n')],
  ['base64 with escaped line ends', (text) => `${base64(text).replace(/.{76}/g, '$&\\n')}\\n`],
  ['base64 of UTF-16', (text) => Buffer.from(`\ufeff${text}`, 'utf16le').toString('base64')],
  ['base64 of base64', (text) => base64(base64(text))],
  ['base64 three times, quoted', (text) => `"${base64(base64(base64(text)))}"`],
];

function damage(name: string, damages: readonly Damage[]): fc.Arbitrary<Damage> {
  return fc.constantFrom(...damages).map(([what, apply]) => [`${name}: ${what}`, apply]);
}

describe(`a key stored in any form (seed ${seed})`, () => {
  test('is read as the same key', () => {
    fc.assert(
      fc.property(
        block,
        damage('line breaks', lineBreaks),
        damage('spaces', spaces),
        damage('around it', wrappings),
        (key, [, breakLines], [, changeSpaces], [, wrap]) => {
          const read = readKeyText(wrap(changeSpaces(breakLines(key))));
          if (read.kind !== 'armored') throw new Error(`it was read as ${read.kind}`);
          const [first, last] = [key.split('\n')[0] ?? '', key.trim().split('\n').at(-1) ?? ''];
          const lines = read.text
            .trim()
            .split('\n')
            .map((line) => line.trim());
          expect([lines[0], lines.at(-1)]).toEqual([first, last]);
          expect(contents(read.text)).toBe(contents(key));
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(76);
        },
      ),
      { seed, numRuns: 1500 },
    );
  });

  test('has every printable line among its forms (I7)', () => {
    fc.assert(
      fc.property(
        block,
        damage('line breaks', lineBreaks),
        damage('around it', wrappings),
        (key, [, breakLines], [, wrap]) => {
          const stored = wrap(breakLines(key));
          const forms = [stored, ...keyTextForms(stored)];
          const masked = new Set(forms.flatMap((form) => form.split(/\r?\n/)).map((line) => line.trim()));
          const read = readKeyText(stored);
          if (read.kind === 'armored') {
            for (const line of read.text.split('\n'))
              expect(masked.has(line.trim()) || line === '').toBe(true);
          }
        },
      ),
      { seed, numRuns: 500 },
    );
  });

  test('without any line breaks is rebuilt', () => {
    const key = armor('PGP PRIVATE KEY BLOCK', Buffer.alloc(301, 7));
    const read = readKeyText(key.replaceAll('\n', ''));
    expect(read).toEqual({ kind: 'armored', text: key.trimEnd() });
  });

  test('that is not text is returned as bytes', () => {
    const bytes = Buffer.concat([Buffer.from([0x94]), Buffer.alloc(200, 0xee)]);
    for (const text of [bytes.toString('base64'), base64(bytes.toString('base64'))]) {
      expect(readKeyText(text)).toEqual({ kind: 'binary', bytes: new Uint8Array(bytes) });
    }
    expect(keyTextForms(bytes.toString('base64'))).toEqual([
      bytes
        .toString('base64')
        .match(/.{1,64}/g)
        ?.join('\n'),
    ]);
  });

  test('keeps its place in a text, line for line', () => {
    const key = armor('PGP PUBLIC KEY BLOCK', Buffer.alloc(200, 3), ['Comment: of Ann']);
    const text = `Keys of Acme.\n\n${key}\nC:\\new\\release is where they sign.\n${key}`;
    expect(readKeyText(text)).toEqual({ kind: 'armored', text });
  });
});

describe('what is not a key', () => {
  test.each([
    '',
    'a passphrase of some words',
    '  two words  ',
    '67F228EEAC6C80C02C43871B17FC74288868C64E\n'.repeat(8),
    `This file holds the keys of those who sign our releases ${'and more words without an end '.repeat(9)}`,
    'x'.repeat(127),
  ])('is left unchanged: %j', (text) => {
    expect(readKeyText(text)).toEqual({ kind: 'other', text });
    expect(keyTextForms(text)).toEqual([]);
  });

  test(`I8: is read without an error, and reading it again changes nothing (seed ${seed})`, () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.constantFrom('-----BEGIN A-----', '-----END A-----', '\\n', '\n', ' ', '=', 'A'.repeat(140), '"'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const read = readKeyText(pieces.join(''));
        if (read.kind === 'armored') expect(readKeyText(read.text).kind).toBe('armored');
        onlyPemBlock(pieces.join(''));
      }),
      { seed, numRuns: 2000 },
    );
  });

  test('I8: is not parsed if it is larger than 1 MiB', () => {
    const text = base64('-----BEGIN A-----'.repeat(80_000));
    expect(readKeyText(text)).toEqual({ kind: 'other', text });
  });
});

describe('the one block of a PEM', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));

  test('is found in a text', () => {
    expect(onlyPemBlock(`Ann\n${pem}\n`)).toEqual({ label: 'PRIVATE KEY', pem });
  });

  test.each(['', pem + pem, pem.slice(0, 60), pem.replace('END PRIVATE', 'END PUBLIC')])(
    'is not: %j',
    (text) => {
      expect(onlyPemBlock(text)).toBeUndefined();
    },
  );
});
