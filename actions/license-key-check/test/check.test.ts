// Slow: about 20 s.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runAction } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { action } from '../src/action.ts';
import { type Faults, findSecret, makePrograms, type Programs } from './programs.ts';

async function check(programs: Programs, inputs: Readonly<Record<string, string | undefined>> = {}) {
  const result = await runAction(
    action,
    { seed: '7', ...programs.inputs, ...inputs },
    { workDirectory: programs.directory, environment: { PATH: process.env['PATH'] ?? '' } },
  );
  const shown = JSON.stringify([
    result.outputs,
    result.files,
    result.summary,
    result.problems,
    result.log,
    result.failure?.message,
  ]);
  expect(findSecret(shown, programs.keys())).toBeUndefined();
  return result;
}

/** So few changes that each can have a process of its own. */
const few = { cases: '1', 'tolerated-changes': 'replaced, case, swapped' };

describe('programs that agree pass', () => {
  test('with the key as an argument, and each question in a process of its own', async () => {
    const result = await check(makePrograms({}, 'arguments'), { ...few, cases: '3' });
    expect(result.failure).toBeUndefined();
    expect(result.outputs).toEqual({ result: 'passed', cases: 3, seed: 7, 'failing-check': '' });
  });

  test('with the key on standard input', async () => {
    const programs = makePrograms({}, 'arguments');
    const validator = 'node validator.mjs arguments {name} {email}';
    expect((await check(programs, { ...few, validator })).failure).toBeUndefined();
    const wrong = makePrograms({ validate: "given = given.toUpperCase().replace(/.$/, '');" }, 'arguments');
    expect((await check(wrong, { ...few, validator })).outputs['failing-check']).toBe('key-accepted');
  });

  test('as json-lines, one process for all questions', async () => {
    const programs = makePrograms({
      generate: "globalThis.once ??= appendFileSync('starts', 'x') ?? true;",
      validate: "globalThis.once ??= appendFileSync('starts', 'x') ?? true;",
    });
    const result = await check(programs, { cases: '60' });
    expect(result.failure).toBeUndefined();
    expect(result.json('report')).toMatchObject({
      result: 'passed',
      checks: { 'key-repeated': 120, 'key-distinct': 120, 'key-accepted': 120 },
    });
    // The generator once more, for the keys that are made a second time.
    expect(readFileSync(join(programs.directory, 'starts'), 'utf8')).toBe('xxx');
  });

  test('with every change of the key in the first two cases', async () => {
    const result = await check(makePrograms(), {
      cases: '3',
      'tolerated-changes': 'case, swapped, other-customer',
    });
    const { checks } = result.json('report') as { checks: Record<string, number> };
    // 25 characters: 23 by 2 others, the first and the last by 31; 4 separators in 2 ways; 2 ends in 2 ways.
    expect(checks['changes-rejected']).toBe(2 * (23 * 2 + 2 * 31 + 4 * 2 + 2 * 2) + 3);
  });
});

/** A fault, the check that must find it, and what the smallest case must be. */
interface FaultyPrograms {
  readonly what: string;
  readonly faults: Faults;
  readonly check: string;
  readonly smallest?: RegExp;
  readonly inputs?: Readonly<Record<string, string>>;
}

