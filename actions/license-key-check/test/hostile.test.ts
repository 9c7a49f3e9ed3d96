// Slow: about 30 s.
import { runAction } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { action } from '../src/action.ts';
import { type Faults, findSecret, makePrograms, type Transport } from './programs.ts';

const secret = 'kYh3-siteSecret-9fQz';

/** Runs the check with programs that have a secret of the site; nothing that it shows may have a key or the secret. */
async function check(
  faults: Faults,
  inputs: Readonly<Record<string, string>> = {},
  transport: Transport = 'json-lines',
) {
  const programs = makePrograms(faults, transport);
  const result = await runAction(
    action,
    { seed: '7', ...programs.inputs, environment: 'KEYGEN_SECRET', ...inputs },
    {
      workDirectory: programs.directory,
      environment: {
        PATH: process.env['PATH'] ?? '',
        KEYGEN_SECRET: secret,
        GITHUB_TOKEN: 'ghs_token',
        ACTIONS_RUNTIME_TOKEN: 'runtime token',
      },
    },
  );
  const shown = JSON.stringify([result, result.failure?.message, result.failure?.hint]);
  expect(findSecret(shown, programs.keys())).toBeUndefined();
  expect(result.masked).toEqual([secret]);
  return { ...result, shown: shown.replaceAll(JSON.stringify([secret]), '') };
}

describe('programs that misbehave', () => {
  test('hang for one customer: found, and ended', async () => {
    const { outputs, failure } = await check(
      { generate: "if (customer.email.includes('+')) for (;;);" },
      { 'command-timeout': '1500ms', cases: '30', 'customer-texts': 'none' },
    );
    expect(outputs).toMatchObject({ 'failing-check': 'generator-answers' });
    expect(failure?.message).toMatch(
      /took longer than command-timeout and was killed[\s\S]*name "a", email "john\+license@example.org"/,
    );
  });

  test('print a megabyte', async () => {
    const { failure } = await check({ made: 'key = key.repeat(40_000);' }, { cases: '2' }, 'arguments');
    expect(failure?.message).toMatch(/the generator printed more than one answer and was killed/);
  });

  test('die by a signal', async () => {
    const { failure } = await check({ validate: "process.kill(process.pid, 'SIGKILL');" }, { cases: '2' });
    expect(failure?.message).toMatch(/the validator was killed by SIGKILL \(validator-answers\)/);
  });

  test.each<Transport>(['arguments', 'json-lines'])(
    'I7: write keys and their secret to standard error, by %s',
    async (transport) => {
      const leak = `const { KEYGEN_SECRET: s } = process.env; console.error('secret ' + s + ' key ' + key + ' ' + key.toLowerCase()); process.exit(3);`;
      const { failure, shown } = await check(
        { made: `if (customer.email.length > 5) { ${leak} }` },
        { cases: '2' },
        transport,
      );
      expect(failure?.message).toMatch(/status 3[\s\S]*Standard error: secret \*\*\* key \*\*\* \*\*\*/);
      expect(shown).not.toContain(secret);
    },
  );

  test('I7: write a changed key to standard error that looks like a word', async () => {
    const { failure } = await check(
      {
        made: "key = key.replaceAll('-', '').slice(0, 12).toLowerCase().replace(/[^a-z]/g, 'x');",
        validate: "if (given !== expected) { console.error('wrong key ' + given); process.exit(70); }",
      },
      { cases: '1', 'key-pattern': '[a-z]{12}', 'key-alphabet': 'a-z' },
    );
    expect(failure?.message).toMatch(/status 70[\s\S]*Standard error: wrong key \*\*\*\n/);
  });

  test('I8: print workflow commands', async () => {
    const { failure, shown } = await check(
      {
        made: "console.error('::set-output name=result::passed'); console.error('::error::x'); process.exit(2);",
      },
      { cases: '2' },
    );
    expect(failure?.message).toContain('Standard error: ');
    expect(shown).not.toContain('::set-output');
    expect(shown).not.toContain('::error');
  });

  test.each([
    ['no answer', 'if (customer.name.length < 4) return process.exit(0);', /status 0 instead of an answer/],
    [
      'two answers',
      "if (customer.name !== 'a') console.log(['{}', '{}'].join(String.fromCharCode(10)));",
      /more than one answer/,
    ],
    [
      'something else',
      "if (customer.name.length > 1) console.log('[1]');",
      /not \{"key": "…"\}|more than one/,
    ],
  ])('give %s to a question, as json-lines', async (_, generate, message) => {
    const { failure } = await check({ generate }, { cases: '40' });
    expect(failure?.message).toMatch(message);
  });

  test('fail only after earlier questions: said to be so', async () => {
    const { failure } = await check({
      generate: 'globalThis.n = (globalThis.n ?? 0) + 1; if (globalThis.n > 15) process.exit(9);',
    });
    expect(failure?.message).toMatch(/ended with the status 9[\s\S]*passed when tried again alone/);
  });

  test.each<Transport>(['arguments', 'json-lines'])(
    'crash with a status other than rejected-status: never counted as a rejection, by %s',
    async (transport) => {
      const validate = 'if (given !== expected) process.exit(3);';
      const few = { cases: '1', 'tolerated-changes': 'replaced, case, swapped' };
      const crashing = await check({ validate }, few, transport);
      expect(crashing.outputs['failing-check']).toBe('validator-answers');
      const inputs = { ...few, 'rejected-status': '3' };
      const rejecting = await check({ validate }, inputs, transport);
      expect(rejecting.failure === undefined).toBe(transport === 'arguments');
    },
  );

  test('I7: get no token of the runner, but what is named', async () => {
    const variables =
      'const { PATH, HOME, KEYGEN_SECRET, ...more } = process.env; if (Object.keys(more).length > 0 || !KEYGEN_SECRET) throw new Error(Object.keys(more).join());';
    expect(
      (await check({ generate: variables, validate: variables }, { cases: '2' })).failure,
    ).toBeUndefined();
  });
});

describe('the time limit', () => {
  const slow = { generate: 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40);' };

  test('fails a check that is not through', async () => {
    const { outputs, failure, problems } = await check(slow, { cases: '5000', 'time-limit': '2s' });
    expect(outputs).toMatchObject({ result: 'failed', 'failing-check': 'enough-cases' });
    expect(failure).toMatchObject({ code: 'keys-refused' });
    expect(failure?.message).toMatch(/only \d+ of 5,000 cases passed within the time limit of 2.0 s/);
    expect(problems).toEqual([]);
  });

  test('ends making a case smaller, and what was found is reported', async () => {
    const limits = { 'command-timeout': '700ms', 'time-limit': '3200ms' };
    const { outputs, failure } = await check({ generate: 'for (;;);' }, limits);
    expect(outputs).toMatchObject({ 'failing-check': 'generator-answers' });
    expect(failure?.message).toMatch(/took longer than command-timeout[\s\S]*Found in: case 1(,|\n)/);
  });

  test('ends a program that hangs', async () => {
    const { outputs } = await check(
      { generate: 'for (;;);' },
      { 'time-limit': '500ms', 'command-timeout': '1h' },
    );
    expect(outputs).toMatchObject({ cases: 0, 'failing-check': 'enough-cases' });
  });
});
