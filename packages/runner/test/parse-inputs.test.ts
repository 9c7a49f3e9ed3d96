import { UserError } from '@slipway/core';
import {
  camelCase,
  defineAction,
  type InputDeclarations,
  input,
  itemsOf,
  parseInputs,
} from '@slipway/runner';
import fc from 'fast-check';
import { expect, expectTypeOf, test } from 'vitest';

function define<Declarations extends InputDeclarations>(
  inputs: Declarations,
  checkInputs?: Parameters<typeof defineAction<Declarations>>[0]['checkInputs'],
) {
  return defineAction({
    name: 'example',
    description: '',
    inputs,
    outputs: {},
    ...(checkInputs === undefined ? {} : { checkInputs }),
    run: async () => ({ outputs: {}, files: [], summary: [], problems: [] }),
  });
}

function parse<Declarations extends InputDeclarations>(
  action: ReturnType<typeof define<Declarations>>,
  texts: Record<string, string>,
  problems?: string[],
) {
  const spelled = { textOf: (name: string) => texts[name], spell: (name: string) => `--${name}`, problems };
  return parseInputs(action, spelled, { workDirectory: '/', environment: {} });
}

async function problemsOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof UserError && error.code === 'input-invalid') return error.message;
    throw error;
  }
  return '';
}

const everyKind = define({
  'some-text': input.text({ description: '' }),
  where: input.requiredPath({ description: '' }),
  'max-age': input.duration({ description: '', default: '1h30m' }),
  size: input.size({ description: '', default: '5MiB' }),
  jobs: input.integer({ description: '', default: '4', minimum: 1, maximum: 64 }),
  'dry-run': input.boolean({ description: '', default: 'false' }),
  names: input.lines({ description: '' }),
  how: input.choice({ description: '', choices: ['fast', 'safe'], default: 'safe' }),
  key: input.secret({ description: '' }),
  token: input.token({ description: '' }),
});

test('inputs that are not given have their defaults, in camel case and with their types', async () => {
  const inputs = await parse(everyKind, { where: ' ./here ', 'some-text': ' ' });
  expect(inputs).toEqual({
    someText: undefined,
    where: './here',
    maxAge: 5_400_000,
    size: 5 * 2 ** 20,
    jobs: 4,
    dryRun: false,
    names: [],
    how: 'safe',
    key: undefined,
    token: undefined,
  });
  expectTypeOf(inputs.how).toEqualTypeOf<'fast' | 'safe'>();
  expectTypeOf(inputs.maxAge).toEqualTypeOf<number>();
});

test('lists leave out blank lines and comments', async () => {
  const inputs = await parse(everyKind, { where: 'x', names: ' a \n\n# no\nb # kept\r\n' });
  expect(inputs.names).toEqual(['a', 'b # kept']);
  expect((await parse(everyKind, { where: 'x', names: 'a\rb\r' })).names).toEqual(['a', 'b']);
});

test.each([
  ['one a line', 'a\n# no\n\nb'],
  ['with commas', 'a, b'],
  ['with commas at the ends of lines', 'a,\r\nb,'],
  ['in quotes', `"a", 'b'`],
  ['as JSON', '["a", "b"]'],
])('items of a list are read %s', (_, text) => {
  expect(itemsOf(text)).toEqual(['a', 'b']);
});

test('a list of nothing but commas, and JSON of other things, are refused', () => {
  expect(() => itemsOf(', ,')).toThrow('commas');
  expect(() => itemsOf('[1]')).toThrow('JSON array');
  expect(itemsOf('')).toEqual([]);
  expect(itemsOf('[a')).toEqual(['[a']);
});

test('all problems come at once, with those that were found before and those between inputs', async () => {
  const action = define({ ...everyKind.inputs }, ({ names, someText }) =>
    names.length > 0 && someText === undefined ? ['names need some-text'] : [],
  );
  const message = await problemsOf(() =>
    parse(action, { 'max-age': 'soon', jobs: '65', 'dry-run': 'maybe', how: 'odd', names: 'a' }, [
      'no --nmaes',
    ]),
  );
  expect(message.split('\n')).toEqual([
    '7 problems in its inputs:',
    '- no --nmaes',
    '- --where is required',
    '- --max-age: "soon" is not a duration. Write it like 90s, 15m, 1h30m or 7d.',
    '- --jobs cannot be "65": must be a whole number from 1 to 64',
    '- --dry-run cannot be "maybe": must be true or false',
    '- --how cannot be "odd": must be one of fast, safe',
    '- names need some-text',
  ]);
});

test('what is said between inputs is left out when it rests on an input that could not be read', async () => {
  const action = define({ ...everyKind.inputs }, ({ where }) =>
    where.startsWith('/') ? [] : ['where: relative'],
  );
  expect(await problemsOf(() => parse(action, {}))).toBe('--where is required');
  expect(await problemsOf(() => parse(action, { where: 'x' }))).toBe('where: relative');
});