const faulty: readonly FaultyPrograms[] = [
  {
    what: 'a random part of the key',
    faults: {
      made: 'key = key.replace(/^.{5}/, (group) => group.replace(/./g, () => alphabet[Math.floor(Math.random() * 32)]));',
    },
    check: 'key-repeated',
    smallest: /name "[a-z]", email "a@example.org"/,
  },
  {
    what: 'a key that depends on who came before',
    faults: {
      generate: 'globalThis.count = (globalThis.count ?? 0) + 1; customer.name += globalThis.count;',
    },
    check: 'key-repeated',
  },
  {
    what: 'e-mail addresses in lower case',
    faults: { hashed: 'JSON.stringify([customer.name, customer.email.toLowerCase()])' },
    check: 'key-distinct',
    smallest: /name "a", email "a@example.org"\nAnd another: name "a", email "A@example.org"/,
  },
  {
    what: 'fields that are joined without a mark',
    faults: { hashed: 'customer.name + customer.email' },
    inputs: { cases: '100' },
    check: 'key-distinct',
    smallest: /name "a[a-z0-9]", email "a@example.org"\nAnd another: name "a", email "[a-z0-9]a@example.org"/,
  },
  {
    what: 'spaces that are cut off',
    faults: { hashed: 'JSON.stringify([customer.name.trim(), customer.email.trim()])' },
    check: 'key-distinct',
    smallest: /" ?a ?"/,
  },
  {
    what: 'a validator that ignores the last character',
    faults: { validate: 'given = given.slice(0, 28); expected = expected.slice(0, 28);' },
    check: 'changes-rejected',
    smallest:
      /name "a", email "a@example.org"\nChange: character 29 replaced .*\nShape of the key: XXXXX-XXXXX-XXXXX-XXXXX-XXXXX\n/,
  },
  {
    what: 'a validator that ignores the lowest bit of the last character',
    faults: {
      validate:
        'const even = (key) => key.slice(0, -1) + (alphabet.indexOf(key.at(-1)) >> 1); given = even(given); expected = even(expected);',
    },
    check: 'changes-rejected',
    smallest: /Change: character 29 replaced by another \((1|31) further in/,
  },
  {
    what: 'a validator that accepts lower case',
    faults: { validate: 'given = given.toUpperCase();' },
    check: 'changes-rejected',
    smallest: /Change: the letter at character \d+ in its other case/,
  },
  {
    what: 'a validator that ignores separators',
    faults: { validate: "given = given.replaceAll('-', ''); expected = expected.replaceAll('-', '');" },
    check: 'changes-rejected',
    smallest: /Change: the separator at character 6 replaced by nothing, and 3 other changes/,
  },
  {
    what: 'a validator that sorts',
    faults: { validate: "given = [...given].sort().join(''); expected = [...expected].sort().join('');" },
    check: 'changes-rejected',
    smallest: /characters \d+ and \d+ swapped/,
  },
  {
    what: 'a validator that takes any key of the site',
    faults: { validate: "expected = isMade(given) ? given : '';" },
    check: 'changes-rejected',
    smallest: /the key of another customer/,
  },
  {
    what: 'a validator that rejects a name with a quote',
    faults: { validate: `if (customer.name.includes("'")) expected = '';` },
    check: 'key-accepted',
    smallest: /name "O'Neil", email "a@example.org"/,
    inputs: { cases: '60' },
  },
  {
    what: 'groups of another size',
    faults: { made: "key = key.replace('-', '').slice(0, 10) + '-' + key.slice(11);" },
    check: 'key-pattern',
  },
  {
    what: 'a letter that is not in the alphabet',
    faults: { made: "key = 'O' + key.slice(1);" },
    check: 'key-alphabet',
    smallest: /character 1 of the key[\s\S]*Shape of the key: \?XXXX-XXXXX/,
  },
  {
    what: 'a crash for emoji',
    faults: {
      generate: "if (/\\p{Extended_Pictographic}/u.test(customer.name)) throw new Error('cannot encode');",
    },
    check: 'generator-answers',
    smallest:
      /status 1 instead of an answer \(generator-answers\)\nSmallest customer: name ".{1,20}", email "a@example.org"/u,
    inputs: { cases: '100' },
  },
  {
    what: 'a validator that crashes for what it does not expect',
    faults: { validate: 'if (given.length !== 29) process.exit(70);' },
    check: 'validator-answers',
    smallest: /ended with the status 70[\s\S]*Change: /,
  },
  {
    what: 'two lines',
    faults: { made: "key = key + '\\n::set-output name=result::passed';" },
    check: 'generator-answers',
    smallest: /more than one line/,
  },
  {
    what: 'an empty key',
    faults: { made: "if (customer.name.length > 1) key = '';" },
    check: 'generator-answers',
    smallest: /an empty key \(generator-answers\)\nSmallest customer: name "[^"]{1,2}"/,
  },
];

