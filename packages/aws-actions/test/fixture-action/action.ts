import { RemoteError, UserError } from '@slipway/core';
import { type ActionResult, defineAction, input } from '@slipway/runner';
import { awsInputs, awsProblems, openAwsAccess } from '../../src/index.ts';

/** An action that assumes a role as all of them do, and then tries to leak every secret it has. */
export const action = defineAction({
  name: 'fixture-action',
  description: 'Tests credentials.',
  inputs: {
    ...awsInputs,
    mode: input.choice({
      description: 'What to do.',
      choices: ['report', 'fail', 'crash'],
      default: 'report',
    }),
  },
  outputs: {
    key: { description: 'The access key ID, which is no secret.' },
    exported: { description: 'Whether a secret is in the environment.' },
    secrets: { description: 'Every secret.' },
    report: { description: 'A report.', kind: 'file' },
  },
  checkInputs: awsProblems,
  async run(given, context): Promise<ActionResult> {
    const { credentials } = openAwsAccess(given, context);
    const held = await credentials();
    const secrets = `${held.secretAccessKey} ${held.sessionToken}`;
    const leak = `the secrets are ${secrets} and ${encodeURIComponent(secrets)} and ${JSON.stringify(held)}`;
    context.progress.info(leak);
    context.progress.debug(leak);
    const cause = new RemoteError('credentials-refused', leak, { hint: leak });
    if (given.mode === 'fail') throw new UserError('input-invalid', leak, { hint: leak, cause });
    if (given.mode === 'crash') {
      queueMicrotask(() => {
        throw new Error(leak, { cause });
      });
      await context.clock.sleep(60_000);
    }
    const exported = Object.values(process.env).some(
      (value) => value !== undefined && (value.includes(held.secretAccessKey) || value === held.sessionToken),
    );
    return {
      outputs: { key: held.accessKeyId, exported, secrets },
      files: [{ output: 'report', path: undefined, defaultName: 'report.json', contents: leak }],
      summary: [{ kind: 'text', text: leak }],
      problems: [{ code: 'leak', severity: 'notice', message: leak }],
    };
  },
});