test('I7: no problem of a secret repeats a part of it', async () => {
  const secretly = (message: (text: string) => string) =>
    define({
      key: {
        ...input.requiredSecret({ description: '' }),
        parse: (text: string): string => {
          throw new Error(message(text));
        },
      },
    });
  expect(
    await problemsOf(() =>
      parse(
        secretly((text) => `bad ${text}`),
        { key: 'hunter2' },
      ),
    ),
  ).toBe('--key cannot be used: it has the wrong form');
  expect(
    await problemsOf(() =>
      parse(
        secretly(() => 'it is no key'),
        { key: 'hunter2' },
      ),
    ),
  ).toContain('it is no key');
});

test('I8: whatever the inputs hold, they parse or are refused in short words of one line each', async () => {
  const texts = fc.record(
    Object.fromEntries(Object.keys(everyKind.inputs).map((name) => [name, fc.string({ unit: 'binary' })])),
  );
  await fc.assert(
    fc.asyncProperty(texts, async (given) => {
      const message = await problemsOf(() => parse(everyKind, given));
      const count = Number(/^(\d+) problems/.exec(message)?.[1] ?? 0);
      if (count > 0) expect(message.split(/[\n\r\u2028]/)).toHaveLength(count + 1);
      expect(message.length).toBeLessThan(5_000);
    }),
  );
});

test('what a check finds comes with the other problems, and costly checks are asked only then', async () => {
  let asked = 0;
  const action = {
    ...define({
      where: {
        ...input.requiredPath({ description: '' }),
        check: async (path: string, { workDirectory }: { readonly workDirectory: string }) => {
          if (path !== 'here') throw new Error(`it is not in ${workDirectory}`);
        },
      },
      jobs: input.integer({ description: '', default: '4', minimum: 1, maximum: 64 }),
    }),
    checkCostly: async () => {
      asked += 1;
      return ['costly'];
    },
  };
  await parse(action, { where: 'here' });
  expect(asked).toBe(0);
  expect((await problemsOf(() => parse(action, { where: 'there', jobs: 'x' }))).split('\n')).toEqual([
    '3 problems in its inputs:',
    '- --where cannot be "there": it is not in /',
    '- --jobs cannot be "x": must be a whole number from 1 to 64',
    '- costly',
  ]);
});

test('I7: what its kind cannot be is told by name, at once, and of a secret without a part of it', async () => {
  const message = await problemsOf(() =>
    parse(everyKind, {
      where: 'dist\u0000',
      'some-text': 'one\ntwo\u0007',
      names: 'a\r\nb\u001b',
      token: 'hunter2\nhunter3',
      key: 'a key\nof two lines',
    }),
  );
  expect(message.split('\n')).toEqual([
    '4 problems in its inputs:',
    '- --some-text cannot be "one\\u{a}two\\u{7}": line 2 has a control character: remove it',
    '- --where cannot be "dist\\u{0}": it has a control character: remove it',
    '- --names cannot be "a\\u{d}\\u{a}b\\u{1b}": line 2 has a control character: remove it',
    '- --token cannot be used: it has 2 lines but must have one: give only the right one',
  ]);
  expect(await problemsOf(() => parse(everyKind, { where: 'dist\nout' }))).toContain('it has 2 lines');
  const fine = await parse(everyKind, { where: 'dist', 'some-text': 'one\ntwo', token: ' hunter2\r\n' });
  expect(fine).toMatchObject({ someText: 'one\ntwo', token: 'hunter2' });
});

test('names in camel case', async () => {
  expect(['a', 'signing-key', 'a-b-c2'].map(camelCase)).toEqual(['a', 'signingKey', 'aBC2']);
});

test('a passphrase is taken with every blank of it, and line ends alone are none', async () => {
  const action = define({ passphrase: input.passphrase({ description: '' }) });
  for (const passphrase of ['  two words  ', ' ', '\tx', 'x\n', '\u00a0x']) {
    expect(await parse(action, { passphrase })).toEqual({ passphrase });
  }
  for (const nothing of ['', '\n', '\r\n\n'])
    expect(await parse(action, { passphrase: nothing })).toEqual({ passphrase: undefined });
});

test('what is said of a key is not taken for a part of it because of its first and last line', async () => {
  const refuse = (reason: string) => () => {
    throw new UserError('key-unusable', reason, { hint: 'Store the whole .pem file.' });
  };
  const keyed = (reason: string) =>
    define({ key: { ...input.secret({ description: '' }), parse: refuse(reason) } });
  const key = '-----BEGIN RSA PRIVATE KEY----- c2VjcmV0 -----END RSA PRIVATE KEY-----';
  expect(await problemsOf(() => parse(keyed('it is no private RSA KEY'), { key }))).toBe(
    '--key cannot be used: it is no private RSA KEY. Store the whole .pem file.',
  );
  const told = await problemsOf(() => parse(keyed('it is c2VjcmV0'), { key }));
  expect(told).toBe('--key cannot be used: it has the wrong form');
});
