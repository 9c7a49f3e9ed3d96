import {
  issuedSubjects,
  type SeaweedServer,
  type StsGate,
  s3Objects,
  serverProgram,
  startSeaweed,
  startStsGate,
  startTokenIssuer,
  type TokenChanges,
  type TokenIssuer,
} from '@slipway/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openCredentials } from '../src/credentials.ts';
import { scopedSessionPolicy } from '../src/session-policy.ts';
import { roleCredentials } from '../src/web-identity.ts';
import { audience, errorOf, expectNothingOf, HandClock, recordedPorts, roleSettings } from './support.ts';

const withSeaweed = describe.skipIf(serverProgram('weed') === undefined);

withSeaweed('SeaweedFS, whose STS enforces the trust policy of a role', () => {
  let issuer: TokenIssuer;
  let otherIssuer: TokenIssuer;
  let seaweed: SeaweedServer;
  let gate: StsGate;

  beforeAll(async () => {
    [issuer, otherIssuer] = await Promise.all([startTokenIssuer(), startTokenIssuer()]);
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
    otherIssuer?.close();
  });

  beforeEach(() => issuer.change({}));

  const assume = (role: 'names' | 'numbers', environment = issuer.environment) => {
    const ports = recordedPorts(environment);
    return openCredentials(roleSettings(seaweed.roleArn(role), gate.url), ports)();
  };

  test.each(['names', 'numbers'] as const)(
    'a valid token with sub of the form %s gets credentials that write and read an object',
    async (form) => {
      issuer.change({ subject: form });
      const objects = s3Objects(seaweed, await assume(form));
      await objects.write(`written-with-${form}`, 'bytes');
      expect(await objects.read(`written-with-${form}`)).toBe('bytes');
    },
  );

  const refused: readonly Refused[] = [
    {
      what: 'another sub',
      changes: () => ({ subject: { text: 'repo:example-org/other:ref:refs/heads/main' } }),
      says: () => ['AccessDenied', 'sub: repo:example-org/other:ref:refs/heads/main'],
    },
    {
      what: 'sub in the form that the role does not expect',
      changes: () => ({ subject: 'numbers' }),
      says: () => [
        'AccessDenied',
        'This token has names and numbers',
        `In the other form it would be ${issuedSubjects.names}`,
      ],
    },
    {
      what: 'another aud',
      changes: () => ({ audience: 'https://github.com/example-org' }),
      says: () => [`aud is "https://github.com/example-org", but "${audience}" was requested`],
    },
    {
      what: 'another issuer',
      changes: () => ({ issuer: otherIssuer.url }),
      says: () => [
        'the issuer of the token is http://127.0.0.1:',
        'the role must trust a provider with exactly that URL',
      ],
    },
    {
      what: 'a signature that was tampered with',
      changes: () => ({ tampered: true }),
      says: () => ['signature is invalid', 'does not match the keys that its issuer publishes'],
    },
    {
      what: "a signature by a key that is not the issuer's",
      changes: () => ({ untrustedKey: true }),
      says: () => ['signature is invalid', 'does not match the keys that its issuer publishes'],
    },
    {
      what: 'no key ID',
      changes: () => ({ withoutKeyId: true }),
      says: () => ['missing key ID', 'does not match the keys that its issuer publishes'],
    },
    {
      what: 'exp in the past',
      changes: () => ({ lifetimeMs: -60_000 }),
      says: () => ['ExpiredToken', 'the token expired at', 'check the clock.'],
    },
    {
      what: 'nbf in the future',
      changes: () => ({ beginsInMs: 240_000 }),
      says: () => ['not valid yet', 'the token is only valid from', 'check the clock.'],
    },
  ];

  test.each(refused)(
    'a token with $what is refused at once with an explanation',
    async ({ changes, says }) => {
      issuer.change(changes());
      const before = { issued: issuer.issued.length, sent: gate.tokens.length };
      const error = await errorOf(() => assume('names'));
      expect(error).toMatchObject({ name: 'RemoteError', code: 'credentials-refused', retryable: false });
      const shown = `${error.message}\n${error.hint}`;
      for (const words of says()) expect(shown).toContain(words);
      expect(shown).toContain('sts:AssumeRoleWithWebIdentity');
      expect({ issued: issuer.issued.length, sent: gate.tokens.length }).toEqual({
        issued: before.issued + 1,
        sent: before.sent + 1,
      });
      expectNothingOf(issuer.issued.at(-1), shown);
    },
  );

  test('STS itself accepts a token again until it expires; Slipway never sends one twice', async () => {
    const token = await issuer.mint(audience);
    expect(await statusOfAssuming(seaweed, token)).toBe(200);
    expect(await statusOfAssuming(seaweed, token)).toBe(200);

    const ports = recordedPorts(issuer.environment, new HandClock());
    const source = roleCredentials(
      { arn: seaweed.roleArn('names'), durationMs: 3_600_000 },
      roleSettings('', gate.url),
      ports,
    );
    await source();
    const sent = gate.tokens.length;
    issuer.change({ replayed: true });
    const error = await errorOf(source);
    expect(error.message).toContain('the same token twice');
    expect(gate.tokens.length).toBe(sent);
    expect(ports.lines.length).toBeGreaterThan(3);
    issuer.change({});
    await source();
    expect(gate.tokens.length).toBe(sent + 1);
  });

  test('transient failures of STS are retried, each time with a new token', async () => {
    gate.answerFirst([
      { status: 503, code: 'ServiceUnavailable' },
      { status: 400, code: 'IDPCommunicationError', message: 'cannot reach the identity provider' },
      { status: 400, code: 'Throttling', message: 'Rate exceeded' },
    ]);
    const before = gate.tokens.length;
    const clock = new HandClock();
    const ports = recordedPorts(issuer.environment, clock);
    const credentials = await openCredentials(roleSettings(seaweed.roleArn('names'), gate.url), ports)();
    const tokens = gate.tokens.slice(before);
    expect(new Set(tokens).size).toBe(4);
    expect(clock.sleepsMs).toHaveLength(3);
    const objects = s3Objects(seaweed, credentials);
    await objects.write('after-failures', 'bytes');
    expect(ports.lines.join('\n')).toContain('IDPCommunicationError');
    for (const token of tokens) expectNothingOf(token, ports.lines.join('\n'));
  });

  test('expiring credentials are replaced during uploads, once for all of them', async () => {
    const clock = new HandClock();
    const ports = recordedPorts(issuer.environment, clock);
    const settings = roleSettings('', gate.url, {
      role: { arn: seaweed.roleArn('names'), durationMs: 900_000 },
    });
    const source = openCredentials(settings, ports);
    const before = gate.tokens.length;
    const used = new Set<string>();
    const upload = async (name: string): Promise<void> => {
      const credentials = await source();
      used.add(credentials.accessKeyId);
      const objects = s3Objects(seaweed, credentials);
      await objects.write(name, name);
      objects.close();
    };
    await Promise.all(Array.from({ length: 8 }, (_, index) => upload(`first-${index}`)));
    expect({ used: used.size, assumed: gate.tokens.length - before }).toEqual({ used: 1, assumed: 1 });
    clock.advance(11 * 60_000);
    await Promise.all(Array.from({ length: 8 }, (_, index) => upload(`second-${index}`)));
    await expect.poll(() => gate.tokens.length - before).toBe(2);
    await expect.poll(async () => used.add((await source()).accessKeyId).size).toBe(2);
    await Promise.all(Array.from({ length: 8 }, (_, index) => upload(`third-${index}`)));
    expect(used.size).toBe(2);
    expect(new Set(gate.tokens.slice(before)).size).toBe(2);
  });

  test('credentials of an unexpected account end the run, those of the expected one do not', async () => {
    const expecting = (...expectedAccountIds: string[]) =>
      openCredentials(
        roleSettings(seaweed.roleArn('names'), gate.url, { expectedAccountIds }),
        recordedPorts(issuer.environment),
      );
    const error = await errorOf(expecting('210987654321', '310987654321'));
    expect(error).toMatchObject({ name: 'UserError', code: 'input-invalid' });
    for (const account of [seaweed.accountId, '210987654321', '310987654321']) {
      expect(error.message).toContain(account);
    }
    expect((await expecting('210987654321', seaweed.accountId)()).accessKeyId).not.toBe('');

    const { keys } = seaweed;
    const withKeys = (expected: string) =>
      openCredentials(
        { region: 'us-east-1', keys, stsEndpointUrl: gate.url, expectedAccountIds: [expected] },
        recordedPorts({}),
      );
    expect((await errorOf(withKeys('210987654321'))).message).toContain(
      `to the account ${seaweed.accountId}`,
    );
    expect(await withKeys(seaweed.accountId)()).toEqual(keys);
  });

  test('a scoped session policy limits the session to its prefix', async () => {
    const all = s3Objects(seaweed, await assume('names'));
    await all.write('theirs/there', 'theirs');
    const { bucket } = seaweed;
    const sessionPolicy = scopedSessionPolicy({ partition: 'aws', bucket, prefix: 'ours', access: 'write' });
    const role = { arn: seaweed.roleArn('names'), durationMs: 900_000, sessionPolicy };
    const source = openCredentials(roleSettings('', gate.url, { role }), recordedPorts(issuer.environment));
    const scoped = s3Objects(seaweed, source);
    await scoped.write('ours/new', 'bytes');
    expect(await scoped.read('ours/new')).toBe('bytes');
    expect((await errorOf(() => scoped.read('ours/missing'))).name).toBe('NoSuchKey');
    expect((await errorOf(() => scoped.read('theirs/there'))).name).toBe('AccessDenied');
    expect((await errorOf(() => scoped.write('theirs/there', 'x'))).name).toBe('AccessDenied');
  });
});

interface Refused {
  readonly what: string;
  readonly changes: () => TokenChanges;
  readonly says: () => readonly string[];
}
function statusOfAssuming(seaweed: SeaweedServer, token: string): Promise<number> {
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: seaweed.roleArn('names'),
    RoleSessionName: 'replayed',
    WebIdentityToken: token,
  });
  return fetch(seaweed.url, { method: 'POST', body }).then(({ status }) => status);
}
