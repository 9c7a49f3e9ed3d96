// Slow: about 30 s.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type ActionProcessOptions,
  type ActionRun,
  actionProcess,
  GitHubDouble,
  makeKey,
  type RepositoryDispatchEvent,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newStore, bundle as receiver, secret } from './receiving.ts';

/** Built by `scripts/bundle repository-dispatch`. */
const sender = fileURLToPath(new URL('../../repository-dispatch/dist/index.js', import.meta.url));
const dispatches = 'POST /repos/{owner}/{repo}/dispatches';
const passphrase = 'Tr0ub4dor & 3 "quoted" pass/phrase';

let double: GitHubDouble;
let seen: string;
/** Every run of either side. */
let steps: ActionRun[];
let takenOver: string[];

beforeEach(async () => {
  double = await GitHubDouble.start();
  seen = newStore().url;
  steps = [];
  takenOver = [];
});
afterEach(() => {
  double.close();
  expect(double.violations).toEqual([]);
});

/** A repository whose workflow verifies messages, and acts on valid ones. */
function addReceiver(name: string, inputs: Readonly<Record<string, string>>): void {
  const run = async (event: RepositoryDispatchEvent, { id }: { readonly id: number }): Promise<string> => {
    const path = join(temporaryDirectory('event'), 'event.json');
    writeFileSync(path, JSON.stringify(event));
    const step = await actionProcess(receiver, {
      environment: {
        GITHUB_EVENT_NAME: 'repository_dispatch',
        GITHUB_EVENT_PATH: path,
        GITHUB_REPOSITORY: name,
        GITHUB_RUN_ID: String(id),
        RUNNER_DEBUG: '1',
      },
      inputs: { seen, ...inputs },
    });
    steps.push(step);
    if (step.exitCode !== 0) return 'failure';
    takenOver.push(`${name} ${step.outputs['id']}`);
    return 'success';
  };
  const runName = (event: RepositoryDispatchEvent): string => `Take over ${idOf(event)}`;
  double.addRepository({ name, isPrivate: true, workflows: [{ id: 7, runName, run }] });
}

function idOf({ client_payload: payload }: RepositoryDispatchEvent): string {
  return (payload as { readonly slipway: { readonly id: string } }).slipway.id;
}

async function dispatch(
  inputs: Readonly<Record<string, string>>,
  attempt = 1,
  options: ActionProcessOptions = {},
): Promise<ActionRun> {
  const step = await actionProcess(sender, {
    environment: {
      GITHUB_API_URL: double.url,
      GITHUB_REPOSITORY: 'acme/app',
      GITHUB_SHA: 'b'.repeat(40),
      GITHUB_RUN_ID: '4711',
      GITHUB_RUN_ATTEMPT: String(attempt),
      RUNNER_DEBUG: '1',
    },
    inputs: { targets: 'acme/site', 'event-type': 'app-released', 'release-version': '1.4.0', ...inputs },
    ...options,
  });
  steps.push(step);
  return step;
}

