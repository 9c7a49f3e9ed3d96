import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Command, fillIn, parseCommand, placeholdersOf } from '../src/command-line.ts';
import {
  choicesParser,
  parseAlphabet,
  parseFields,
  parseSeed,
  parseSeparators,
  parseStatuses,
  parseVariableNames,
} from '../src/parsers.ts';

describe('a command line', () => {
  test.each<[string, Command]>([
    ['node generator.mjs {email}', ['node', 'generator.mjs', '{email}']],
    ['php  bin/make.php\n  --email={email}\n', ['php', 'bin/make.php', '--email={email}']],
    [`app 'a b' "c d" e'f'"g" ''`, ['app', 'a b', 'c d', 'efg', '']],
    [String.raw`C:\site\gen.exe "say \"x\" \\ \n"`, ['C:\\site\\gen.exe', 'say "x" \\ \\n']],
    [
      `sh -c 'printf %s "$1" | sha256sum' sh {email}`,
      ['sh', '-c', 'printf %s "$1" | sha256sum', 'sh', '{email}'],
    ],
    ['app --price=5$ a|b', ['app', '--price=5$', 'a|b']],
  ])('%j', (text, words) => {
    expect(parseCommand(text)).toEqual(words);
  });

  test.each([
    'gen {email} | head',
    'gen > key',
    'gen 2>&1',
    'gen && check',
    'gen; check ;',
    'gen &',
    'gen $EMAIL',
    'gen "$(id)"',
    'gen `id`',
    'gen $' + '{EMAIL}',
  ])('that only a shell understands is refused: %s', (text) => {
    // A semicolon within a word is a part of it.
    expect(() => parseCommand(text)).toThrow(/shell/);
  });

  test.each([['a "b'], ["a 'b"], ['""'], [' ']])('%j is refused', (text) => {
    expect(() => parseCommand(text)).toThrow(/quote|program/);
  });

  test('has every word back that was quoted', () => {
    const word = fc.string({ unit: 'grapheme' });
    const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
    const plain = word.filter((text) => !/[`$]/.test(text));
    fc.assert(
      fc.property(fc.array(plain), (args) => {
        expect(parseCommand(['app', ...args].map(quote).join(' '))).toEqual(['app', ...args]);
      }),
    );
  });

  test('keeps its words whatever is filled in (I8)', () => {
    const ofShell = `$${'{email}'}`;
    const command = parseCommand(`gen --email={email} "{name} x" {{email}} '${ofShell}' {other}`);
    expect(placeholdersOf(command)).toEqual(['email', 'name', 'other']);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const filled = fillIn(command, { email: value, name: '{email}' });
        expect(filled).toEqual(['gen', `--email=${value}`, '{email} x', '{email}', ofShell, '{other}']);
      }),
    );
  });
});

describe('fields of customers', () => {
  test('have kinds', () => {
    expect(
      parseFields(
        'name\nemail\ncompany: name\nnote: text\n# not this\nseats: 1 to 500\nproduct: one of Basic, Pro Max\nother',
      ),
    ).toEqual([
      { name: 'name', kind: 'name' },
      { name: 'email', kind: 'email' },
      { name: 'company', kind: 'name' },
      { name: 'note', kind: 'text' },
      { name: 'seats', kind: 'integer', minimum: 1, maximum: 500 },
      { name: 'product', kind: 'choice', choices: ['Basic', 'Pro Max'] },
      { name: 'other', kind: 'text' },
    ]);
  });

  test.each(['Name', 'key', 'a\na', 'seats: 5 to 1', 'x: one of a,,b', 'x: one of a,a', 'x: number', '1a'])(
    '%j is refused',
    (text) => {
      expect(() => parseFields(text)).toThrow();
    },
  );
});

describe('small parsers', () => {
  test('an alphabet has ranges', () => {
    expect(parseAlphabet('A-CX0-2').join('')).toBe('ABCX012');
    expect(parseAlphabet('-ab-').join('')).toBe('-ab');
    expect(parseAlphabet('A-C A-D').join('')).toBe('ABCD');
    for (const wrong of ['C-A', 'a', 'aa', '\u0000-\uffff']) expect(() => parseAlphabet(wrong)).toThrow();
  });

  test('a seed, statuses, separators', () => {
    expect(parseSeed('-12')).toBe(-12);
    for (const wrong of ['1.5', '99999999999', '4294967296', 'x']) expect(() => parseSeed(wrong)).toThrow();
    expect(parseStatuses('1, 3\n4')).toEqual([1, 3, 4]);
    for (const wrong of ['0', '256', 'x']) expect(() => parseStatuses(wrong)).toThrow();
    expect(parseSeparators('none')).toEqual([]);
    expect(parseSeparators('-.-')).toEqual(['-', '.']);
  });

  test('every seed that is printed is taken', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        expect(parseSeed(String(seed))).toBe(seed);
      }),
    );
  });

  test('choices are named, or none', () => {
    const parse = choicesParser(['case', 'separator']);
    expect(parse('separator, case')).toEqual(['case', 'separator']);
    expect(parse('none')).toEqual([]);
    expect(() => parse('cases')).toThrow(/case, separator/);
  });

  test.each(['ACTIONS_RUNTIME_TOKEN', 'GITHUB_TOKEN', 'INPUT_KEY', 'runner_temp', 'A=B', '1A'])(
    '%s is no variable for a command',
    (name) => {
      expect(() => parseVariableNames(name)).toThrow();
    },
  );
});
