import { readdirSync } from 'node:fs';
import { failureOf, runAction, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { action } from '../src/action.ts';

const good = { generator: 'gen {email}', validator: 'val {email} {key}' };
const messageOf = async (inputs: Readonly<Record<string, string>>): Promise<string> =>
  (await failureOf(runAction(action, { ...good, ...inputs }))).message;

describe('what is wrong with the inputs', () => {
  test('is reported all at once', async () => {
    const message = await messageOf({
      generator: 'gen {mail}',
      'customer-fields': 'email\nuser',
      cases: '0',
      environment: 'KEYGEN_SECRET',
      'key-alphabet': '-A-Z',
      'time-limit': '48h',
      'working-directory': 'nowhere',
    });
    expect(message).toContain('6 problems');
    for (const part of [
      'generator has {mail}, but only email, user can be filled in; write {{mail}} for a literal {mail}',
      'whole number from 1 to 100,000',
      'environment names KEYGEN_SECRET, which is not set in this step',
      '"-" is both in key-alphabet and in key-separators',
      'time-limit must be between 1ms and 24h',
      'must be a directory that exists',
    ]) {
      expect(message).toContain(part);
    }
  });

  test.each([
    [{ generator: 'gen {email} | head' }, 'needs a shell'],
    [{ generator: 'gen' }, 'generator needs a placeholder such as {email}'],
    [{ generator: '{email}' }, 'must begin with the name of a program'],
    [{ generator: 'gen {key}' }, 'generator has {key}, but only name, email can be filled in'],
    [{ generator: 'gen {email}', 'generator-input': 'json-lines' }, 'cannot have placeholders'],
    [{ environment: 'GITHUB_TOKEN' }, 'belongs to the runner'],
    [{ 'key-pattern': '(' }, 'is not a valid regular expression'],
    [{ 'command-timeout': '25h' }, 'command-timeout must be between 1ms and 24h'],
  ])('%j', async (inputs, part) => {
    expect(await messageOf(inputs)).toContain(part);
  });

  test('a program that does not exist is an error, not a failing check', async () => {
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
  test('shows the commands and the checks, and starts nothing', async () => {
    const workDirectory = temporaryDirectory('dry');
    const result = await runAction(
      action,
      {
        generator: 'touch "started now" {email}',
        validator: 'touch {key}',
        'key-alphabet': 'A-Z',
        seed: '5',
        'dry-run': true,
      },
      { workDirectory, environment: {} },
    );
    expect(result.outputs).toEqual({ result: 'planned', cases: 0, seed: 5, 'failing-check': '' });
    expect(JSON.stringify(result.summary)).toContain('touch');
    expect(JSON.stringify(result.summary)).toContain('Keys consist of the characters in key-alphabet');
    // The validator does not know the customer, so it cannot reject the key of another one.
    expect(result.json('report')).toMatchObject({
      result: 'planned',
      plan: {
        seed: 5,
        cases: 100,
        changes: ['replaced', 'case', 'separator', 'shortened', 'lengthened', 'swapped'],
      },
    });
    expect(readdirSync(workDirectory)).toEqual([]);
  });

  test('without a seed chooses one', async () => {
    const clock = { nowMs: () => 0, sleep: async () => {}, random: () => 0.25 };
    const { outputs } = await runAction(action, { ...good, 'dry-run': true }, { clock });
    expect(outputs['seed']).toBe(2 ** 29);
  });
});
