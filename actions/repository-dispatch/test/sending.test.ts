import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkSignature, parseEnvelope } from '@slipway/dispatch-payload';
import { parseAppKey } from '@slipway/github';
import { failureOf, GitHubDouble, runAction } from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { action } from '../src/action.ts';
import {
  artifacts,
  dispatches,
  idOf,
  jobEnvironment,
  quickClock,
  receiver,
  runs,
  secret,
  workspace,
} from './dispatching.ts';

let double: GitHubDouble;
let clock: ReturnType<typeof quickClock>;
let directory: string;

beforeEach(async () => {
  double = await GitHubDouble.start();
  clock = quickClock();
  directory = workspace();
  for (const name of ['acme/site', 'acme/mirror'])
    double.addRepository(receiver(name, { conclusion: 'success' }));
});
afterEach(() => {
  double.close();
  expect(double.violations).toEqual([]);
});

function run(
  inputs: Readonly<Record<string, string>> = {},
  environment: Readonly<Record<string, string>> = {},
) {
  const given = {
    targets: 'acme/site',
    'event-type': 'app-released',
    'signing-secret': secret,
    token: double.addToken(),
    ...inputs,
  };
  return runAction(action, given, {
    clock,
    workDirectory: directory,
    environment: { ...jobEnvironment(double), ...environment },
  });
}

const again = { GITHUB_RUN_ATTEMPT: '2' };
const sent = (target?: string): number =>
  double
    .requestsOf(dispatches)
    .filter(({ parameters }) => target === undefined || target === `acme/${parameters['repo']}`).length;
const serverError = (status: number) => ({ status, body: { message: 'Server Error' } });

describe('variables and tokens', () => {
  test('may end in a line break, as pasted secrets do', async () => {
    const url = `${double.url}\r\n`;
    const environment = { GITHUB_API_URL: url, GITHUB_REPOSITORY: 'acme/app\n', HTTP_PROXY: '\n' };
    const result = await run({ token: `${double.addToken()}\r\n` }, environment);
    expect(result.failure).toBeUndefined();
    expect(sent('acme/site')).toBe(1);
  });

  test('I7: with a line break inside are refused by name, and nothing is sent', async () => {
    const failure = await failureOf(run({ token: 'hunter2\nhunter3' }));
    expect(failure).toMatchObject({ name: 'UserError', code: 'input-invalid' });
    expect(failure.message).toMatch(/^input "token" cannot be used: it has 2 lines(?!.*hunter)/);
    const proxy = await failureOf(run({}, { HTTP_PROXY: 'http://user:hunter2\n@127.0.0.1:1' }));
    expect(proxy).toMatchObject({ name: 'UserError', code: 'input-invalid' });
    expect(proxy.message).toMatch(/^the variable HTTP_PROXY cannot be used(?!.*hunter)/);
    expect(sent()).toBe(0);
  });
});

describe('outside of GitHub', () => {
  const outside = {
    GITHUB_REPOSITORY: '',
    GITHUB_SHA: '',
    GITHUB_REF: '',
    GITHUB_RUN_ID: '',
    GITHUB_RUN_ATTEMPT: '',
  };
  const source = {
    'source-repository': 'acme/app',
    'source-commit': 'c'.repeat(40),
    'source-ref': 'refs/tags/v1.4.0',
    'release-version': '1.4.0',
  };

  test('the same message has the same id, and is not sent twice', async () => {
    const first = await run(source, outside);
    expect(first.outputs).toMatchObject({ sent: 1 });
    expect(double.events[0]?.client_payload['slipway']).toMatchObject({
      source: { repository: 'acme/app' },
      commit: 'c'.repeat(40),
      ref: 'refs/tags/v1.4.0',
    });
    const second = await run(source, outside);
    expect(second.outputs['ids']).toBe(first.outputs['ids']);
    expect(JSON.parse(String(second.outputs['results']))).toMatchObject([{ status: 'already-sent' }]);
    expect(sent()).toBe(1);
    const other = await run({ ...source, 'release-version': '1.4.1' }, outside);
    expect(other.outputs['ids']).not.toBe(first.outputs['ids']);
    expect(sent()).toBe(2);
  });

  test('a missing source repository is reported with the name of the input', async () => {
    expect((await failureOf(run({}, outside))).message).toMatch(
      /^source-repository is not given and GITHUB_REPOSITORY is not set: /,
    );
    expect((await failureOf(run({ ...source, 'source-commit': 'c0ffee' }, outside))).message).toContain(
      '"source-commit" cannot be "c0ffee": must be a full commit ID',
    );
    expect(sent()).toBe(0);
  });
});

