import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ActionRun, actionProcess, temporaryDirectory } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { bundle, eventFile, jobEnvironment, message, secret } from './receiving.ts';

/** In a bundle, libraries are loaded differently than from their packages. */
test('the bundle checks payloads against a schema, with its formats and patterns', async () => {
  const directory = temporaryDirectory('schema');
  const schema = join(directory, 'schema.json');
  const ofPayload = {
    channel: { type: 'string', pattern: '^[a-z]+$' },
    mail: { type: 'string', format: 'email' },
  };
  writeFileSync(schema, JSON.stringify({ type: 'object', properties: ofPayload }));
  const receive = async (own: Parameters<typeof message>[0]): Promise<ActionRun> => {
    return actionProcess(bundle, {
      environment: jobEnvironment(eventFile(await message(own))),
      inputs: { 'signing-secret': secret, schema },
    });
  };
  const fine = await receive({ channel: 'stable', mail: 'a@example.org' });
  expect(fine.exitCode, fine.log).toBe(0);
  const refused = await receive({ channel: 'Stable', mail: 'nobody' });
  expect(refused.exitCode).toBe(1);
  expect(refused.log).toContain('schema-violated');
});
