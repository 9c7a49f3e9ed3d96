import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryDirectory } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { observe } from '../src/observe.ts';
import { Programs } from '../src/programs.ts';
import type { Transport } from './programs.ts';

const customer = { email: 'a@example.org' };

/** Programs that are both `script` for a shell, which gets the customer. */
function shellPrograms(
  script: string,
  transport: Transport,
  rejectedStatuses: number[] = [1, 3],
  commandTimeoutMs = 20_000,
) {
  const words = transport === 'arguments' ? ['sh', '{email}'] : [];
  const program = { command: ['sh', '-c', script, ...words] as const, transport };
  const plan = {
    directory: temporaryDirectory('programs'),
    generator: program,
    validator: { ...program, rejectedStatuses },
    commandTimeoutMs,
  };
  return new Programs(plan, { PATH: process.env['PATH'] ?? '' }, new AbortController().signal);
}

/** What the script answers, or why it does not. */
async function answerOf(question: 'key' | 'verdict', ...given: Parameters<typeof shellPrograms>) {
  const programs = shellPrograms(...given);
  const asked =
    question === 'key' ? programs.generate(customer, 'first') : programs.validate(customer, 'KEY');
  return asked.catch((error: Error) => error.message).finally(() => programs.restart());
}
const verdictOf = (...given: Parameters<typeof shellPrograms>) => answerOf('verdict', ...given);
const keyOf = (...given: Parameters<typeof shellPrograms>) => answerOf('key', ...given);

test('a validator accepts a key by the status 0, and rejects it by those of rejected-status alone', async () => {
  expect(await verdictOf('exit 0', 'arguments')).toBe(true);
  expect(await verdictOf('exit 1', 'arguments')).toBe(false);
  expect(await verdictOf('exit 3', 'arguments')).toBe(false);
  expect(await verdictOf('exit 1', 'arguments', [2])).toContain('status 1, which is neither 0 nor in');
});

test.each([
  ['exit 2', 'status 2'],
  ['exit 127', 'status 127'],
  ['exit 139', 'status 139'],
  ['kill -SEGV $$', 'killed by SIGSEGV'],
  ['exec sh -c "kill -ABRT \\$\\$"', 'killed by SIGABRT'],
])('a validator that crashes has not rejected the key: %s', async (script, what) => {
  expect(await verdictOf(script, 'arguments')).toContain(what);
});

test('a validator reads the key from standard input, unless its command has {key}', async () => {
  expect(await verdictOf('read -r key; [ "$key" = KEY ] || exit 9', 'arguments')).toBe(true);
});

test.each<Transport>(['arguments', 'json-lines'])(
  'I8: a program that hangs is killed, and has not rejected the key: by %s',
  async (transport) => {
    const what = 'took longer than command-timeout and was killed';
    expect(await verdictOf('sleep 300', transport, [1, 3], 300)).toBe(what);
  },
);

test.each<[string, boolean | string]>([
  ['{"valid": true, "more": 1}', true],
  ['{"valid": false}', false],
  ...['{"valid": "true"}', '{"valid": 1}', '{}', '[true]', 'true', 'null', 'valid'].map(
    (line): [string, string] => [line, 'printed a line that is neither {"valid": true} nor {"valid": false}'],
  ),
])('a validator that answers the line %s', async (line, verdict) => {
  expect(await verdictOf(`read -r question; echo '${line}'; sleep 300`, 'json-lines')).toBe(verdict);
});

test('a generator prints the key and at most one line end, and its status is 0', async () => {
  expect(await keyOf("printf 'ABCD-1234\\r\\n'", 'arguments')).toBe('ABCD-1234');
  expect(await keyOf("printf ' two\\nlines\\n\\n'", 'arguments')).toBe(' two\nlines\n');
  for (const status of [1, 2, 139]) {
    const ended = await keyOf(`echo ABCD-1234; exit ${status}`, 'arguments');
    expect(ended).toBe(`ended with the status ${status}`);
  }
});

test.each(['{"key": 1}', '{}', '["ABCD"]', '"ABCD"', 'null'])(
  'a generator has no key in the line %s',
  async (line) => {
    expect(await keyOf('read -r question; echo \'{"key": "ABCD"}\'; sleep 300', 'json-lines')).toBe('ABCD');
    expect(await keyOf(`read -r question; echo '${line}'; sleep 300`, 'json-lines')).toContain('not {"key"');
  },
);

test('an answer that nobody asked for is never the answer to the next question', async () => {
  const there = join(temporaryDirectory('stray'), 'there');
  const answer = 'echo \'{"valid": true}\'';
  // The first answer is read before the second one, which no question asks for, is printed.
  const script = `read -r question; ${answer}; while [ ! -e '${there}' ]; do sleep 0.01; done; ${answer}; rm '${there}'; sleep 300`;
  const programs = shellPrograms(script, 'json-lines');
  expect(await programs.validate(customer, 'KEY')).toBe(true);
  writeFileSync(there, '');
  while (existsSync(there)) await sleep(10);
  await sleep(50);
  await expect(programs.validate(customer, 'KEY')).rejects.toThrow('more than one answer');
  await programs.restart();
});

test('programs get few variables, on Windows those without which nothing starts, and values that are named are secret', () => {
  const environment = {
    PATH: '/bin',
    SystemRoot: 'C:\\Windows',
    KEYGEN_SECRET: 'sesame',
    GITHUB_TOKEN: 'ghs_1',
  };
  const clock = { nowMs: () => 0, sleep: async () => {}, random: () => 0.5 };
  const given = { workingDirectory: undefined, seed: undefined, environment: ['KEYGEN_SECRET', 'PATH'] };
  const seen = (platform: NodeJS.Platform) =>
    observe(given, { clock, environment, workDirectory: '/w' }, platform);
  expect(seen('linux').environment).toEqual({ PATH: '/bin', KEYGEN_SECRET: 'sesame' });
  expect(seen('win32').environment).toMatchObject({ PATH: '/bin', SystemRoot: 'C:\\Windows' });
  expect(seen('linux')).toMatchObject({ secrets: ['sesame'], seed: 2 ** 30 });
});
