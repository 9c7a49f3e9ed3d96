import { readdirSync } from 'node:fs';
import { failureOf, runAction, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { action } from '../src/action.ts';

const good = { generator: 'gen {email}', validator: 'val {email} {key}' };
const messageOf = async (inputs: Readonly<Record<string, string>>): Promise<string> =>
  (await failureOf(runAction(action, { ...good, ...inputs }))).message;

describe('what is wrong with the inputs', () => {
  test('is told all at once', async () => {
    const message = await messageOf({
      generator: 'gen {mail}',
      validator: 'val {email}',
      'customer-fields': 'email\nuser',
      'distinct-by': 'name',
      cases: '10',
      'minimum-cases': '11',
      'accepted-output': 'yes',
      environment: 'KEYGEN_SECRET',
      'key-alphabet': '-A-Z',
      'time-limit': '48h',
      'working-directory': 'nowhere',
    });
    expect(message).toContain('9 problems');
    for (const part of [
      'generator has {mail}',
      'validator gets no key',
      'distinct-by has name',
      'minimum-cases: 11 is more than cases: 10',
      'belong together',
      'environment names KEYGEN_SECRET, which this step does not have',
      '"-" is in key-alphabet and in key-separators',
      'time-limit is none from 1ms to 24h',
      'cannot be looked at (ENOENT)',
    ]) {
      expect(message).toContain(part);
    }
  });

  test.each([
    [{ generator: 'gen {email} | head' }, 'needs a shell'],
    [{ generator: 'gen' }, 'generator is told nothing of a customer'],
    [{ generator: '{email}' }, 'names no program'],
    [
      { generator: 'gen {key}' },
      'generator has {key}, which is none of name, email; {{key}} is written for {key} itself',
    ],
    [{ generator: 'gen {email}', 'generator-input': 'json-lines' }, 'has placeholders'],
    [{ 'accepted-output': 'x', 'rejected-output': 'x' }, 'are the same'],
    [{ validator: 'val', 'validator-input': 'json-lines', 'accepted-output': 'x' }, 'do not go with'],
    [{ validator: 'val {key}', 'key-binding': 'customer' }, 'told nothing of the customer'],
    [{ 'customer-fields': 'a-b\na_b' }, 'CUSTOMER_A_B'],
    [{ environment: 'GITHUB_TOKEN' }, 'belongs to the runner'],
  ])('%j', async (inputs, part) => {
    expect(await messageOf(inputs)).toContain(part);
  });

  test('a program that is not there is no failing check', async () => {
    const failure = await failureOf(
      runAction(
        action,
        { ...good, generator: 'no-such-program {email}' },
        { environment: { PATH: '/usr/bin:/bin' } },
      ),
    );
    expect(failure).toMatchObject({ code: 'source-missing' });
    expect(failure.message).toBe('the program "no-such-program" cannot be started (ENOENT)');
  });
});

describe('a dry run', () => {
  test('prints the commands, the checks and customers, and starts nothing', async () => {
    const workDirectory = temporaryDirectory('dry');
    const result = await runAction(
      action,
      {
        generator: 'touch "started now" {email}',
        validator: 'touch {key}',
        'key-length': '29',
        seed: '5',
        'dry-run': true,
      },
      { workDirectory, environment: {} },
    );
    expect(result.outputs).toEqual({ result: 'planned', cases: 0, seed: 5, 'failing-check': '' });
    expect(result.log).toContain('Would run the generator (arguments): touch "started now" {email}');
    expect(result.log).toContain('Would check key-length: A key has 29 characters');
    expect(result.log.filter((line) => line.startsWith('  name '))).toHaveLength(5);
    // The validator is not told the customer: the key of another one cannot be wrong to it.
    expect(result.json('report')).toMatchObject({
      result: 'planned',
      plan: {
        seed: 5,
        cases: 100,
        minimumCases: 100,
        changes: ['replaced', 'case', 'separator', 'shortened', 'lengthened', 'swapped'],
      },
    });
    expect(readdirSync(workDirectory)).toEqual([]);
  });

  test('without a seed makes one up', async () => {
    const clock = { nowMs: () => 0, sleep: async () => {}, random: () => 0.25 };
    const { outputs } = await runAction(action, { ...good, 'dry-run': true }, { clock });
    expect(outputs['seed']).toBe(2 ** 29);
  });
});
