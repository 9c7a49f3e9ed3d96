import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { MessageArtifact } from '@slipway/dispatch-payload';
import { type LoopbackServer, serveLoopback, temporaryDirectory } from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codesOf, filesIn, message, newStore, receive } from './receiving.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

let server: LoopbackServer;
let answers: Map<string, Answer>;
let asked: string[];
let workspace: string;

beforeEach(async () => {
  answers = new Map();
  asked = [];
  workspace = temporaryDirectory('workspace');
  server = await serveLoopback(async (request, response) => {
    asked.push(request.url ?? '');
    const answer = answers.get(request.url ?? '');
    if (answer === undefined) response.writeHead(404).end();
    else answer(response, request);
  });
});
afterEach(() => server.close());

const host = (): string => new URL(server.url).host;
const sha256Of = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

/** An artifact that the server has under a secret path. */
function serve(
  name: string,
  text: string,
  answer: Answer = (response) => response.end(text),
): MessageArtifact {
  const path = `/downloads/5f2c9d/${name}`;
  answers.set(path, answer);
  return {
    name,
    sizeBytes: Buffer.byteLength(text),
    sha256: sha256Of(text),
    platform: 'macos',
    url: `${server.url}${path}`,
  };
}

async function fetching(
  artifacts: readonly MessageArtifact[],
  inputs: Readonly<Record<string, string>> = {},
) {
  return receive(await message({}, { artifacts }), {
    workDirectory: workspace,
    inputs: { 'fetch-to': 'fetched', 'artifact-hosts': host(), ...inputs },
  });
}
const fetched = (): Readonly<Record<string, string>> => filesIn(join(workspace, 'fetched'));

describe('artifacts are fetched', () => {
  test('hashed, and passed on with their paths', async () => {
    const artifacts = [serve('app.zip', 'zip'), serve('app.zip.asc', 'signature'), serve('empty', '')];
    const result = await fetching(artifacts);
    expect(codesOf(result)).toEqual([]);
    expect(fetched()).toEqual({ 'app.zip': 'zip', 'app.zip.asc': 'signature', empty: '' });
    expect(result.json('artifacts')).toEqual(
      artifacts.map((artifact) => ({ ...artifact, path: `fetched/${artifact.name}` })),
    );
    expect(result.json('report')).toMatchObject({ artifacts: result.json('artifacts') });
  });

  test('into a directory that exists even if there are none', async () => {
    expect(codesOf(await fetching([]))).toEqual([]);
    expect(readdirSync(join(workspace, 'fetched'))).toEqual([]);
  });

  test('not again if they are there and correct, and again otherwise', async () => {
    mkdirSync(join(workspace, 'fetched'));
    writeFileSync(join(workspace, 'fetched/app.zip'), 'zip');
    writeFileSync(join(workspace, 'fetched/old.zip'), 'old');
    expect(codesOf(await fetching([serve('app.zip', 'zip'), serve('old.zip', 'new')]))).toEqual([]);
    expect(asked).toEqual(['/downloads/5f2c9d/old.zip']);
    expect(fetched()).toEqual({ 'app.zip': 'zip', 'old.zip': 'new' });
  });

  test('again after transient failures: 503, a broken body', async () => {
    let count = 0;
    const artifact = serve('app.zip', 'zip', (response) => {
      count += 1;
      if (count === 1) response.writeHead(503).end();
      else if (count === 2)
        response.writeHead(200, { 'content-length': '3' }).write('z', () => response.destroy());
      else response.end('zip');
    });
    expect(codesOf(await fetching([artifact]))).toEqual([]);
    expect(fetched()).toEqual({ 'app.zip': 'zip' });
  });

  test('over redirects on the same host', async () => {
    const artifact = serve('app.zip', 'zip', (response) =>
      response.writeHead(302, { location: '/elsewhere' }).end(),
    );
    answers.set('/elsewhere', (response) => response.end('zip'));
    expect(codesOf(await fetching([artifact]))).toEqual([]);
  });

  test('and an existing link is replaced, not written through', async () => {
    mkdirSync(join(workspace, 'fetched'));
    writeFileSync(join(workspace, 'outside'), 'mine');
    symlinkSync(join(workspace, 'outside'), join(workspace, 'fetched/app.zip'));
    expect(codesOf(await fetching([serve('app.zip', 'zip')]))).toEqual([]);
    expect(readFileSync(join(workspace, 'outside'), 'utf8')).toBe('mine');
    expect(readFileSync(join(workspace, 'fetched/app.zip'), 'utf8')).toBe('zip');
  });

  test('not by a dry run', async () => {
    const result = await fetching([serve('app.zip', 'zip')], { 'dry-run': 'true' });
    expect(asked).toEqual([]);
    expect(result.json('artifacts')).toMatchObject([{ name: 'app.zip' }]);
    expect(JSON.stringify(result.json('artifacts'))).not.toContain('"path"');
    expect(result.log.join('\n')).toContain(`Would fetch "app.zip" (3 bytes) from ${host()}`);
  });
});

