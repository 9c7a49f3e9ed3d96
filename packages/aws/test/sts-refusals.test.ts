import {
  type StsGate,
  serveLoopback,
  startStsGate,
  startTokenIssuer,
  type TokenIssuer,
} from '@slipway/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openCredentials } from '../src/credentials.ts';
import type { RoleSettings } from '../src/settings.ts';
import { errorOf, expectNothingOf, HandClock, recordedPorts, roleSettings } from './support.ts';

const roleArn = 'arn:aws:iam::123456789012:role/publish';

describe('an STS that refuses', () => {
  let issuer: TokenIssuer;
  let sts: StsGate;
  beforeAll(async () => {
    issuer = await startTokenIssuer();
    sts = await startStsGate(undefined);
  });
  afterAll(() => {
    issuer.close();
    sts.close();
  });
  beforeEach(() => issuer.change({}));

  const assume = async (role: Partial<RoleSettings> = {}, stsUrl = sts.url) => {
    const clock = new HandClock();
    const ports = recordedPorts(issuer.environment, clock);
    const settings = roleSettings('', stsUrl, { role: { arn: roleArn, durationMs: 3_600_000, ...role } });
    const error = await errorOf(openCredentials(settings, ports));
    return { error, clock, ports, shown: `${error.message}\n${error.hint}` };
  };

  test.each([
    ['secretAccessKey', 'it has 2 lines', { SecretAccessKey: 'hunter2\nhunter3' }],
    ['sessionToken', 'it has a space', { SessionToken: 'hunter2 hunter3' }],
    ['accessKeyId', 'it has a character beyond ASCII', { AccessKeyId: 'ASIAÜ' }],
  ])(
    'I7: or returns an %s that no request can carry is reported once, without quoting it',
    async (name, words, bad) => {
      let asked = 0;
      const given = { AccessKeyId: 'ASIA1', SecretAccessKey: 'hunter4', SessionToken: 'hunter5', ...bad };
      const fields = Object.entries(given).map(([field, value]) => `<${field}>${value}</${field}>`);
      const server = await serveLoopback(async (_, response) => {
        asked += 1;
        response.writeHead(200, { 'content-type': 'text/xml' });
        response.end(
          `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>${fields.join('')}<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
        );
      });
      const { error, shown, ports } = await assume({}, server.url);
      server.close();
      expect(error).toMatchObject({ name: 'RemoteError', code: 'credentials-refused', retryable: false });
      expect(error.message).toContain(
        `The ${name} of the credentials that STS at ${new URL(server.url).host} gave cannot be used: ${words}`,
      );
      expect(`${shown}${error.stack}${ports.lines.join('')}`).not.toContain('hunter');
      expect(asked).toBe(1);
    },
  );

  test.each([
    ['AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 'sub: repo:example-org/'],
    [
      'InvalidIdentityToken',
      'No OpenIDConnect provider found in your account',
      'needs an OpenID Connect provider',
    ],
    ['ExpiredTokenException', 'Token expired', "The token's claims:"],
    ['IDPRejectedClaim', 'rejected', 'needs an OpenID Connect provider'],
    ['MalformedPolicyDocument', 'Syntax errors in policy', 'session-policy: none'],
    ['PackedPolicyTooLarge', 'Packed policy consumes 101%', 'use a shorter prefix'],
    ['ValidationError', 'The requested DurationSeconds exceeds', 'MaxSessionDuration'],
    ['RegionDisabledException', 'STS is not activated in this region', 'use another aws-region'],
  ])('with %s is asked once, and explained', async (code, message, words) => {
    sts.answerFirst([{ status: 400, code, message }]);
    const before = sts.tokens.length;
    const { error, clock, shown } = await assume();
    expect(error).toMatchObject({ name: 'RemoteError', code: 'credentials-refused', retryable: false });
    expect(error.message).toContain(`STS does not let ${roleArn} be assumed (`);
    expect(error.message).toContain(message);
    expect(shown).toContain(words);
    expect({ asked: sts.tokens.length - before, waited: clock.sleepsMs }).toEqual({ asked: 1, waited: [] });
    expectNothingOf(sts.tokens.at(-1), `${shown}${error.stack}`);
  });

  test('is explained with the claims, both forms of sub, and a trust policy to copy', async () => {
    issuer.change({ subject: 'numbers', claims: { environment: 'publishing' } });
    const { shown } = await assume();
    expect(shown).toContain('  repository: example-org/binaries\n');
    expect(shown).toContain('  environment: publishing\n');
    expect(shown).toContain('the job has the environment "publishing"');
    expect(shown).toContain('created or renamed since 2026-07-15');
    const policy = JSON.parse(shown.slice(shown.indexOf('\n{') + 1));
    const provider = issuer.url.replace('http://', '');
    expect(policy.Statement[0]).toMatchObject({
      Principal: { Federated: `arn:aws:iam::123456789012:oidc-provider/${provider}` },
      Condition: {
        StringEquals: {
          [`${provider}:sub`]: 'repo:example-org@1234567/binaries@987654321:ref:refs/heads/main',
        },
      },
    });
  });

  test('says of pull requests that their sub names no branch', async () => {
    issuer.change({ claims: { event_name: 'pull_request', environment: undefined } });
    expect((await assume()).shown).toContain('the run is for a pull request');
  });

  test('I7: and repeats the token has it removed from its message', async () => {
    const echo = await serveLoopback(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const token = new URLSearchParams(Buffer.concat(chunks).toString()).get('WebIdentityToken');
      response.writeHead(400, { 'content-type': 'text/xml' });
      response.end(
        `<ErrorResponse><Error><Code>AccessDenied</Code><Message>bad ${token}</Message></Error></ErrorResponse>`,
      );
    });
    const { error, shown } = await assume({}, echo.url);
    echo.close();
    expect(error.message).toContain('bad ***');
    expectNothingOf(issuer.issued.at(-1), `${shown}${error.stack}`);
  });

  test('I8: with hostile words has them made printable', async () => {
    sts.answerFirst([
      { status: 403, code: 'AccessDenied', message: 'a\n::error::b\u001b[31m'.padEnd(9_000, 'x') },
    ]);
    const { error } = await assume();
    expect(error.message).not.toMatch(/\n|\u001b|^\s*::/);
    expect(error.message.length).toBeLessThan(1_500);
  });

  test.each(['ServiceUnavailable', 'IDPCommunicationError', 'ThrottlingException', 'RequestLimitExceeded'])(
    'temporarily (%s) is asked for about half a minute, each time with a new token',
    async (code) => {
      sts.answerAlways({ status: code === 'ServiceUnavailable' ? 503 : 400, code, message: 'later' });
      const before = sts.tokens.length;
      const { error, clock } = await assume();
      sts.answerAlways(undefined);
      expect(error).toMatchObject({ code: 'store-failed', retryable: false });
      const tokens = sts.tokens.slice(before);
      expect(tokens.length).toBeGreaterThan(5);
      expect(new Set(tokens).size).toBe(tokens.length);
      const waitedMs = clock.sleepsMs.reduce((total, ms) => total + ms, 0);
      expect(waitedMs).toBeGreaterThan(20_000);
      expect(waitedMs).toBeLessThan(30_000);
    },
  );

  test('the connection is retried, and then reported as unreachable', async () => {
    const broken = await serveLoopback(async (request) => void request.socket.resetAndDestroy());
    const { error, clock } = await assume({}, broken.url);
    broken.close();
    expect(error).toMatchObject({ code: 'unreachable', retryable: false });
    expect(clock.sleepsMs.length).toBeGreaterThan(5);
  });

  test('inside a 200 gives no credentials', async () => {
    const inside = await serveLoopback(async (_, response) => {
      response.writeHead(200, { 'content-type': 'text/xml' });
      response.end(
        '<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>',
      );
    });
    const { error } = await assume({}, inside.url);
    inside.close();
    expect(error).toMatchObject({ retryable: false });
    expect(['unexpected-response', 'credentials-refused', 'access-denied']).toContain(error.code);
  });

  test('to be one, and answers HTML, is not mistaken for STS', async () => {
    const web = await serveLoopback(async (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html><p>Hello</html>');
    });
    const { error } = await assume({}, web.url);
    web.close();
    expect(error).toMatchObject({ code: 'unexpected-response' });
    expect(error.hint).toContain('sts-endpoint-url');
  });
});
