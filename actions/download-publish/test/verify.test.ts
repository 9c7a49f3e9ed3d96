import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { secretKeyOf, windowAt } from '@slipway/download-window';
import { type ActionRunResult, failureOf, serveLoopback, temporaryDirectory, treeOf } from '@slipway/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fourPlatforms, hourMs, type InputTexts, previousSecret, runOn, secret } from './downloads.ts';

const release = fourPlatforms();
const quick = { 'verify-deadline': '0s', 'clock-tolerance': '10s', 'window-length': '31d' };

/** How a CDN handles a request before it serves the directory. Returns true if it has answered. */
type Manner = (request: IncomingMessage, response: ServerResponse) => boolean;

interface Site {
  readonly out: string;
  readonly baseUrl: string;
  readonly requests: string[];
  run(inputs: InputTexts): Promise<ActionRunResult>;
}

/** A directory, and a server that serves it in the given manner. */
async function site(manner: Manner = () => false, inputs: InputTexts = {}): Promise<Site> {
  const out = temporaryDirectory('out');
  const requests: string[] = [];
  const server = await serveLoopback(async (request, response) => {
    requests.push(request.url ?? '');
    if (manner(request, response)) return;
    try {
      response.end(readFileSync(join(out, decodeURIComponent(request.url ?? ''))));
    } catch {
      response.writeHead(404).end('nothing here');
    }
  });
  onTestFinished(() => server.close());
  const all = { files: release.files, 'base-url': server.url, ...quick, ...inputs };
  const run = (more: InputTexts): Promise<ActionRunResult> =>
    runOn(out, release.workspace, { ...all, ...more });
  return { out, baseUrl: server.url, requests, run };
}

function codesOf(run: ActionRunResult): readonly string[] {
  return [...new Set(run.problems.map(({ code }) => code))];
}

describe('verify', () => {
  test('proves that a publish is served, and that wrong and old links are refused', async () => {
    const { run, requests } = await site();
    expect((await run({ operation: 'publish' })).failure).toBeUndefined();
    const verified = await run({ operation: 'verify' });
    expect(verified.failure).toBeUndefined();
    expect(verified.outputs).toMatchObject({ proven: 8 });
    expect(String(verified.outputs['urls']).split('\n')).toHaveLength(4);
    // Two windows of four files; a wrong hash and an old window of each.
    expect(requests).toHaveLength(16);
    expect(new Set(requests).size).toBe(16);
    expect(verified.json('report')).toMatchObject({
      plan: { soundObjects: 8 },
      findings: [],
    });
  });

  test('proves the links of both secrets while one is being replaced', async () => {
    const { run } = await site(undefined, { 'previous-secret': previousSecret });
    await run({ operation: 'publish' });
    expect((await run({ operation: 'verify' })).outputs).toMatchObject({ proven: 16 });
  });

  test('finds what is not stored, stored differently, or not served', async () => {
    const { out, run } = await site();
    await run({ operation: 'publish' });
    const [first = '', second = '', third = ''] = Object.keys(treeOf(out)).toSorted();
    rmSync(join(out, first));
    writeFileSync(join(out, second), 'x'.repeat(treeOf(out)[second]?.length ?? 0));
    writeFileSync(join(out, third), 'of another size');
    const verified = await run({ operation: 'verify' });
    expect(verified.failure).toMatchObject({ code: 'not-served' });
    expect(codesOf(verified)).toEqual(
      expect.arrayContaining(['object-missing', 'object-other-bytes', 'link-not-served', 'link-stale']),
    );
    expect(verified.outputs).toMatchObject({ proven: 5, urls: '' });
    expect(verified.problems.every(({ severity }) => severity === 'error')).toBe(true);
    expect(await failureOf(run({ operation: 'publish' }))).toMatchObject({ code: 'immutable-conflict' });
  });

  test('a page with status 200 for a missing file is not a refusal', async () => {
    const { run } = await site((request, response) => {
      const known = [...published].some((url) => request.url === url);
      if (known) return false;
      response.writeHead(200).end('<h1>Not found</h1>');
      return true;
    });
    const published = new Set<string>();
    const { outputs, json } = await run({ operation: 'publish' });
    const { rounds } = json('report') as { rounds: { plan: { steps: { key: string }[] } }[] };
    for (const { key } of rounds[0]?.plan.steps ?? []) published.add(`/${key}`);
    expect(outputs).toMatchObject({ uploaded: 8 });
    const verified = await run({ operation: 'verify' });
    expect(verified.failure).toMatchObject({ code: 'not-served' });
    expect(codesOf(verified)).toEqual(['wrong-link-served', 'old-link-served']);
    expect(verified.outputs).toMatchObject({ proven: 8 });
  });

  test('a redirect is followed neither for a link nor for one that must be refused', async () => {
    const { run, requests } = await site((_, response) => {
      response.writeHead(302, { location: '/elsewhere' }).end();
      return true;
    });
    await run({ operation: 'publish' });
    const verified = await run({ operation: 'verify' });
    expect(codesOf(verified)).toEqual(['link-not-served', 'refusal-unproven']);
    expect(requests).not.toContain('/elsewhere');
    expect(verified.problems[0]?.message).toContain('it redirects (302)');
  });

  test('a server failure is not a refusal', async () => {
    const { run } = await site((_, response) => {
      response.writeHead(503).end();
      return true;
    });
    await run({ operation: 'publish' });
    expect(codesOf(await run({ operation: 'verify' }))).toEqual(['link-not-served', 'refusal-unproven']);
  });

  test('a link of an expired window must not open anything', async () => {
    const { out, run } = await site(undefined, {
      'window-length': '12h',
      grace: '1h',
      files: 'macos: out/macos-x64.zip',
    });
    await run({ operation: 'publish' });
    expect((await run({ operation: 'verify' })).failure).toBeUndefined();
    // The newest window that ended a little more than an hour ago.
    const window = windowAt(Date.now() - 13 * hourMs - 10_000).number;
    const file = { window, platform: 'macos', file: 'macos-x64.zip' };
    const path = join(out, secretKeyOf({ scheme: 'window-hmac' }, secret, file));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'macos-x64 ');
    const verified = await run({ operation: 'verify' });
    expect(codesOf(verified)).toEqual(['old-link-served']);
    expect(verified.problems[0]?.hint).toContain('Run cleanup');
  });

  test('a dry run prints what it would request, and requests nothing', async () => {
    const { run, requests } = await site();
    await run({ operation: 'publish' });
    const dry = await run({ operation: 'verify', 'dry-run': 'true' });
    expect(requests).toEqual([]);
    expect(dry.log.filter((line) => line.startsWith('Would request'))).toHaveLength(16);
    expect(dry.outputs).toMatchObject({ proven: 0 });
    expect(dry.log.join('\n')).not.toMatch(/[0-9a-f]{16}/);
  });

  test('files of later windows need not be stored yet', async () => {
    const { run } = await site(undefined, { 'window-length': '12h' });
    await run({ operation: 'publish', 'clock-tolerance': '10s' });
    // With this tolerance a publish would have covered more; only what is due now must be there.
    const verified = await run({ operation: 'verify', 'clock-tolerance': '13h' });
    const missing = verified.problems.filter(({ code }) => code === 'object-missing');
    const now = windowAt(Date.now()).number;
    expect(missing.every(({ key }) => Number(key?.split('/')[1]) < now)).toBe(true);
  });
});
