import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import type { Clock } from '@slipway/core';
import {
  type DoubledRepository,
  forwardRequest,
  GitHubDouble,
  requestBody,
  serveLoopback,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GitHub, type GitHubOptions, parseAppKey } from '../src/index.ts';

const dispatches = 'POST /repos/{owner}/{repo}/dispatches';
const message = {
  repository: 'acme/site',
  eventType: 'released',
  clientPayload: { slipway: { id: 'message-1' } },
};

let double: GitHubDouble;
let waits: number[];
let nowMs: number;

beforeEach(async () => {
  double = await GitHubDouble.start();
  waits = [];
  nowMs = Date.now();
  addSite();
});
afterEach(() => {
  double.close();
  expect(double.violations).toEqual([]);
});

function addSite(changes: Partial<DoubledRepository> = {}): void {
  double.addRepository({ name: 'acme/site', isPrivate: true, workflows: [{ id: 7 }], ...changes });
}

/** A clock that only advances by sleeping. */
const clock: Clock = {
  nowMs: () => nowMs,
  random: () => 0.5,
  sleep: async (ms) => {
    waits.push(ms);
    nowMs += ms;
  },
};

function open(options: Partial<GitHubOptions> = {}): GitHub {
  return new GitHub({
    apiUrl: double.url,
    clock,
    credentials: { kind: 'token', token: double.addToken() },
    mask: () => {},
    proxyEnvironment: {},
    ...options,
  });
}

const dispatched = () => double.requestsOf(dispatches).length;

async function outcome(github = open()): Promise<Awaited<ReturnType<GitHub['dispatch']>>> {
  return github.dispatch(message);
}

/** The code, message and hint of a refused dispatch. */
async function refusal(github = open()) {
  const result = await outcome(github);
  if (result.kind !== 'refused') throw new Error(`it was ${result.kind}`);
  const { code, message: text, hint } = result.failure;
  return { code, text, hint };
}

describe('a token', () => {
  test('I7: that no header can carry is refused without quoting it, before anything is sent', () => {
    const credentials = { kind: 'token', token: 'hunter2\nhunter3' } as const;
    expect(() => open({ credentials })).toThrow(
      expect.objectContaining({ name: 'UserError', code: 'input-invalid' }),
    );
    expect(() => open({ credentials })).toThrow(/^the token cannot be used: it has 2 lines(?!.*hunter)/);
  });
});