describe('repositories are notified', () => {
  test('of an event type with spaces, as GitHub accepts it', async () => {
    double.addRepository({
      ...receiver('acme/spaced', { conclusion: 'success' }),
      workflows: [{ id: 8, runName: (event) => `Take ${idOf(event)}`, eventTypes: ['app released'] }],
    });
    const result = await run({ targets: 'acme/spaced', 'event-type': 'app released' });
    expect(result.failure).toBeUndefined();
    expect(double.requestsOf(dispatches)[0]?.body).toMatchObject({ event_type: 'app released' });
  });

  test('unless a commit message with a line break breaks the payload: its key and place are reported', async () => {
    const payload = '{\n  "message": "Merge\n\nA second line"\n}';
    const failure = await failureOf(run({ payload, 'payload-file': 'broken.json' }));
    expect(failure.message).toContain(
      'input "payload": it is not JSON: the text of "message" has a line break (write it as \\n) or no closing quotation mark (line 2, column 20). Insert text',
    );
    expect(failure.message).toContain('toJSON(');
    writeFileSync(join(directory, 'broken.json'), payload);
    expect((await failureOf(run({ 'payload-file': 'broken.json' }))).message).toContain(
      '(line 2, column 20)',
    );
    expect(sent()).toBe(0);
  });

  test('each with its own signed message, from the inputs and the run', async () => {
    const result = await run({
      targets: 'acme/site\nacme/mirror',
      payload: '{"channel":"stable"}',
      'payload-file': 'payload.json',
      fields: 'notes=Grüße',
      artifacts: 'artifacts.json',
      'release-version': '1.4.0',
    });
    expect(result.failure).toBeUndefined();
    expect(result.outputs).toMatchObject({ sent: 2, failed: '', unknown: '', conclusion: '' });
    expect(double.events.map(({ repository }) => repository.full_name).sort()).toEqual([
      'acme/mirror',
      'acme/site',
    ]);
    for (const { action: type, client_payload: payload, repository } of double.events) {
      expect(type).toBe('app-released');
      const { slipway, ...own } = payload;
      expect(own).toEqual({ channel: 'stable', flags: { beta: false }, notes: 'Grüße' });
      const parsed = parseEnvelope(slipway);
      if ('problems' in parsed) throw new Error(parsed.problems.join('; '));
      expect(parsed.envelope).toMatchObject({
        event: 'app-released',
        audience: repository.full_name,
        version: '1.4.0',
        commit: 'b'.repeat(40),
        ref: 'refs/tags/v1.4.0',
        source: {
          repository: 'acme/app',
          runId: '4711',
          runAttempt: 1,
          runUrl: 'https://github.example.org/acme/app/actions/runs/4711',
        },
      });
      const rules = { secrets: [secret], verifyClearSigned: undefined, allowUnsigned: false };
      expect((await checkSignature(payload, parsed.signature, rules)).refusals).toEqual([]);
      // No paths of this machine, and nothing from the store.
      const [{ path: _path, key: _key, ...file } = { path: '', key: '' }] = artifacts;
      expect(parsed.envelope.artifacts).toEqual([file]);
      expect(JSON.stringify(payload)).not.toMatch(/dist\/|downloads\/app/);
    }
  });

  test('without a signature only when that is allowed, with a warning', async () => {
    const result = await run({ 'signing-secret': '', 'allow-unsigned': 'true' });
    expect(result.problems).toMatchObject([{ code: 'unsigned', severity: 'warning' }]);
    expect(double.events[0]?.client_payload['slipway']).not.toHaveProperty('signature');
  });

  test('not at all by a dry run, which prints the payload', async () => {
    const result = await run({
      'dry-run': 'true',
      payload: '{"channel":"stable"}',
      token: '',
      'signing-secret': '',
    });
    expect(double.requests).toEqual([]);
    expect(result.log.join('\n')).toContain('"channel": "stable"');
    expect(JSON.parse(String(result.outputs['results']))).toMatchObject([
      { target: 'acme/site', status: 'planned' },
    ]);
  });

  test('and a dry run logs names, sizes and keys, but not where links lead', async () => {
    const link = 'https://downloads.example.org/41234/secret-path/app.zip';
    const artifact = { name: 'app.zip', sizeBytes: 12_345, sha256: 'a'.repeat(64), url: link };
    writeFileSync(join(directory, 'linked.json'), JSON.stringify([artifact]));
    const result = await run({
      'dry-run': 'true',
      artifacts: 'linked.json',
      payload: JSON.stringify({ note: `get it "here": ${link}, HTTPS://x/secret-path`, list: [link] }),
    });
    const log = result.log.join('\n');
    expect(log).not.toContain('secret-path');
    expect(log).toContain(`"url": "(hidden link, ${link.length} characters)"`);
    for (const shown of [
      '"app.zip"',
      '12345',
      'a'.repeat(64),
      '"note": "get it',
      '"runUrl": "https://github',
    ])
      expect(log).toContain(shown);
    expect(JSON.stringify(result.summary)).not.toContain('secret-path');
    const report = result.files.find(({ output }) => output === 'report');
    expect(String(report?.contents)).toContain(link);
  });
});