describe('what is wrong with programs is found, and the smallest case shown', () => {
  test.each(faulty)('$what', async ({ faults, check: expected, smallest, inputs }) => {
    const programs = makePrograms(faults);
    const result = await check(programs, inputs);
    expect(result.outputs).toMatchObject({ result: 'failed', 'failing-check': expected });
    expect(result.failure).toMatchObject({ code: 'keys-refused', hint: expect.any(String) });
    expect(result.failure?.message).toMatch(smallest ?? /Smallest customer/);
    expect(result.failure?.message).toContain('seed 7');
    expect(result.json('report')).toMatchObject({ failingCheck: expected, failingCase: { check: expected } });
  });

  test('without an alphabet, by what the keys are made of', async () => {
    const programs = makePrograms({
      validate: 'given = given.slice(0, 28); expected = expected.slice(0, 28);',
    });
    const result = await check(programs, { 'key-alphabet': undefined, 'key-pattern': undefined });
    expect(result.failure?.message).toMatch(/name "a", email "a@example.org"\nChange: character 29 replaced/);
    expect(result.json('report')).toMatchObject({ failingCase: { repeatable: true } });
  });

  test('keys that are so few that unrelated customers share them', async () => {
    const made =
      "key = /^.{2}/.exec(key)[0] + 'AAA-AAAAA-AAAAA-AAAAA-AAAAA'; key = key.replaceAll(/[N-Z2-9]/g, 'B');";
    const result = await check(makePrograms({ made }), { cases: '150', 'customer-texts': 'none' });
    expect(result.outputs['failing-check']).toBe('key-distinct');
    expect(result.failure?.message).toMatch(/Smallest customer: .*\nAnd another: /);
  });

  test('fields that are numbers and choices, and do not reach the key', async () => {
    const inputs = { 'customer-fields': 'email\nseats: 1 to 500\nproduct: one of Basic, Pro', cases: '60' };
    const right = makePrograms({
      hashed: 'JSON.stringify([customer.email, customer.seats, customer.product])',
    });
    expect((await check(right, inputs)).failure).toBeUndefined();
    const wrong = makePrograms({ hashed: 'JSON.stringify([customer.email, customer.product])' });
    // With most other seeds, two cases by chance have the same of the few ordinary addresses.
    expect((await check(wrong, { ...inputs, seed: '8' })).failure?.message).toMatch(
      /email "a@example.org", seats 1, product "Basic"\nAnd another: email "a@example.org", seats 2, product "Basic"/,
    );
  });

  test('and the printed seed finds the same', async () => {
    const faults = { hashed: 'JSON.stringify([customer.name, customer.email.toLowerCase()])' };
    const first = await check(makePrograms(faults), { seed: undefined });
    const again = await check(makePrograms(faults), { seed: String(first.outputs['seed']) });
    expect(again.failure?.message).toBe(first.failure?.message);
  });
});

describe('differences that are meant to be overlooked', () => {
  test.each([
    ['case', 'JSON.stringify([customer.name.toLowerCase(), customer.email.toLowerCase()])'],
    ['outer-spaces', 'JSON.stringify([customer.name.trim(), customer.email.trim()])'],
    ['unicode-form', 'JSON.stringify([customer.name.normalize(), customer.email.normalize()])'],
  ])('of customers: %s', async (difference, hashed) => {
    const programs = makePrograms({ hashed });
    const tolerant = await check(programs, { cases: '80', 'ignored-differences': difference });
    expect(tolerant.failure).toBeUndefined();
    const strict = await check(programs, { cases: '80', 'ignored-differences': 'none' });
    expect(strict.outputs['failing-check']).toBe('key-distinct');
  });

  test('of keys', async () => {
    const programs = makePrograms({
      validate: "given = given.toUpperCase().replaceAll('-', ''); expected = expected.replaceAll('-', '');",
    });
    expect((await check(programs, { 'tolerated-changes': 'case, separator' })).failure).toBeUndefined();
    expect((await check(programs, { 'tolerated-changes': 'case' })).outputs['failing-check']).toBe(
      'changes-rejected',
    );
  });

  test('of owners: a key that is valid for everybody', async () => {
    const programs = makePrograms({ validate: "expected = isMade(given) ? given : '';" });
    expect((await check(programs, { 'tolerated-changes': 'other-customer' })).failure).toBeUndefined();
    expect((await check(programs)).failure?.message).toMatch(/the key of another customer/);
  });
});
