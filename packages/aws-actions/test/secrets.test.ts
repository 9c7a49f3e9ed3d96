import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ActionRun,
  actionProcess,
  haveMinio,
  type TokenIssuer,
  temporaryDirectory,
} from '@slipway/testkit';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTrustingServers, type TrustingServers } from './support.ts';

/** The fixture action as one folder of JavaScript, as users run actions. */
async function bundledAction(): Promise<string> {
  const directory = temporaryDirectory('bundle');
  const bundle = await rolldown({
    input: { index: join(import.meta.dirname, 'fixture-action/index.ts') },
    platform: 'node',
    resolve: { conditionNames: ['source', 'node', 'import'] },
    logLevel: 'silent',
  });
  await bundle.write({ dir: directory, format: 'esm', entryFileNames: '[name].mjs' });
  await bundle.close();
  return join(directory, 'index.mjs');
}

/** Everything that a run left: its output except for the masks, and every file. */
function leftovers(run: ActionRun): string {
  const shown = run.log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  const files = readdirSync(run.directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
  return [...shown, ...files].join('\n');
}

describe.skipIf(!haveMinio())('I7: the bundle of an action that assumes a role', () => {
  let servers: TrustingServers;
  let issuer: TokenIssuer;
  let main: string;

  beforeAll(async () => {
    [main, servers] = await Promise.all([bundledAction(), startTrustingServers()]);
    issuer = servers.issuer;
  }, 120_000);
  afterAll(() => servers?.stop());

  const step = (inputs: Readonly<Record<string, string>>): Promise<ActionRun> =>
    actionProcess(main, {
      inputs: {
        'role-to-assume': servers.minio.roleArn,
        'aws-region': 'us-east-1',
        'sts-endpoint-url': servers.gate.url,
        ...inputs,
      },
      environment: { ...issuer.environment, RUNNER_DEBUG: '1' },
    });

  /** Secrets created during the run: the token, and what STS returned for it. */
  const secretsOfRun = (): readonly string[] => {
    const parts = issuer.issued.at(-1)?.split('.') ?? [];
    const answer = servers.gate.answered.at(-1) ?? '';
    const given = ['SecretAccessKey', 'SessionToken'].flatMap(
      (name) => new RegExp(`<${name}>([^<]+)<`).exec(answer)?.[1] ?? [],
    );
    return [...parts.slice(1), ...given, issuer.environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? ''];
  };

  test.each(['report', 'fail', 'crash'])('leaks no secret, whatever it tries (%s)', async (mode) => {
    const run = await step({ mode });
    const secrets = secretsOfRun();
    expect(secrets).toHaveLength(5);
    const left = leftovers(run);
    expect(left).toContain('the secrets are ***');
    for (const secret of secrets) {
      expect(left).not.toContain(secret);
      expect(left).not.toContain(encodeURIComponent(secret));
      expect(run.masks.join('\n')).toContain(secret);
    }
    expect(run.exitCode).toBe(mode === 'report' ? 0 : 1);
    if (mode === 'report') expect(run.outputs).toMatchObject({ exported: 'false', secrets: '*** ***' });
  });

  test('explains a refusal without showing the token', async () => {
    issuer.change({ audience: 'https://github.com/example-org' });
    const run = await step({});
    issuer.change({});
    expect(run.exitCode).toBe(1);
    const left = leftovers(run);
    expect(left).toContain('(credentials-refused)');
    expect(left).toContain('aud: https://github.com/example-org');
    for (const part of issuer.issued.at(-1)?.split('.') ?? ['']) expect(left).not.toContain(part);
  });

  test('reports all problems with its inputs at once', async () => {
    const run = await actionProcess(main, {
      inputs: {
        'role-to-assume': 'publish',
        'role-duration': '13h',
        'endpoint-url': 'http://s3.example.org',
        'expected-account-ids': '12345',
        'access-key-id': 'AKIA0',
      },
      environment: issuer.environment,
    });
    expect(run.exitCode).toBe(1);
    for (const words of [
      'input "role-to-assume" cannot be "publish": must be the ARN of a role',
      'input "role-duration" cannot be "13h": must be from 15m to 12h',
      'input "endpoint-url": it must be an https:// URL',
      'input "expected-account-ids" cannot be "12345": an account ID has twelve digits',
    ]) {
      expect(run.annotations[0]?.message).toContain(words);
    }
  });
});