describe('a failure of one target does not affect the others', () => {
  test('and is reported by target, so that only failed ones are tried again', async () => {
    double.addRepository(receiver('acme/mirror', { archived: true }));
    const targets = 'acme/none\nacme/site\nacme/mirror';
    const first = await run({ targets });
    expect(first.failure).toMatchObject({
      code: 'dispatch-failed',
      message: expect.stringContaining('2 of 3 targets were not notified'),
    });
    expect(first.outputs).toMatchObject({ sent: 1, failed: 'acme/none\nacme/mirror', unknown: '' });
    expect(first.problems.map(({ code, key }) => `${code} ${key}`)).toEqual([
      'not-found acme/none',
      'archived acme/mirror',
    ]);
    expect(JSON.stringify(first.summary)).toContain('acme/none');
    for (const name of ['acme/none', 'acme/mirror']) double.addRepository(receiver(name));
    const second = await run({ targets: String(first.outputs['failed']) }, again);
    expect(second.failure).toBeUndefined();
    expect(double.events.map(({ repository }) => repository.full_name)).toEqual([
      'acme/site',
      'acme/none',
      'acme/mirror',
    ]);
  });
});

describe('nothing is blindly sent twice', () => {
  const faults = [500, 502, 503].flatMap((status) => [
    {
      name: `${status} and it was accepted`,
      fault: { on: dispatches, accepted: true, reply: serverError(status) },
    } as const,
    {
      name: `${status} and it was not accepted`,
      fault: { on: dispatches, accepted: false, reply: serverError(status) },
    } as const,
  ]);
  const all = [
    ...faults,
    {
      name: 'a connection that breaks after it was accepted',
      fault: { on: dispatches, accepted: true },
    } as const,
    {
      name: 'a connection that breaks before it was accepted',
      fault: { on: dispatches, accepted: false },
    } as const,
  ];

  test.each(all)('after $name: it is recognised by its run, or reported as unknown', async ({ fault }) => {
    double.faults.push(fault);
    const result = await run();
    expect(sent()).toBe(1);
    if (fault.accepted) {
      expect(result.failure).toBeUndefined();
      expect(JSON.parse(String(result.outputs['results']))).toMatchObject([
        { status: 'sent', runUrl: expect.stringContaining('/runs/') },
      ]);
    } else {
      expect(result.failure?.code).toBe('dispatch-failed');
      expect(result.outputs).toMatchObject({ sent: 0, failed: 'acme/site', unknown: 'acme/site' });
      expect(result.problems).toMatchObject([
        { code: 'outcome-unknown', hint: expect.stringContaining('again') },
      ]);
    }
  });

  test.each(all)('after $name, if the token may not read runs', async ({ fault }) => {
    double.faults.push(fault);
    const token = double.addToken({ kind: 'fine-grained', permissions: { contents: 'write' } });
    const result = await run({ token });
    expect(sent()).toBe(1);
    expect(result.outputs).toMatchObject({ unknown: 'acme/site' });
  });

  test('and a run that is listed late is found', async () => {
    double.runDelayMs = 20_000;
    double.faults.push({ on: dispatches, accepted: true, reply: serverError(502) });
    const { nowMs } = clock;
    double.nowMs = nowMs;
    const result = await run();
    expect(result.failure).toBeUndefined();
    expect(sent()).toBe(1);
    expect(clock.waits.length).toBeGreaterThanOrEqual(4);
  });

  test('but the same message is, if the receiver drops repeats', async () => {
    double.addRepository(receiver('acme/site', { workflows: [] }));
    double.faults.push(
      { on: dispatches, accepted: true, reply: serverError(502) },
      { on: dispatches, accepted: false },
    );
    const result = await run({ 'resend-unknown': 'true' });
    expect(result.failure).toBeUndefined();
    expect(sent()).toBe(3);
    expect(new Set(double.events.map(idOf)).size).toBe(1);
    expect(double.events).toHaveLength(2);
  });

  test('and it gives up after three times', async () => {
    for (let count = 0; count < 9; count += 1)
      double.faults.push({ on: dispatches, reply: serverError(500) });
    const result = await run({ 'resend-unknown': 'true' });
    expect(result.outputs).toMatchObject({ unknown: 'acme/site' });
    expect(sent()).toBe(3);
  });

  test('what was refused after it was unknown stays unknown', async () => {
    double.faults.push(
      { on: dispatches, reply: serverError(500) },
      { on: dispatches, reply: { status: 403, body: { message: 'no' } } },
    );
    const result = await run({ 'resend-unknown': 'true' });
    expect(result.outputs).toMatchObject({ unknown: 'acme/site' });
  });

  test('by the same run again: it finds what the receiver has', async () => {
    const first = await run();
    const second = await run({}, again);
    expect(sent()).toBe(1);
    expect(second.outputs['ids']).toBe(first.outputs['ids']);
    expect(JSON.parse(String(second.outputs['results']))).toMatchObject([{ status: 'already-sent' }]);
    expect(second.outputs['sent']).toBe(1);
  });

  test('by the same run again if runs cannot be read: the same message, which the receiver drops', async () => {
    const token = double.addToken({ kind: 'fine-grained', permissions: { contents: 'write' } });
    await run({ token });
    await run({ token }, again);
    expect(double.events).toHaveLength(2);
    expect(new Set(double.events.map(idOf)).size).toBe(1);
  });

  test('but another run, and another id, are a new message', async () => {
    await run();
    await run({}, { GITHUB_RUN_ID: '4712' });
    await run({ id: 'by-hand-2' });
    expect(new Set(double.events.map(idOf)).size).toBe(3);
  });

  test('and a run that failed there is reported, because it is not started again from here', async () => {
    double.addRepository(receiver('acme/site', { conclusion: 'failure' }));
    await run();
    const second = await run({}, again);
    expect(second.failure).toBeUndefined();
    expect(second.problems).toMatchObject([{ code: 'earlier-run-failed', severity: 'warning' }]);
  });
});