/** Everything that the steps left: their output except for the masks, outputs, summaries and files. */
function everythingLeft(): string {
  return steps
    .flatMap((step) => [
      ...step.log.split('\n').filter((line) => !line.startsWith('::add-mask::')),
      ...readdirSync(step.directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')),
    ])
    .join('\n');
}

describe('from one repository to another', () => {
  test('a message signed by HMAC is sent with a token, verified, and waited for', async () => {
    addReceiver('acme/site', { 'signing-secret': secret });
    const token = double.addToken();
    const sent = await dispatch({ 'signing-secret': secret, token, wait: 'true' });
    expect(sent.exitCode, everythingLeft()).toBe(0);
    expect(sent.outputs).toMatchObject({ sent: '1', conclusion: 'success' });
    expect(takenOver).toEqual([`acme/site ${sent.outputs['ids']}`]);
    expect(sent.summary).toContain('Repositories notified');
    for (const hidden of [secret, token]) expect(everythingLeft()).not.toContain(hidden);
  });

  test('a message signed by OpenPGP is sent with the token of an app, verified, and leaves no secret (I7)', async () => {
    const key = await makeKey({ type: 'ed25519', passphrase });
    addReceiver('acme/site', { 'trusted-keys': key.publicArmored });
    const app = await double.addApp([
      { id: 1, repositories: ['acme/site'], permissions: { contents: 'write', actions: 'read' } },
    ]);
    const sent = await dispatch({
      'signing-key': key.privateArmored,
      passphrase,
      'app-id': app.appId,
      'app-private-key': app.privateKey,
      wait: 'true',
    });
    expect(sent.exitCode, everythingLeft()).toBe(0);
    expect(takenOver).toHaveLength(1);
    const publicLines = new Set(key.publicArmored.split(/\r?\n/));
    const keyLines = key.privateArmored
      .split(/\r?\n/)
      .filter((line) => line.length > 8 && !publicLines.has(line) && !line.startsWith('---'));
    const pemLines = app.privateKey.split('\n').filter((line) => line.length > 20 && !line.startsWith('---'));
    expect([keyLines.length, pemLines.length, double.mintedTokens.length]).toEqual([
      expect.any(Number),
      expect.any(Number),
      1,
    ]);
    for (const hidden of [
      ...keyLines,
      ...pemLines,
      ...double.mintedTokens,
      passphrase,
      JSON.stringify(passphrase).slice(1, -1),
    ]) {
      expect(everythingLeft()).not.toContain(hidden);
    }
    const masked = sent.masks.join('\n');
    for (const hidden of [...double.mintedTokens, passphrase]) expect(masked).toContain(hidden);
  });

  test('a failure leaves no secret either (I7)', async () => {
    const token = double.addToken({ repositories: [] });
    const app = await double.addApp([]);
    addReceiver('acme/site', { 'signing-secret': 'e'.repeat(40) });
    const given = { 'signing-secret': secret };
    const secrets = [
      secret,
      token,
      'e'.repeat(40),
      ...app.privateKey.split('\n').filter((line) => line.length > 20 && !line.startsWith('---')),
    ];
    await dispatch({ ...given, token });
    await dispatch({ ...given, 'app-id': app.appId, 'app-private-key': app.privateKey });
    await dispatch({ ...given, 'app-id': app.appId, 'app-private-key': app.privateKey.slice(0, -200) });
    await dispatch({ ...given, token: double.addToken(), wait: 'true' });
    await dispatch({ 'signing-key': token, passphrase: secret, token });
    await dispatch({ ...given, token, payload: `{"mistake":"${token}"}`, 'dry-run': 'true' });
    await dispatch({
      ...given,
      token,
      targets: secret,
      'release-version': token,
      report: `${token}.json`,
      id: secret,
    });
    expect(steps.map(({ exitCode }) => exitCode)).toEqual([1, 1, 1, 1, 1, 1, 0, 1]);
    for (const hidden of secrets) expect(everythingLeft()).not.toContain(hidden);
  });
});

describe('a message is acted on once', () => {
  const given = () => ({ 'signing-secret': secret, token: double.addToken(), wait: 'true' });

  test('when it is sent again because it was not known whether it arrived', async () => {
    addReceiver('acme/site', { 'signing-secret': secret });
    // Neither the answer nor, for a while, the run can be seen, so the message is sent twice.
    double.faults.push({ on: dispatches, accepted: true });
    const blind = double.addToken({ kind: 'fine-grained', permissions: { contents: 'write' } });
    const sent = await dispatch({ ...given(), wait: 'false', token: blind, 'resend-unknown': 'true' });
    expect(sent.exitCode, sent.log).toBe(0);
    expect(double.events).toHaveLength(2);
    // Waiting afterwards: one of the two runs acted on it, and that is a success.
    const waited = await dispatch(given(), 2);
    expect(waited.exitCode, waited.log).toBe(0);
    expect(waited.outputs).toMatchObject({ conclusion: 'success' });
    // One success is enough for the sender: the other run may not have ended yet.
    await expect
      .poll(() => double.runs.filter(({ status }) => status !== 'completed'), { timeout: 30_000 })
      .toEqual([]);
    expect(takenOver).toHaveLength(1);
    expect(steps.filter(({ log }) => log.includes('(replayed)'))).toHaveLength(1);
  });

  test('when two jobs of one run send it at once', async () => {
    addReceiver('acme/site', { 'signing-secret': secret });
    const both = await Promise.all([dispatch(given()), dispatch(given())]);
    expect(
      both.map(({ exitCode }) => exitCode),
      both.map(({ log }) => log).join('\n'),
    ).toEqual([0, 0]);
    expect(takenOver).toHaveLength(1);
  });

  test('when the job that sends is killed at any of its requests, and run again (I5)', async () => {
    addReceiver('acme/site', { 'signing-secret': secret });
    for (const request of [1, 2, 3]) {
      const inputs = { ...given(), fields: `round=${request}` };
      let asked = 0;
      let kill: (() => void) | undefined;
      double.onRequest = () => {
        asked += 1;
        if (asked === request) kill?.();
      };
      const killed = await dispatch(inputs, 1, {
        onOutput: (_, end) => {
          kill = () => end('SIGKILL');
        },
      });
      double.onRequest = () => {};
      expect([request, killed.signal]).toEqual([request, 'SIGKILL']);
      const again = await dispatch(inputs, 2);
      expect(again.exitCode, again.log).toBe(0);
      const taken = takenOver.filter((line) => line.endsWith(again.outputs['ids'] ?? '?'));
      expect(taken, again.log).toHaveLength(1);
    }
  });
});

test('a failure of one target does not affect the others, and only the failed ones are notified again', async () => {
  addReceiver('acme/site', { 'signing-secret': secret });
  addReceiver('acme/mirror', { 'signing-secret': secret });
  double.faults.push({
    on: dispatches,
    reply: { status: 403, body: { message: 'Resource not accessible by integration' } },
  });
  const targets = 'acme/site\nacme/mirror';
  const inputs = { 'signing-secret': secret, token: double.addToken(), wait: 'true' };
  const first = await dispatch({ ...inputs, targets });
  expect(first.exitCode).toBe(1);
  expect(first.annotations.map(({ title }) => title)).toContain('repository-dispatch: forbidden');
  expect(first.summary).toContain('Not every repository was notified');
  const second = await dispatch({ ...inputs, targets: first.outputs['failed'] ?? '' }, 2);
  expect(second.exitCode, second.log).toBe(0);
  expect(takenOver.map((line) => line.split(' ')[0]).sort()).toEqual(['acme/mirror', 'acme/site']);
});
