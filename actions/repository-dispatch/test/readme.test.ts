import { execFileSync } from 'node:child_process';
import { documentBlock, GitHubDouble, makeKey, runAction } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { action } from '../src/action.ts';
import { jobEnvironment, receiver, secret, workspace } from './dispatching.ts';

const { text: program } = documentBlock('actions/repository-dispatch/README.md#the-payload:3');

/** The verdict of the README's Python on a payload. */
function isSigned(payload: unknown, given = secret): boolean {
  const call = `import sys\nprint(is_signed(json.load(sys.stdin), ${JSON.stringify(given)}.encode()))`;
  const input = JSON.stringify(payload);
  const verdict = execFileSync('python3', ['-c', `${program}\n${call}`], { input, encoding: 'utf8' }).trim();
  if (verdict !== 'True' && verdict !== 'False') throw new Error(verdict);
  return verdict === 'True';
}

test('the Python of the README verifies what is sent', async () => {
  const double = await GitHubDouble.start();
  double.addRepository(receiver('acme/site'));
  const inputs = {
    targets: 'acme/site',
    'event-type': 'app-released',
    payload: '{"name":"Grüße 🎉","list":[1,2.5,null,true],"nested":{"b":1,"a":[]}}',
    artifacts: 'artifacts.json',
    token: double.addToken(),
  };
  const options = { workDirectory: workspace(), environment: jobEnvironment(double) };
  await runAction(action, { ...inputs, 'signing-secret': secret }, options);
  const key = await makeKey({ type: 'ed25519' });
  await runAction(action, { ...inputs, 'signing-key': key.privateArmored }, options);
  double.close();
  const [byHmac, byKey] = double.events.map(({ client_payload: payload }) => payload);
  expect(isSigned(byHmac)).toBe(true);
  expect(isSigned(byHmac, 'f'.repeat(32))).toBe(false);
  expect(isSigned({ ...byHmac, name: 'other' })).toBe(false);
  expect(isSigned(byKey)).toBe(false);
});
