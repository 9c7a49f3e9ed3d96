import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CaseOptions, caseArbitrary } from '../src/cases.ts';
import { sameCustomer } from '../src/customer.ts';
import { excerptOf } from '../src/excerpt.ts';
import { changesOf } from '../src/key-changes.ts';
import { keyFault, shapeOf } from '../src/key-rules.ts';
import { changeKinds, textKinds } from '../src/vocabulary.ts';

const characters = { alphabet: [...'ABCDEFGH'], separators: ['-'] };
const key = fc
  .array(fc.string({ unit: fc.constantFrom(...characters.alphabet), minLength: 1, maxLength: 6 }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((groups) => groups.join('-'));
/** The first `count` cases of a seed. */
const sampleCases = (options: CaseOptions, seed: number, count: number) =>
  fc.sample(caseArbitrary(options), { seed, numRuns: count });

describe('changes of a key', () => {
  test('are never the key itself, and reach every position in every way', () => {
    fc.assert(
      fc.property(key, (text) => {
        const changes = changesOf(text, undefined, characters, changeKinds);
        for (const { key: changed } of changes) expect(['', text]).not.toContain(changed);
        const all = changes.map(({ change }) => change.what).join('\n');
        for (const position of [...text].keys())
          expect(all).toMatch(new RegExp(`character ${position + 1} replaced`));
      }),
    );
  });

  test('try every other character at the ends', () => {
    const changed = changesOf('ABC-DEF', undefined, characters, ['replaced']).map((change) => change.key);
    for (const other of 'BCDEFGH') expect(changed).toContain(`${other}BC-DEF`);
    for (const other of 'ABCDEGH') expect(changed).toContain(`ABC-DE${other}`);
  });

  test('leave out the kinds that are tolerated', () => {
    const mixed = { alphabet: [...'abAB'], separators: ['-'] };
    const changes = changesOf('aA-bB', 'other', mixed, ['replaced', 'swapped']);
    expect(new Set(changes.map(({ change }) => change.kind))).toEqual(new Set(['replaced', 'swapped']));
    // The other case of a letter is among "case" only.
    const replaced = changes.filter(({ change }) => change.kind === 'replaced');
    expect(replaced.filter((change) => change.key.toLowerCase() === 'aa-bb')).toEqual([]);
  });

  test('I7: are described without any character of the key', () => {
    const some = [...'◆◇○●'];
    for (const { change } of changesOf(some.join(''), '◎◎', { alphabet: some, separators: [] }, changeKinds))
      expect(JSON.stringify(change)).not.toMatch(/[◆◇○●◎]/);
  });
});

describe('rules of a key', () => {
  test.each(['', ' AB', 'AB\nCD', 'AB\u0007', 'A'.repeat(1_001)])('%j cannot be a key', (text) => {
    expect(keyFault(text)).toEqual(expect.any(String));
  });

  test('any other text can', () => {
    expect(keyFault('A B-cd')).toBeUndefined();
  });

  test('I7: neither its shape nor what is wrong has a character of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (text) => {
        expect(shapeOf(text, characters)).toMatch(/^[X?-]+$/);
      }),
    );
  });
});

describe('customers', () => {
  const fields = [
    { name: 'name', kind: 'name' },
    { name: 'email', kind: 'email' },
    { name: 'seats', kind: 'integer', minimum: 1, maximum: 5 },
    { name: 'product', kind: 'choice', choices: ['Basic', 'Pro'] },
  ] as const;
  const options = { fields, texts: textKinds };

  test('are the same for a seed, and of every kind', () => {
    const cases = sampleCases(options, 1, 400);
    expect(sampleCases(options, 1, 400)).toEqual(cases);
    expect(sampleCases(options, 2, 400)).not.toEqual(cases);
    const names = cases.map(({ customer }) => String(customer['name']));
    const kinds = [
      /^[a-z]+$/,
      /\p{M}/u,
      /[\u0590-\u06ff]/,
      /\p{Extended_Pictographic}/u,
      /^.{100,}$/u,
      /["'`$]/,
      /^ |[^ ] $/,
    ];
    for (const kind of kinds)
      expect(
        names.some((name) => kind.test(name)),
        String(kind),
      ).toBe(true);
    for (const { customer } of cases) expect(String(customer['email'])).toMatch(/^.+@.+\..+$/);
    // A program could take it for an option.
    for (const name of names) expect(name).not.toMatch(/^-|\0/);
  });

  test('come with similar ones, that differ in one way', () => {
    const cases = sampleCases(options, 1, 400);
    const different = cases.filter(({ customer, similar }) => !sameCustomer(customer, similar, []));
    expect(different.length).toBeGreaterThan(350);
    const joined = different.filter(
      ({ customer, similar }) =>
        `${customer['name']}${customer['email']}` === `${similar['name']}${similar['email']}`,
    );
    expect(joined.length).toBeGreaterThan(10);
    const onlyCase = different.filter(({ customer, similar }) => sameCustomer(customer, similar, ['case']));
    expect(onlyCase.length).toBeGreaterThan(10);
  });

  test('have only the texts that are wanted', () => {
    for (const { customer, similar } of sampleCases({ ...options, texts: [] }, 1, 300)) {
      expect(`${customer['name']}${similar['email']}`).toMatch(/^[\x21-\x7e ]*$/);
      expect(String(similar['name']).trim()).toBe(similar['name']);
    }
  });
});

describe('I7: an excerpt of what a program wrote to its standard error', () => {
  const keys = ['ABCDE-FGHJK-LMNPQ', 'abcde-fghij', 'correct horse battery'];

  test('tells what happened', () => {
    const stderr = 'file:///srv/site/generator.mjs:12\n\n  throw error;\nError: cannot encode\nmore';
    expect(excerptOf(stderr, keys)).toBe(
      'file:///srv/site/generator.mjs:12\nthrow error;\nError: cannot encode',
    );
  });

  test.each([
    'invalid key ABCDE-FGHJK-LMNPQ',
    'invalid key XXCDE-FGHJK-LMNPQ',
    'invalid key ABCDEFGHJKLMNPQ',
    'abcde-fghij is wrong',
    'secret=hunter2-hunter2',
    'the secret is correct horse battery',
    'token: c29tZSBzZWNyZXQgb2YgdGhlIHNpdGU=',
    'kwyxabqzpolmnrstuvwabcdefgh',
  ])('has no key and no token: %s', (stderr) => {
    const excerpt = excerptOf(stderr, keys) ?? '';
    expect(excerpt).toContain('***');
    expect(excerpt).not.toMatch(/FGHJK|fghij|hunter|horse|c29t|kwyx/);
  });

  test('is short, and no workflow command (I8)', () => {
    const excerpt = excerptOf('::set-output name=x::y\n::error::z\n\u001b[31mred\n4\n5', []) ?? '';
    expect(excerpt.split('\n')).toHaveLength(3);
    expect(excerpt).not.toMatch(/^::|\u001b/m);
    expect((excerptOf('word '.repeat(2 ** 16), []) ?? '').length).toBeLessThan(200);
  });
});