describe('nothing is left, and nothing passed on, if one of them is refused (I4, I8)', () => {
  const other = 'https://elsewhere.example.org/app.zip';
  const cases: readonly (readonly [string, () => MessageArtifact, string])[] = [
    [
      'has other bytes',
      () => ({ ...serve('app.zip', 'zip'), sha256: sha256Of('other') }),
      'artifact-mismatch',
    ],
    ['is shorter', () => ({ ...serve('app.zip', 'zip'), sizeBytes: 4 }), 'artifact-mismatch'],
    [
      'is longer than its signed size',
      () => ({ ...serve('app.zip', 'zip'), sizeBytes: 2 }),
      'artifact-mismatch',
    ],
    [
      'is missing',
      () => ({ ...serve('app.zip', 'zip'), url: `${server.url}/missing` }),
      'artifact-unreachable',
    ],
    [
      'is forbidden',
      () => serve('app.zip', 'zip', (response) => response.writeHead(403).end()),
      'artifact-unreachable',
    ],
    [
      'fails again and again',
      () => serve('app.zip', 'zip', (response) => response.destroy()),
      'artifact-unreachable',
    ],
    [
      'redirects to another host',
      () => serve('app.zip', 'zip', (response) => response.writeHead(302, { location: other }).end()),
      'artifact-refused',
    ],
    [
      'redirects to another port',
      () =>
        serve('app.zip', 'zip', (response) =>
          response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
        ),
      'artifact-refused',
    ],
    [
      'redirects forever',
      () =>
        serve('app.zip', 'zip', (response, { url = '' }) => response.writeHead(302, { location: url }).end()),
      'artifact-refused',
    ],
    [
      'redirects to nowhere',
      () => serve('app.zip', 'zip', (response) => response.writeHead(302).end()),
      'artifact-refused',
    ],
    ['is at another host', () => ({ ...serve('app.zip', 'zip'), url: other }), 'artifact-refused'],
    [
      'is at a host of a longer name',
      () => ({ ...serve('app.zip', 'zip'), url: `https://${host()}.example.org/a` }),
      'artifact-refused',
    ],
    [
      'is at http://',
      () => ({ ...serve('app.zip', 'zip'), url: 'http://elsewhere.example.org/app.zip' }),
      'artifact-refused',
    ],
    ['is a file', () => ({ ...serve('app.zip', 'zip'), url: 'file:///etc/passwd' }), 'artifact-refused'],
    [
      'has a user in its URL',
      () => ({ ...serve('app.zip', 'zip'), url: `http://user@${host()}/a` }),
      'artifact-refused',
    ],
    ['has no URL', () => ({ ...serve('app.zip', 'zip'), url: undefined }), 'artifact-refused'],
    [
      'has a path for a name',
      () => ({ ...serve('app.zip', 'zip'), name: '../app.zip' }),
      'envelope-malformed',
    ],
    ['is called ..', () => ({ ...serve('app.zip', 'zip'), name: '..' }), 'envelope-malformed'],
    [
      'has a backslash in its name',
      () => ({ ...serve('app.zip', 'zip'), name: 'a\\b' }),
      'envelope-malformed',
    ],
    [
      'has a control character in its name',
      () => ({ ...serve('app.zip', 'zip'), name: 'a\nb' }),
      'envelope-malformed',
    ],
  ];
  test.each(cases)('it %s', async (_, bad, code) => {
    const result = await fetching([serve('good.zip', 'good'), bad()]);
    expect(codesOf(result)).toEqual([code]);
    expect(fetched()).toEqual({});
    expect(result.outputs).toEqual({});
    expect(result.files.map(({ output }) => output)).toEqual(['report']);
  });

  test('a server that sends more than the signed size is cut off', async () => {
    let sent = 0;
    const artifact = serve('app.zip', 'zip', (response) => {
      const chunk = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (sent < 2 ** 28 && !response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', more);
            return;
          }
        }
      };
      more();
    });
    expect(codesOf(await fetching([artifact]))).toEqual(['artifact-mismatch']);
    expect(sent).toBeLessThan(2 ** 25);
  });

  test('and no path of a URL, which can be secret, appears anywhere (I7)', async () => {
    for (const bad of cases.slice(0, 11)) {
      const result = await fetching([bad[1]()]);
      expect(
        JSON.stringify([result.problems, result.log, result.summary, result.failure?.message]),
      ).not.toContain('5f2c9d');
    }
  });

  test('a directory that cannot be written does not refuse the message', async () => {
    writeFileSync(join(workspace, 'fetched'), 'a file');
    await expect(fetching([serve('app.zip', 'zip')])).rejects.toMatchObject({ code: 'target-read-only' });
  });
});

