// Slow: about 80 s.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  compositeResults,
  outputsSeen,
  outputsStep,
  startS3FaultProxy,
  type WorkflowRun,
  workspaceSeen,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { productRepository } from './guide.ts';
import { haveWorld, type ReleaseOptions, World } from './world.ts';

const path = '.github/workflows/one-step.yml';
const inner = ['pack', 'sign', 'publish', 'invalidate', 'verify', 'dispatch'] as const;
const minuteMs = 60_000;

/** Builds and releases in one job; the step after it shows every output, and what is in the workspace. */
const workflow = `
name: one step
on: push
jobs:
  release:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - run: |
          for platform in linux-x64 windows-x64; do ./build.sh "$platform" "builds/$platform"; done
          mkdir -p .slipway-actions/archive-pack && echo 'no action' > .slipway-actions/archive-pack/action.yml
      - uses: your-org/slipway/actions/download-release@v1
        id: release
        with:
          archives: |
            linux.zip: linux-x64/*
            windows.zip: windows-x64/*
          platforms: |
            linux.zip: linux
            windows.zip: windows
          source-directory: builds
          signing-key: \${{ secrets.SIGNING_KEY }}
          passphrase: \${{ secrets.SIGNING_PASSPHRASE }}
          secret: \${{ secrets.DOWNLOAD_SECRET }}
          destination: \${{ vars.DOWNLOAD_DESTINATION }}
          base-url: \${{ vars.DOWNLOAD_URL }}
          distribution-id: \${{ vars.DOWNLOAD_DISTRIBUTION }}
          cloudfront-endpoint-url: \${{ vars.CLOUDFRONT_ENDPOINT_URL }}
          replace: \${{ vars.REPLACE }}
          window-length: \${{ vars.WINDOW_LENGTH }}
          clock-tolerance: \${{ vars.CLOCK_TOLERANCE }}
          endpoint-url: \${{ vars.DOWNLOAD_ENDPOINT_URL }}
          force-path-style: true
          targets: \${{ vars.TARGETS }}
          event-type: release-published
          release-version: \${{ github.ref_name }}
          signing-secret: \${{ secrets.DISPATCH_SECRET }}
          dispatch-signature: \${{ vars.DISPATCH_SIGNATURE || 'secret' }}
          token: \${{ secrets.DISPATCH_TOKEN }}
          app-id: \${{ vars.APP_ID }}
          app-private-key: \${{ secrets.APP_PRIVATE_KEY }}
          access-key-id: \${{ vars.ACCESS_KEY_ID }}
          secret-access-key: \${{ secrets.SECRET_ACCESS_KEY }}
          session-token: \${{ secrets.SESSION_TOKEN }}
          previous-secret: \${{ secrets.PREVIOUS_DOWNLOAD_SECRET }}
          skip: \${{ vars.SKIP }}
          dry-run: \${{ vars.DRY_RUN }}${outputsStep('release')}`;

interface Emptied {
  readonly secret: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly others?: Readonly<Record<string, string>>;
  readonly error: string;
}