describe('wait', () => {
  test.each([
    ['success', undefined],
    ['failure', 'receiver-failed'],
    ['cancelled', 'receiver-failed'],
  ])("returns the conclusion %s of the receiver's run", async (conclusion, code) => {
    double.addRepository(receiver('acme/site', { conclusion }));
    const result = await run({ wait: 'true' });
    expect(result.outputs).toMatchObject({
      conclusion,
      'run-urls': expect.stringContaining('/acme/site/actions/runs/'),
    });
    expect(result.failure?.code).toBe(code);
    expect(sent()).toBe(1);
  });

  test('waits for a run that is listed late and takes its time', async () => {
    double.nowMs = clock.nowMs;
    double.runDelayMs = 30_000;
    let end: (conclusion: string) => void = () => {};
    const work = new Promise<string>((resolve) => {
      end = resolve;
    });
    double.addRepository(receiver('acme/site', { workflows: [{ id: 7, runName: idOf, run: () => work }] }));
    const { sleep } = clock;
    clock.sleep = async (ms) => {
      await sleep(ms);
      if (clock.waits.length === 12) end('success');
      await new Promise((resolve) => setImmediate(resolve));
    };
    const result = await run({ wait: 'true' });
    expect(result.outputs['conclusion']).toBe('success');
    expect(clock.waits.length).toBeGreaterThanOrEqual(12);
    expect(result.log.some((line) => line.includes('waiting for'))).toBe(true);
  });

  test('ends at its deadline', async () => {
    double.addRepository(receiver('acme/site'));
    const result = await run({ wait: 'true', 'wait-deadline': '5m' });
    expect(result.failure).toMatchObject({
      code: 'receiver-failed',
      message: expect.stringContaining('run-not-ended'),
    });
    expect(result.outputs['conclusion']).toBe('deadline');
  });

  test('explains what a receiver needs if its run is not found', async () => {
    double.addRepository({ name: 'acme/site', isPrivate: true, workflows: [{ id: 7 }] });
    const result = await run({ wait: 'true', 'wait-deadline': '2m' });
    expect(result.problems).toMatchObject([
      { code: 'run-not-seen', hint: expect.stringMatching(/default branch.*run-name/) },
    ]);
  });

  test('fails immediately if the token may not read runs', async () => {
    const token = double.addToken({ kind: 'fine-grained', permissions: { contents: 'write' } });
    const result = await run({ wait: 'true', token });
    expect(result.problems).toMatchObject([
      { code: 'runs-not-readable', message: expect.stringContaining('actions: read') },
    ]);
    expect(clock.waits).toEqual([]);
  });

  test('continues after failures of the list', async () => {
    double.faults.push(...Array.from({ length: 12 }, () => ({ on: runs, reply: serverError(503) }) as const));
    const result = await run({ wait: 'true' });
    expect(result.outputs['conclusion']).toBe('success');
  });

  test('is not a success if another target was not notified', async () => {
    const result = await run({ wait: 'true', targets: 'acme/site\nacme/none' });
    expect(result.outputs['conclusion']).toBe('failed');
  });
});