test('a file with the name of the list that goes beside the files is refused before it is fetched', async () => {
  const result = await fetching([serve('Artifacts.json', '[]')]);
  expect(codesOf(result)).toEqual(['artifact-refused']);
  expect(asked).toEqual([]);
});

describe('the id is claimed once everything is fetched', () => {
  const outside = { GITHUB_REPOSITORY: '', GITHUB_RUN_ID: '' };
  async function taking(
    payload: object,
    environment: Readonly<Record<string, string>>,
    seen: string,
    workDirectory = workspace,
  ) {
    return receive(JSON.stringify(payload), {
      workDirectory,
      environment,
      inputs: { 'fetch-to': 'fetched', 'artifact-hosts': host(), repository: 'acme/site', seen },
    });
  }

  test('so that any other run can retry a failed fetch, outside of GitHub too', async () => {
    const { url } = newStore();
    let isBroken = true;
    const artifacts = [
      serve('app.zip', 'zip', (response) => (isBroken ? response.writeHead(404).end() : response.end('zip'))),
    ];
    const payload = await message({}, { artifacts });
    expect(codesOf(await taking(payload, { GITHUB_RUN_ID: '1' }, url))).toEqual(['artifact-unreachable']);
    expect(codesOf(await taking(payload, outside, url))).toEqual(['artifact-unreachable']);
    mkdirSync(join(workspace, 'fetched/app.zip'), { recursive: true });
    isBroken = false;
    await expect(taking(payload, outside, url)).rejects.toMatchObject({ code: 'target-read-only' });
    rmdirSync(join(workspace, 'fetched/app.zip'));
    expect(codesOf(await taking(payload, outside, url))).toEqual([]);
    expect(fetched()).toEqual({ 'app.zip': 'zip' });
    expect(codesOf(await taking(payload, outside, url))).toEqual(['replayed']);
  });

  test('and the second run fetches nothing, or leaves nothing of what it fetched', async () => {
    const { url } = newStore();
    const payload = await message({}, { artifacts: [] });
    let takenMeanwhile = false;
    const artifacts = [
      serve('app.zip', 'zip', (response) => {
        void taking(payload, { GITHUB_RUN_ID: '1' }, url, temporaryDirectory('other')).then((other) => {
          takenMeanwhile = codesOf(other).length === 0;
          response.end('zip');
        });
      }),
    ];
    const second = await taking(await message({}, { artifacts }), { GITHUB_RUN_ID: '2' }, url);
    expect(takenMeanwhile).toBe(true);
    expect(codesOf(second)).toEqual(['replayed']);
    expect(fetched()).toEqual({});
    asked.length = 0;
    expect(codesOf(await taking(payload, { GITHUB_RUN_ID: '3' }, url))).toEqual(['replayed']);
    expect(asked).toEqual([]);
  });

  test('by a reference of the user, which may claim it again', async () => {
    const { url } = newStore();
    const take = async (reference: string) =>
      codesOf(
        await receive(await message(), {
          environment: outside,
          inputs: { repository: 'acme/site', 'run-reference': reference, seen: url },
        }),
      );
    expect(await take('by hand, on Monday')).toEqual([]);
    expect(await take('by hand, on Monday')).toEqual([]);
    expect(await take('by hand, on Tuesday')).toEqual(['replayed']);
  });
});
