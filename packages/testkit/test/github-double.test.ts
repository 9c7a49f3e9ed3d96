import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GitHubDouble } from '../src/index.ts';

let double: GitHubDouble;
let token: string;
beforeEach(async () => {
  double = await GitHubDouble.start();
  token = double.addToken();
  double.addRepository({
    name: 'acme/site',
    workflows: [{ id: 7, eventTypes: ['released'], run: async () => 'success' }],
  });
});
afterEach(() => double.close());

async function ask(method: string, path: string, body?: unknown, authorization = `Bearer ${token}`) {
  const response = await fetch(`${double.url}${path}`, {
    method,
    headers: { authorization },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

describe('the double of GitHub', () => {
  test('starts the workflows of an event type, and lists their runs as GitHub describes them', async () => {
    expect(await ask('POST', '/repos/acme/site/dispatches', { event_type: 'released' })).toEqual({
      status: 204,
      body: undefined,
    });
    await ask('POST', '/repos/acme/site/dispatches', { event_type: 'other' });
    const listed = await ask('GET', '/repos/acme/site/actions/runs?event=repository_dispatch');
    expect(listed.body).toMatchObject({
      total_count: 1,
      workflow_runs: [{ display_title: 'released', conclusion: 'success' }],
    });
    const [run] = double.runs;
    expect((await ask('GET', `/repos/acme/site/actions/runs/${run?.id}`)).body).toMatchObject({
      id: run?.id,
    });
    expect(double.violations).toEqual([]);
  });

  test.each([
    [{}, 'event_type'],
    [{ event_type: 'x'.repeat(101) }, '100 characters'],
    [
      {
        event_type: 'x',
        client_payload: Object.fromEntries(Array.from({ length: 11 }, (_, key) => [key, 1])),
      },
      '10 properties',
    ],
    [{ event_type: 'x', client_payload: [] }, 'object'],
  ])('refuses what GitHub does not describe, and keeps it: %j', async (body, words) => {
    expect((await ask('POST', '/repos/acme/site/dispatches', body)).status).toBe(422);
    expect(double.violations.join()).toContain(words);
    expect(double.events).toEqual([]);
  });

  test('refuses a payload that is too large, as GitHub does', async () => {
    const body = { event_type: 'released', client_payload: { text: 'x'.repeat(65_535) } };
    expect(await ask('POST', '/repos/acme/site/dispatches', body)).toMatchObject({
      status: 422,
      body: { message: 'client_payload is too large.' },
    });
  });

  test.each([
    ['a token that it does not know', 'Bearer nobody', 401],
    ['no token of its own', 'Bearer a.b.c', 401],
  ])('refuses %s', async (_, authorization, status) => {
    expect(
      (await ask('POST', '/repos/acme/site/dispatches', { event_type: 'released' }, authorization)).status,
    ).toBe(status);
  });

  test('hides private repositories', async () => {
    double.addRepository({ name: 'acme/private', isPrivate: true });
    const outsider = double.addToken({ repositories: ['acme/site'] });
    const asked = ask('POST', '/repos/acme/private/dispatches', { event_type: 'x' }, `token ${outsider}`);
    expect((await asked).status).toBe(404);
  });

  test('answers routes that are added, and checks them too', async () => {
    double.route('GET /repos/{owner}/{repo}/releases/tags/{tag}', ({ parameters }) => ({
      status: 404,
      body: { message: `no ${parameters['tag']}`, documentation_url: '', status: '404' },
    }));
    expect((await ask('GET', '/repos/acme/site/releases/tags/v1%2B2')).body).toMatchObject({
      message: 'no v1+2',
    });
    expect(() => double.route('GET /nothing/of/the/kind', () => ({ status: 200 }))).toThrow(
      'GitHub has no operation',
    );
  });

  test('fails a test in which it answers differently than GitHub', async () => {
    const wrong = await GitHubDouble.start();
    wrong.addRepository({ name: 'acme/site' });
    wrong.route('GET /repos/{owner}/{repo}', () => ({ status: 200, body: { id: 'one' } }));
    await fetch(`${wrong.url}/repos/acme/site`);
    expect(() => wrong.close()).toThrow('answered wrongly');
  });
});