describe.skipIf(!haveWorld())('download-release in a workflow (needs act, minio, varnishd and gh)', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
    world.siteIsAsleep = true;
  });
  afterAll(() => world?.stop());

  function run(prefix: string, options: ReleaseOptions = {}): Promise<WorkflowRun> {
    const files = { ...productRepository(), [path]: workflow };
    const settings = { TARGETS: 'example/site', ...options.settings };
    return world.release(prefix, { files, workflow: path, ...options, settings });
  }

  const resultsOf = (result: WorkflowRun) => compositeResults(result, 'release', 'release', inner);
  const outputsOf = (result: WorkflowRun) => outputsSeen(result, 'release');
  const linksOf = (result: WorkflowRun): readonly string[] =>
    (outputsOf(result)['publish-urls'] ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.slice(line.indexOf('http')));
  const bytesAt = async (link: string): Promise<string> =>
    Buffer.from(await (await fetch(link)).arrayBuffer()).toString('base64');
  const allGood = Object.fromEntries(inner.map((id) => [id, 'success']));

  it('packs, signs, publishes, verifies and notifies, and passes on every output; a rerun stores nothing', async () => {
    const first = await run('whole');
    expect(first.exitCode, first.log).toBe(0);
    expect(resultsOf(first)).toEqual(allGood);
    const outputs = outputsOf(first);
    const actionFile = fileURLToPath(new URL('../action.yml', import.meta.url));
    const declared = parse(readFileSync(actionFile, 'utf8')) as { outputs: Record<string, unknown> };
    expect(Object.keys(outputs).sort()).toEqual(Object.keys(declared.outputs).sort());
    expect(outputs).toMatchObject({ 'pack-archives': '2', 'sign-signed': '3', 'dispatch-sent': '1' });
    const links = linksOf(first);
    expect(links.length).toBe(6);
    for (const link of links) expect((await fetch(link)).status, link).toBe(200);
    expect(workspaceSeen(first, 'release')).not.toContain('.slipway-actions');
    expect(first.output).not.toContain('hostile');

    const again = await run('whole');
    expect(again.exitCode, again.log).toBe(0);
    expect(outputsOf(again)).toMatchObject({ 'publish-uploaded': '0' });
  });

  it('invalidates what was replaced, even in the rerun of a publish that was killed afterwards', async () => {
    const first = await run('replaced');
    expect(first.exitCode, first.log).toBe(0);
    const links = linksOf(first);
    const before = await Promise.all(links.map(bytesAt));
    const other = {
      files: { ...productRepository('1.0.0-rebuilt'), [path]: workflow },
      settings: { REPLACE: 'true' },
    };
    const killed = await run('replaced', {
      ...other,
      onEntry: ({ step, isOutput }, kill) => {
        if (step === 'release/invalidate' && isOutput) kill();
      },
    });
    expect(killed.exitCode).toBeNull();
    const again = await run('replaced', other);
    expect(again.exitCode, again.log).toBe(0);
    expect(resultsOf(again)).toEqual(allGood);
    expect(outputsOf(again)).toMatchObject({ 'publish-uploaded': '0', 'invalidate-status': 'Completed' });
    const after = await Promise.all(linksOf(again).map(bytesAt));
    expect(after.filter((bytes) => before.includes(bytes))).toEqual([]);
  });

  it(
    'I5: killed in one step after the other, is finished by a rerun',
    async () => {
      for (const victim of inner) {
        const killed = await run('killed', {
          onEntry: ({ step, isOutput }, kill) => {
            if (step === `release/${victim}` && isOutput) kill();
          },
        });
        expect(killed.exitCode, `${victim}: ${killed.log}`).toBeNull();
      }
      const again = await run('killed');
      expect(again.exitCode, again.log).toBe(0);
      expect(resultsOf(again)).toEqual(allGood);
      for (const link of linksOf(again)) expect((await fetch(link)).status, link).toBe(200);
    },
    3 * minuteMs,
  );

  it('succeeds when two runs overlap', async () => {
    const both = await Promise.all([run('both'), run('both')]);
    for (const result of both) expect(resultsOf(result), result.log).toEqual(allGood);
    const stored = both.map((result) => Number(outputsOf(result)['publish-uploaded']));
    expect(stored.reduce((sum, count) => sum + count, 0)).toBe((await world.cdn.keys('both/')).length);
  });

  it(
    'verifies in the next window if that of the publish ends in between',
    async () => {
      const origin = await startS3FaultProxy(world.cdn.minio.endpointUrl);
      // Requests for files of the first window are answered only after that window has ended.
      let firstWindow: number | undefined;
      origin.onAnswered = ({ method, url }) => {
        const window = Number(/\/boundary\/[^/]+\/(\d+)\//.exec(url)?.[1] ?? Number.NaN);
        if (method !== 'PUT' || Number.isNaN(window)) return;
        firstWindow ??= window;
        if (window === firstWindow) return sleep(Math.max(0, (window + 1) * minuteMs - Date.now()));
      };
      // Halfway through a window, so that no answer takes long enough to count as lost.
      const wait = `setTimeout(() => {}, (${1.5 * minuteMs} - Date.now() % ${minuteMs}) % ${minuteMs})`;
      const waiting = `- run: node -e '${wait}'`;
      const result = await run('boundary', {
        settings: { WINDOW_LENGTH: '1m', CLOCK_TOLERANCE: '10s', DOWNLOAD_ENDPOINT_URL: origin.endpointUrl },
        files: {
          ...productRepository(),
          [path]: workflow.replace('- uses: your-org', `${waiting}\n      - uses: your-org`),
        },
      }).finally(() => origin.close());
      expect(result.exitCode, result.log).toBe(0);
      expect(resultsOf(result)).toEqual(allGood);
      const verified = Number(outputsOf(result)['verify-window']);
      expect(firstWindow).toBeLessThan(verified);
      const stored = (await world.cdn.keys('boundary/')).map((key) => Number(key.split('/')[2]));
      expect(stored).toEqual(expect.arrayContaining([firstWindow, verified]));
    },
    5 * minuteMs,
  );

  it('stores and sends nothing in a dry run, and lists what it left out', async () => {
    const events = world.github.events.length;
    const result = await run('dry', { settings: { DRY_RUN: 'true' } });
    expect(result.exitCode, result.log).toBe(0);
    expect(resultsOf(result)).toEqual({ pack: 'success', dispatch: 'success' });
    const { log = '' } = result.jobs['release']?.steps['release'] ?? {};
    for (const id of ['sign', 'publish', 'invalidate', 'verify'])
      expect(log).toContain(`Dry run: ${id} did not run`);
    expect(await world.cdn.keys('dry/')).toEqual([]);
    expect(world.github.events.length).toBe(events);
    expect(workspaceSeen(result, 'release')).not.toContain('.slipway-actions');
  });

  // Each secret of the action: a workflow passes a missing one as an empty text.
  const emptied: Readonly<Record<string, Emptied>> = {
    'signing-key': { secret: 'SIGNING_KEY', error: 'sign needs signing-key' },
    passphrase: { secret: 'SIGNING_PASSPHRASE', error: 'passphrase' },
    secret: { secret: 'DOWNLOAD_SECRET', error: 'publish needs secret' },
    'secret-access-key': {
      secret: 'SECRET_ACCESS_KEY',
      settings: { ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' },
      error:
        'publish needs access-key-id and secret-access-key, or no access-key-id and no secret-access-key',
    },
    'session-token': {
      secret: 'SESSION_TOKEN',
      settings: { ACCESS_KEY_ID: 'ASIAIOSFODNN7EXAMPLE' },
      others: { SECRET_ACCESS_KEY: randomBytes(20).toString('hex') },
      error: 'access-key-id belongs to temporary keys, but session-token is not given',
    },
    // The key for the files signs the message only if named for that.
    'signing-secret': {
      secret: 'DISPATCH_SECRET',
      error: 'dispatch needs dispatch-signature: secret and signing-secret',
    },
    token: { secret: 'DISPATCH_TOKEN', error: 'dispatch needs token, or app-id and app-private-key' },
    'app-private-key': {
      secret: 'APP_PRIVATE_KEY',
      settings: { APP_ID: '12345' },
      others: { DISPATCH_TOKEN: '' },
      error: 'dispatch needs token, or app-id and app-private-key',
    },
  };
  // It exists only while the other is being replaced.
  const mayBeEmpty = ['previous-secret'];

  it('has no secrets except those that are tried empty', () => {
    const readme = readFileSync(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');
    const declared = [...readme.matchAll(/^\| `([\w-]+)` .* \(secret\) +\|/gm)].map(([, name = '']) => name);
    expect(declared.sort()).toEqual([...Object.keys(emptied), ...mayBeEmpty].sort());
  });

  it.each(Object.entries(emptied))(
    'I4: an empty %s is an error that names it, and nothing is published or announced',
    async (name, { secret, settings = {}, others = {}, error }) => {
      const events = world.github.events.length;
      for (const blank of ['', ' \n']) {
        const result = await run(`empty-${name}`, { settings, secrets: { ...others, [secret]: blank } });
        expect(result.exitCode).toBe(1);
        expect(result.log).toContain(error);
      }
      expect(await world.cdn.keys(`empty-${name}/`)).toEqual([]);
      expect(world.github.events.length).toBe(events);
    },
  );

  it.each([
    ['DOWNLOAD_URL', 'verify needs base-url'],
    ['DOWNLOAD_DESTINATION', 'publish needs destination'],
    ['TARGETS', 'dispatch needs targets'],
    ['DOWNLOAD_DISTRIBUTION', 'invalidate needs distribution-id'],
  ])('reports an empty %s before it packs anything', async (variable, error) => {
    const result = await run('empty', { settings: { [variable]: '' } });
    expect(result.exitCode).toBe(1);
    expect(result.log).toContain(error);
    expect(resultsOf(result)).toEqual({});
  });

  it('leaves out steps that are skipped by name, and does not need their inputs', async () => {
    const events = world.github.events.length;
    const result = await run('skipped', {
      settings: {
        SKIP: 'sign, invalidate, verify, dispatch',
        DOWNLOAD_URL: '',
        DOWNLOAD_DISTRIBUTION: '',
        TARGETS: '',
      },
      secrets: { SIGNING_KEY: '', SIGNING_PASSPHRASE: '', DISPATCH_SECRET: '', DISPATCH_TOKEN: '' },
    });
    expect(result.exitCode, result.log).toBe(0);
    expect(resultsOf(result)).toEqual({ pack: 'success', publish: 'success' });
    expect(world.github.events.length).toBe(events);
  });

  it('signs the message with the key of the release on request', async () => {
    const result = await run('key', {
      settings: { DISPATCH_SIGNATURE: 'key' },
      secrets: { DISPATCH_SECRET: '' },
    });
    expect(result.exitCode, result.log).toBe(0);
    expect(JSON.stringify(world.github.events.at(-1)?.client_payload)).toContain('BEGIN PGP SIGNED MESSAGE');
  });

  it('I7: ends at a step that fails, sends no message, and reveals no secret', async () => {
    const events = world.github.events.length;
    const wrongs = [
      { step: 'sign', secrets: { SIGNING_PASSPHRASE: 'not this one' } },
      { step: 'publish', secrets: { DOWNLOAD_SECRET: 'short' } },
    ];
    for (const { step, secrets } of wrongs) {
      const result = await run('wrong', { secrets });
      expect(result.exitCode).toBe(1);
      expect(resultsOf(result)).toMatchObject({ pack: 'success', [step]: 'failure' });
      expect(resultsOf(result)['dispatch']).toBeUndefined();
      expect(workspaceSeen(result, 'release')).not.toContain('.slipway-actions');
    }
    expect(await world.cdn.keys('wrong/')).toEqual([]);
    expect(world.github.events.length).toBe(events);
  });
});
