import {
  issuedSubjects,
  type SeaweedServer,
  type StsGate,
  s3Objects,
  serverProgram,
  startSeaweed,
  startStsGate,
  startTokenIssuer,
  type TokenIssuer,
} from '@slipway/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openCredentials } from '../src/credentials.ts';
import { audience, errorOf, recordedPorts, roleSettings } from './support.ts';

const withSeaweed = describe.skipIf(serverProgram('weed') === undefined);

withSeaweed('SeaweedFS, whose STS enforces the trust policy of a role', () => {
  let issuer: TokenIssuer;
  let foreignIssuer: TokenIssuer;
  let seaweed: SeaweedServer;
  let gate: StsGate;

  beforeAll(async () => {
    [issuer, foreignIssuer] = await Promise.all([startTokenIssuer(), startTokenIssuer()]);
    const trust = (subject: string) => ({ StringEquals: { 'oidc:sub': subject, 'oidc:aud': audience } });
    const started = await startSeaweed({
      issuer: issuer.url,
      audience,
      roles: [
        { name: 'names', conditions: trust(issuedSubjects.names) },
        { name: 'numbers', conditions: trust(issuedSubjects.numbers) },
      ],
    });
    if (started === undefined) throw new Error('it is installed, and does not start');
    seaweed = started;
    gate = await startStsGate(seaweed.url);
  }, 120_000);

  afterAll(async () => {
    gate?.close();
    await seaweed?.stop();
    issuer?.close();
    foreignIssuer?.close();
  });

  beforeEach(() => issuer.change({}));

  const assume = (role: 'names' | 'numbers', environment = issuer.environment) => {
    const ports = recordedPorts(environment);
    return openCredentials(roleSettings(seaweed.roleArn(role), gate.url), ports)();
  };

  test.each(['names', 'numbers'] as const)(
    'a good token with sub of the form %s gets credentials that write and read an object',
    async (form) => {
      issuer.change({ subject: form });
      const objects = s3Objects(seaweed, await assume(form));
      await objects.write(`written-with-${form}`, 'bytes');
      expect(await objects.read(`written-with-${form}`)).toBe('bytes');
    },
  );
});