test('a GitHub App sends with a token for each target, which is masked (I7)', async () => {
  const app = await double.addApp([
    {
      id: 1,
      repositories: ['acme/site', 'acme/mirror'],
      permissions: { contents: 'write', actions: 'read' },
    },
  ]);
  const result = await run({
    targets: 'acme/site\nacme/mirror\nacme/none',
    token: '',
    'app-id': app.clientId,
    'app-private-key': app.privateKey,
    wait: 'true',
  });
  expect(result.outputs).toMatchObject({ sent: 2, failed: 'acme/none' });
  expect(result.problems).toMatchObject([{ code: 'app-not-installed', key: 'acme/none' }]);
  expect(double.mintedTokens).toHaveLength(2);
  // Besides the tokens, the key in the form used for signing, whose lines differ from those of the .pem file.
  const key = parseAppKey(app.privateKey);
  expect([...result.masked].sort()).toEqual([key, ...double.mintedTokens].sort());
});

describe('the inputs', () => {
  test('are refused with everything that is wrong with them at once', async () => {
    writeFileSync(join(directory, 'bad.json'), '[1,{"name":"../x","sizeBytes":1,"sha256":""}]');
    const failure = await failureOf(
      run({
        targets: 'acme',
        'event-type': 'zwei Wörter',
        payload: '[]',
        'payload-file': 'missing.json',
        fields: 'x',
        artifacts: 'bad.json',
        id: 'x',
        'expires-in': '1s',
        'signing-secret': 'short',
        'api-url': 'http://api.example.org',
      }),
    );
    for (const name of [
      'targets',
      'event-type',
      'payload',
      'payload-file',
      'fields',
      'artifacts',
      'id',
      'expires-in',
      'signing-secret',
      'api-url',
    ]) {
      expect(failure.message).toMatch(new RegExp(`input "${name}"`));
    }
    expect(double.requests).toEqual([]);
  });

  test.each([
    [{ 'signing-secret': '' }, 'neither signing-secret nor signing-key'],
    [{ token: '' }, 'neither token nor app-id'],
    [{ token: '', 'app-id': '1' }, 'give both'],
    [{ 'app-id': '1' }, 'token and a GitHub App are given'],
    [{ passphrase: 'x' }, 'passphrase is given, but no signing-key'],
    [{ 'signing-key': 'x' }, 'give one of them'],
  ])('%j: %s', async (inputs, words) => {
    expect((await failureOf(run(inputs))).message).toContain(words);
  });

  test('a token is never sent to an insecure API', async () => {
    const failure = await failureOf(run({}, { GITHUB_API_URL: 'http://api.example.org' }));
    expect(failure.message).toContain('GITHUB_API_URL cannot be "http://api.example.org"');
  });
});