describe('a dispatch', () => {
  test('is accepted', async () => {
    expect(await outcome()).toEqual({ kind: 'accepted' });
    expect(double.events).toMatchObject([{ action: 'released', client_payload: message.clientPayload }]);
    expect(dispatched()).toBe(1);
  });

  const serverErrors = [500, 502, 503, 504].map((status) => ({ status, accepted: true }));
  test.each([...serverErrors, ...serverErrors.map(({ status }) => ({ status, accepted: false }))])(
    'is never sent twice when GitHub answers $status, accepted: $accepted',
    async ({ status, accepted }) => {
      double.faults.push({ accepted, reply: { status, body: { message: 'Server Error' } } });
      expect(await outcome()).toEqual({ kind: 'unknown', reason: `GitHub answers ${status}` });
      expect(dispatched()).toBe(1);
      expect(double.events).toHaveLength(accepted ? 1 : 0);
    },
  );

  test.each([true, false])(
    'is never sent twice when the connection breaks, accepted: %s',
    async (accepted) => {
      double.faults.push({ accepted });
      expect(await outcome()).toMatchObject({
        kind: 'unknown',
        reason: expect.stringContaining('ECONNRESET'),
      });
      expect(dispatched()).toBe(1);
    },
  );

  test('is never sent twice when no answer comes', async () => {
    double.faults.push({ accepted: true, silent: true });
    const result = await outcome(open({ requestTimeoutMs: 2_000 }));
    expect(result).toMatchObject({
      kind: 'unknown',
      reason: expect.stringContaining('did not answer in time'),
    });
    expect(dispatched()).toBe(1);
  });

  test('is sent again when the connection is never made, and fails in the end', async () => {
    const unreachable = await GitHubDouble.start();
    const apiUrl = unreachable.url;
    unreachable.close();
    expect(await refusal(open({ apiUrl }))).toMatchObject({ code: 'unreachable' });
    expect(waits).toHaveLength(4);
  });

  test.each([
    {
      reply: { status: 429, body: { message: 'slow down' }, headers: { 'retry-after': '7' } },
      waitMs: 7_000,
    },
    { reply: { status: 403, body: { message: 'You have exceeded a secondary rate limit' } }, waitMs: 60_000 },
    { reply: { status: 429, body: { message: 'slow down' } }, waitMs: 60_000 },
  ])('is sent again after a rate limit, which did not accept it: $reply', async ({ reply, waitMs }) => {
    double.faults.push({ reply });
    expect(await outcome()).toEqual({ kind: 'accepted' });
    expect(waits).toEqual([waitMs]);
    expect(double.events).toHaveLength(1);
  });

  test('uses the proxy from the environment, and is known to be unsent if that is missing', async () => {
    const passed: string[] = [];
    const proxy = await serveLoopback(async (request, response) => {
      passed.push(request.url ?? '');
      await forwardRequest(double.url, request, await requestBody(request), response);
    });
    const proxyEnvironment = { http_proxy: proxy.url };
    expect(await outcome(open({ proxyEnvironment }))).toEqual({ kind: 'accepted' });
    expect(passed).toEqual([`${double.url}/repos/acme/site/dispatches`]);
    proxy.close();
    expect(await refusal(open({ proxyEnvironment }))).toMatchObject({ code: 'unreachable' });
  });

  test('is never sent over a connection that is not secure', async () => {
    const directory = temporaryDirectory('tls');
    const key = join(directory, 'key.pem');
    const cert = join(directory, 'cert.pem');
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-keyout', key, '-out', cert];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...files, ...subject],
      { stdio: 'ignore' },
    );
    let requests = 0;
    const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => {
      requests += 1;
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const result = await refusal(open({ apiUrl: `https://127.0.0.1:${port}` }));
    server.close();
    expect(result).toMatchObject({ code: 'not-secure', text: expect.stringContaining('SELF_SIGNED') });
    expect([requests, waits]).toEqual([0, []]);
  });

  test("waits for the reset of the primary limit by GitHub's clock", async () => {
    double.clockAheadMs = 3_600_000;
    const headers = {
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(Math.floor(double.nowMs() / 1000) + 90),
    };
    double.faults.push({ reply: { status: 403, body: { message: 'API rate limit exceeded' }, headers } });
    expect(await outcome()).toEqual({ kind: 'accepted' });
    expect(waits[0]).toBeGreaterThan(85_000);
    expect(waits[0]).toBeLessThan(95_000);
  });

  test('fails if a rate limit exceeds its patience', async () => {
    double.faults.push({
      reply: { status: 429, body: { message: 'later' }, headers: { 'retry-after': '3600' } },
    });
    expect(await refusal()).toMatchObject({ code: 'rate-limited', text: expect.stringContaining('for 1 h') });
    expect(dispatched()).toBe(1);
  });

  const words = (code: string, status: number, text: string, headers?: Record<string, string>) => ({
    code,
    reply: { status, body: { message: text }, ...(headers === undefined ? {} : { headers }) },
  });
  test.each([
    words('token-refused', 401, 'Bad credentials'),
    words('token-not-authorized', 403, 'Resource protected by organization SAML enforcement.', {
      'x-github-sso': 'required; url=https://github.com/orgs/acme/sso',
    }),
    words('address-not-allowed', 403, 'the `acme` organization has an IP allow list enabled'),
    words('forbidden', 403, 'Resource not accessible by personal access token'),
    words('archived', 403, 'Repository was archived so is read-only.'),
    words('payload-refused', 422, 'client_payload is too large.'),
    words('unexpected-answer', 418, 'short and stout'),
  ])('recognises $code in the answer, and is not sent again', async ({ code, reply }) => {
    double.faults.push({ reply });
    const result = await refusal();
    expect(result).toMatchObject({ code, text: expect.stringContaining(String(reply.status)) });
    expect(dispatched()).toBe(1);
    expect(waits).toEqual([]);
  });

  test('explains a 404, which has three causes', async () => {
    const github = open({
      credentials: { kind: 'token', token: double.addToken({ repositories: ['acme/app'] }) },
    });
    const result = await refusal(github);
    expect(result.code).toBe('not-found');
    expect(result.hint).toContain('contents: write');
    expect(result.hint).toContain('GITHUB_TOKEN');
    expect(result.hint).toContain('acme/site is misspelled');
  });

  test.each([
    ['classic', 'not-found'],
    ['fine-grained', 'forbidden'],
  ] as const)('fails for a %s token that may only read', async (kind, code) => {
    const token = double.addToken({ kind, permissions: { contents: 'read' } });
    expect(await refusal(open({ credentials: { kind: 'token', token } }))).toMatchObject({ code });
  });

  test.each([
    [{ archived: true }, 'archived'],
    [{ movedTo: 'acme/website' }, 'moved'],
  ])('fails for a repository with %s', async (changes, code) => {
    addSite(changes);
    expect(await refusal()).toMatchObject({ code });
    expect(double.events).toEqual([]);
  });

  test("turns no message of GitHub's into a workflow command (I8)", async () => {
    double.faults.push({ reply: { status: 403, body: { message: 'no\n::error::owned' } } });
    const { text } = await refusal();
    expect(text).not.toMatch(/\n|::/);
  });
});

