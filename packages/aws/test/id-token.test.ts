import { createServer } from 'node:http';
import { retrying } from '@slipway/core';
import {
  issuedSubjects,
  type LoopbackServer,
  serveLoopback,
  startTokenIssuer,
  type TokenIssuer,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCredentials } from '../src/credentials.ts';
import { decodeClaims } from '../src/id-claims.ts';
import { fetchIdToken } from '../src/id-token.ts';
import { errorOf, HandClock, recordedPorts } from './support.ts';

const backoff = { baseMs: 250, capMs: 5_000 };

function fetchFrom(environment: Readonly<Record<string, string>>, audience = 'sts.amazonaws.com') {
  const masked: string[] = [];
  const mask = (secret: string): void => void masked.push(secret);
  return { masked, token: () => fetchIdToken({ environment, audience, timeoutMs: 5_000, mask }) };
}

describe('a token of a job', () => {
  let issuer: TokenIssuer;
  beforeAll(async () => {
    issuer = await startTokenIssuer();
  });
  afterAll(() => issuer.close());

  test('is requested with its audience, and masked together with the request token', async () => {
    const { masked, token } = fetchFrom(issuer.environment, 'a b&c=d');
    const got = await token();
    expect(decodeClaims(got)).toMatchObject({ aud: 'a b&c=d', sub: issuedSubjects.names, iss: issuer.url });
    expect(masked).toEqual([issuer.environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'], got]);
  });

  test('also comes from an endpoint without a query', async () => {
    const url = issuer.environment['ACTIONS_ID_TOKEN_REQUEST_URL']?.split('?')[0] ?? '';
    const { token } = fetchFrom({ ...issuer.environment, ACTIONS_ID_TOKEN_REQUEST_URL: url }, 'another');
    expect(decodeClaims(await token())).toMatchObject({ aud: 'another' });
  });

  test('is requested even if the variables end in a line break', async () => {
    const entries = Object.entries(issuer.environment).map(([name, value]) => [name, `${value}\r\n`]);
    expect(decodeClaims(await fetchFrom(Object.fromEntries(entries)).token())).toMatchObject({
      aud: 'sts.amazonaws.com',
    });
  });

  test('I7: is not requested with a token of two lines, which is refused by name', async () => {
    const broken = { ...issuer.environment, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'hunter2\nhunter3' };
    const error = await errorOf(fetchFrom(broken).token);
    expect(error).toMatchObject({ name: 'UserError', code: 'credentials-missing' });
    expect(error.message).toContain(
      'the variable ACTIONS_ID_TOKEN_REQUEST_TOKEN cannot be used: it has 2 lines',
    );
    expect(error.message).not.toContain('hunter');
  });

  test('that may not be requested names the two missing lines', async () => {
    const error = await errorOf(fetchFrom({}).token);
    expect(error).toMatchObject({ name: 'UserError', code: 'credentials-missing' });
    expect(error.hint).toContain('\npermissions:\n  id-token: write\n');
    expect(error.hint).toContain('forks');
  });

  test('is refused for a wrong request token, permanently', async () => {
    const { token } = fetchFrom({ ...issuer.environment, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'not-it' });
    expect(await errorOf(token)).toMatchObject({ code: 'access-denied', retryable: false });
  });

  test.each([429, 500, 502, 503])('is requested again after %d', async (status) => {
    issuer.answerFirst([{ status }, { status }]);
    const { token } = fetchFrom(issuer.environment);
    const clock = new HandClock();
    expect(await retrying({ clock, deadlineMs: 30_000, backoff }, token)).toMatch(/\./);
    expect(clock.sleepsMs).toHaveLength(2);
  });

  test.each([
    ['400', { status: 400 }],
    ['invalid JSON', { status: 200, body: '<html>' }],
    ['JSON without a token', { status: 200, body: '{"count":0}' }],
    ['null', { status: 200, body: 'null' }],
    ['a duplicate key', { status: 200, body: '{"value":"a.b.c","value":"a.b.c"}' }],
    ['an invalid token', { status: 200, body: '{"value":"a.b.c\\n::error::x"}' }],
    ['too much', { status: 200, body: `{"value":"${'a'.repeat(100_000)}.b.c"}` }],
  ])('is not requested again after %s', async (_, answer) => {
    issuer.answerFirst([answer]);
    const error = await errorOf(fetchFrom(issuer.environment).token);
    expect(error).toMatchObject({ code: 'unexpected-response', retryable: false });
    expect(`${error.message}${error.hint}`).not.toMatch(/html|::error|aaaa/);
  });
});

describe('the request token', () => {
  const environment = (url: string) => ({
    ACTIONS_ID_TOKEN_REQUEST_URL: url,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'hunter2-request',
  });

  test.each([
    'http://tokens.example.org/x',
    'ftp://127.0.0.1/',
    'https://user:word@example.org/',
    'nonsense',
  ])('is not sent to %s', async (url) => {
    const error = await errorOf(fetchFrom(environment(url)).token);
    expect(error).toMatchObject({ code: 'credentials-missing' });
    expect(`${error.message}${error.hint}${error.stack}`).not.toContain('hunter2');
  });

  test('is not sent to where an endpoint redirects', async () => {
    const arrived: unknown[] = [];
    const elsewhere = await serveLoopback(async (request, response) => {
      arrived.push(request.headers);
      response.end('{}');
    });
    const endpoint = await serveLoopback(async (_, response) => {
      response.writeHead(302, { location: elsewhere.url }).end();
    });
    const error = await errorOf(fetchFrom(environment(endpoint.url)).token);
    expect(error).toMatchObject({ code: 'unexpected-response', retryable: false });
    expect(arrived).toEqual([]);
    endpoint.close();
    elsewhere.close();
  });
});

describe('an endpoint that breaks the connection', () => {
  let server: LoopbackServer;
  afterAll(() => server.close());

  test('is asked again until the deadline, not longer', async () => {
    server = await serveLoopback(async (request) => void request.socket.resetAndDestroy());
    const { token } = fetchFrom({
      ACTIONS_ID_TOKEN_REQUEST_URL: server.url,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
    });
    const clock = new HandClock(0);
    const error = await errorOf(() => retrying({ clock, deadlineMs: 30_000, backoff }, token));
    expect(error).toMatchObject({ code: 'unreachable', retryable: true });
    expect(clock.sleepsMs.length).toBeGreaterThan(5);
    expect(clock.nowMs()).toBeLessThan(30_000);
  });
});

test('a silent endpoint is not waited for past the deadline', async () => {
  const silent = await serveLoopback(() => new Promise(() => {}));
  const environment = {
    ACTIONS_ID_TOKEN_REQUEST_URL: silent.url,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
  };
  const error = await errorOf(() => fetchIdToken({ environment, audience: 'a', timeoutMs: 100, mask() {} }));
  silent.close();
  expect(error).toMatchObject({ code: 'unreachable', retryable: true });
  expect(error.message).toContain('did not answer in time');
});

test('the proxy from the environment is used for tokens and for STS', async () => {
  const tunnels: string[] = [];
  const proxy = createServer().on('connect', ({ url = '' }, socket) => {
    tunnels.push(url);
    socket.destroy();
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const environment = {
    HTTPS_PROXY: `http://127.0.0.1:${port}`,
    ACTIONS_ID_TOKEN_REQUEST_URL: 'https://tokens.invalid/request',
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
  };
  expect(await errorOf(fetchFrom(environment).token)).toMatchObject({ code: 'unreachable' });
  const keys = { accessKeyId: 'AKIA0', secretAccessKey: 'hunter2' };
  const settings = { region: 'eu-central-1', keys, expectedAccountIds: ['123456789012'] };
  const error = await errorOf(openCredentials(settings, recordedPorts(environment)));
  expect(error).toMatchObject({ name: 'RemoteError' });
  expect(tunnels).toEqual(['tokens.invalid:443', 'sts.eu-central-1.amazonaws.com:443']);
  proxy.close();
});