describe('saved messages', () => {
  test('are what is sent, signature included, readable only by this user', async () => {
    await run({ targets: 'acme/site\nacme/mirror', 'messages-directory': 'kept/messages' });
    for (const name of ['site', 'mirror']) {
      const file = join(directory, 'kept/messages', `acme.${name}.json`);
      const request = double.requestsOf(dispatches).find(({ parameters }) => parameters['repo'] === name);
      expect(request?.body).toMatchObject({ client_payload: JSON.parse(readFileSync(file, 'utf8')) });
      expect(readFileSync(file, 'utf8')).toContain('signature');
      expect(statSync(file).mode & 0o077).toBe(0);
    }
  });

  test('stay as they were sent when the target has the message already', async () => {
    const file = join(directory, 'kept/acme.site.json');
    const inputs = { 'messages-directory': 'kept', id: 'release-1' };
    await run(inputs);
    writeFileSync(file, 'as it was sent');
    const again = await run(inputs);
    expect(JSON.parse(String(again.outputs['results']))).toMatchObject([{ status: 'already-sent' }]);
    expect(readFileSync(file, 'utf8')).toBe('as it was sent');
  });

  test('exist even if GitHub accepts none, but not in a dry run', async () => {
    await run({ 'messages-directory': 'dry', 'dry-run': 'true' });
    expect(existsSync(join(directory, 'dry'))).toBe(false);
    await failureOf(run({ 'messages-directory': 'kept', token: 'ghp_noTokenOfAnybody00000000000000000000' }));
    expect(existsSync(join(directory, 'kept/acme.site.json'))).toBe(true);
  });
});

test('the name of a branch is not announced as a version; that of a tag is', async () => {
  const on = (type: string, name: string) => ({ GITHUB_REF_TYPE: type, GITHUB_REF_NAME: name });
  const refused = await failureOf(run({ 'release-version': 'main' }, on('branch', 'main')));
  expect(refused.message).toContain('release-version is "main", the branch of this run');
  expect(sent()).toBe(0);
  await run({ 'release-version': 'v1.4.0' }, on('branch', 'main'));
  await run({ 'release-version': 'v1.4.1' }, on('tag', 'v1.4.1'));
  expect(sent()).toBe(2);
});