describe('a GitHub App', () => {
  const site = {
    id: 42,
    repositories: ['acme/site'],
    permissions: { contents: 'write', actions: 'read' },
  } as const;

  async function openApp(
    installation: Parameters<GitHubDouble['addApp']>[0][number] = site,
    by: 'appId' | 'clientId' = 'appId',
  ) {
    const app = await double.addApp([installation]);
    const masked: string[] = [];
    const github = open({
      credentials: { kind: 'app', appId: app[by], privateKey: app.privateKey },
      mask: (secret) => void masked.push(secret),
    });
    return { github, masked, app };
  }

  test.each(['appId', 'clientId'] as const)(
    'is identified by its %s, and its tokens reach one repository',
    async (by) => {
      const { app, github, masked } = await openApp(site, by);
      expect(await outcome(github)).toEqual({ kind: 'accepted' });
      const [made] = double.requestsOf('POST /app/installations/{installation_id}/access_tokens');
      expect(made?.body).toEqual({
        repositories: ['site'],
        permissions: { contents: 'write', actions: 'read' },
      });
      expect(double.mintedTokens).toHaveLength(1);
      // GitHub issues keys in PKCS #1; octokit gets PKCS #8, whose lines differ.
      expect(masked).toEqual([parseAppKey(app.privateKey), ...double.mintedTokens]);
    },
  );

  test('reuses a token, and replaces it before it expires', async () => {
    const { github } = await openApp();
    await outcome(github);
    await github.findRuns('acme/site', 'message-1', nowMs - 60_000);
    expect(double.mintedTokens).toHaveLength(1);
    nowMs += 56 * 60_000;
    await github.findRuns('acme/site', 'message-1', nowMs - 3_600_000 * 2);
    expect(double.mintedTokens).toHaveLength(2);
  });

  test.each([3_600_000, -3_600_000])('survives a clock that is wrong by %s ms', async (aheadMs) => {
    double.clockAheadMs = aheadMs;
    const { github } = await openApp();
    expect(await outcome(github)).toEqual({ kind: 'accepted' });
  });

  test('reports a missing permission to read runs', async () => {
    const { github } = await openApp({ ...site, permissions: { contents: 'write' } });
    expect(await outcome(github)).toEqual({ kind: 'accepted' });
    expect(await github.findRuns('acme/site', 'message-1', nowMs)).toMatchObject({
      kind: 'not-allowed',
      reason: expect.stringContaining('actions: read'),
    });
  });

  test.each([
    ['is not installed', { ...site, repositories: ['acme/other'] }, 'app-not-installed'],
    ['may not write', { ...site, permissions: { contents: 'read' } as const }, 'app-permission-missing'],
    ['is suspended', { ...site, suspended: true }, 'app-permission-missing'],
  ])('that %s is reported as such', async (_, installation, code) => {
    const { github } = await openApp(installation);
    expect(await refusal(github)).toMatchObject({ code });
    expect(dispatched()).toBe(0);
  });

  test('with the key of another app is reported without quoting the key (I7)', async () => {
    const { app } = await openApp();
    const other = await GitHubDouble.start();
    const { privateKey } = await other.addApp([]);
    other.close();
    const result = await refusal(open({ credentials: { kind: 'app', appId: app.appId, privateKey } }));
    expect(result.code).toBe('app-not-found');
    for (const line of privateKey.split('\n').slice(1, -2))
      expect(JSON.stringify(result)).not.toContain(line);
  });

  test('is asked again if a token is too new to be known, or creating one fails', async () => {
    const { github } = await openApp();
    double.faults.push(
      {
        on: 'POST /app/installations/{installation_id}/access_tokens',
        reply: { status: 502, body: { message: 'x' } },
      },
      { on: dispatches, reply: { status: 401, body: { message: 'Bad credentials' } } },
    );
    expect(await outcome(github)).toEqual({ kind: 'accepted' });
    expect(double.events).toHaveLength(1);
  });
});

describe('runs of a message', () => {
  test('are found by their title, on every page, once they are listed', async () => {
    addSite({
      workflows: [{ id: 7, runName: ({ client_payload }) => `Take ${String(client_payload['id'])} over` }],
    });
    const github = open();
    for (let number = 0; number < 230; number += 1) {
      await github.dispatch({ ...message, clientPayload: { id: `message-${number}` } });
    }
    const found = await github.findRuns('acme/site', 'message-3', nowMs - 3_600_000);
    expect(found).toMatchObject({
      kind: 'found',
      runs: [{ title: 'Take message-3 over', status: 'queued' }],
    });
    expect(double.requestsOf('GET /repos/{owner}/{repo}/actions/runs')).toHaveLength(3);
  });

  test('are requested again after a failure, because that is harmless', async () => {
    const reply = { status: 502, body: { message: 'Server Error' } };
    double.faults.push({ reply }, {}, { reply });
    expect(await open().findRuns('acme/site', 'message-1', nowMs)).toEqual({ kind: 'found', runs: [] });
    expect(waits).toHaveLength(3);
  });
});
