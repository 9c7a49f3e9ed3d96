import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArtifacts, systemClock } from '@slipway/core';
import { accessHash, secretKeyOf, windowAt } from '@slipway/download-window';
import { contentsText } from '@slipway/runner';
import {
  type ActionRunResult,
  failureOf,
  makeTree,
  runAction,
  temporaryDirectory,
  treeOf,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { action } from '../src/action.ts';
import {
  clockAhead,
  dayMs,
  fourPlatforms,
  hourMs,
  previousSecret,
  runOn,
  secret,
  sha256Of,
} from './downloads.ts';

const baseUrl = 'https://downloads.example.org/files';
const release = fourPlatforms();
/** Far from both ends of a window of a month, whenever this runs. */
const length = '31d';
const calm = { 'window-length': length, 'clock-tolerance': '10s' };

function artifactsOf(run: ActionRunResult): ReturnType<typeof parseArtifacts> {
  const file = run.files.find(({ output }) => output === 'artifacts');
  return parseArtifacts(contentsText(file?.contents ?? '[]'));
}

describe('publish to a directory', () => {
  test('stores every file in the current and the next window, and returns the links', async () => {
    const out = temporaryDirectory('out');
    const run = await runOn(out, release.workspace, { files: release.files, 'base-url': baseUrl, ...calm });
    expect(run.failure).toBeUndefined();
    const lengthSeconds = 31 * 86_400;
    const window = windowAt(Date.now(), lengthSeconds).number;
    const keyOf = (platform: string, at: number): string =>
      secretKeyOf({ scheme: 'window-hmac' }, secret, {
        window: at,
        platform,
        file: `${platform}.zip`,
        lengthSeconds,
      });
    const platforms = ['linux-x64', 'macos-arm64', 'macos-x64', 'windows-x64'];
    expect(treeOf(out)).toEqual(
      Object.fromEntries(
        platforms.flatMap((platform) => [
          [keyOf(platform, window), `${platform} `],
          [keyOf(platform, window + 1), `${platform} `],
        ]),
      ),
    );
    expect(run.outputs).toMatchObject({
      window,
      windows: `${window}\n${window + 1}`,
      uploaded: 8,
      unchanged: 0,
      urls: platforms.map((platform) => `${baseUrl}/${keyOf(platform, window)}`).join('\n'),
      prefixes: platforms.map((platform) => dirname(keyOf(platform, window)).concat('/')).join('\n'),
    });
    expect(artifactsOf(run)[1]).toEqual({
      name: 'macos-arm64.zip',
      path: 'out/macos-arm64.zip',
      platform: 'macos-arm64',
      key: keyOf('macos-arm64', window),
      url: `${baseUrl}/${keyOf('macos-arm64', window)}`,
      sizeBytes: 12,
      sha256: sha256Of('macos-arm64 '),
    });
  });

  test('the same release again stores nothing, in every scheme', async () => {
    for (const scheme of ['window-hmac', 'window-sha256']) {
      const out = temporaryDirectory('out');
      const inputs = { files: release.files, scheme };
      const first = await runOn(out, release.workspace, inputs);
      const before = treeOf(out);
      const again = await runOn(out, release.workspace, inputs);
      expect(again.outputs).toMatchObject({ uploaded: 0, unchanged: first.outputs['uploaded'] });
      expect(treeOf(out)).toEqual(before);
    }
  });

  test('I2: different bytes are refused before anything is stored, and replaced on request', async () => {
    const out = temporaryDirectory('out');
    await runOn(out, release.workspace, { files: release.files, ...calm });
    const before = treeOf(out);
    const next = makeTree({
      'out/linux-x64.zip': 'another build',
      'out/new.zip': 'new',
    });
    const inputs = { files: 'linux-x64: out/linux-x64.zip\nmacos: out/new.zip', ...calm };
    const refused = await failureOf(runOn(out, next, inputs));
    expect(refused).toMatchObject({ code: 'immutable-conflict' });
    expect(refused.message).toMatch(/2 files already exist.*\/[0-9a-f]{4}…\/linux-x64\/linux-x64\.zip/s);
    expect(treeOf(out)).toEqual(before);
    const replaced = await runOn(out, next, { ...inputs, replace: 'true' });
    expect(replaced.outputs).toMatchObject({ uploaded: 4 });
    expect(Object.values(treeOf(out)).filter((content) => content === 'another build')).toHaveLength(2);
  });

  test('while a secret is replaced, both open the files, and links use the new one', async () => {
    const out = temporaryDirectory('out');
    const inputs = {
      files: 'macos: out/macos-x64.zip',
      scheme: 'window-sha256',
      'base-url': baseUrl,
      windows: '1',
      ...calm,
    };
    const run = await runOn(out, release.workspace, { ...inputs, 'previous-secret': previousSecret });
    const window = Number(run.outputs['window']);
    const hashes = [secret, previousSecret].map((one) =>
      accessHash('window-sha256', one, { window, platform: 'macos', file: 'x' }),
    );
    expect(Object.keys(treeOf(out))).toEqual(
      hashes.map((hash) => `downloads/${window}/${hash}/macos/macos-x64.zip`).toSorted(),
    );
    expect(run.outputs['urls']).toBe(`${baseUrl}/downloads/${window}/${hashes[0]}/macos/macos-x64.zip`);
  });

  test('a dry run reports what would be stored, with links that cannot be used, and stores nothing', async () => {
    const out = join(temporaryDirectory('out'), 'not-made');
    const run = await runOn(out, release.workspace, { files: release.files, 'dry-run': 'true', ...calm });
    expect(existsSync(out)).toBe(false);
    expect(run.outputs).toMatchObject({ uploaded: 8, unchanged: 0 });
    expect(run.log.filter((line) => line.startsWith('Would store'))).toHaveLength(8);
    expect(run.log.join('\n')).toMatch(
      /Would store downloads\/\d+\/[0-9a-f]{4}…\/linux-x64\/linux-x64\.zip \(10 B, new\)/,
    );
    expect(run.log.join('\n')).not.toMatch(/[0-9a-f]{16}/);
    expect(run.json('report')).toMatchObject({ dryRun: true, rounds: [{ plan: { unchanged: 0 } }] });
  });

  test('two runs at the same time both succeed', async () => {
    const out = temporaryDirectory('out');
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => runOn(out, release.workspace, { files: release.files, ...calm })),
    );
    for (const run of runs) {
      expect(run.failure).toBeUndefined();
      expect(Number(run.outputs['uploaded']) + Number(run.outputs['unchanged'])).toBe(8);
    }
    expect(runs.reduce((sum, { outputs }) => sum + Number(outputs['uploaded']), 0)).toBe(8);
  });
});

describe('artifacts', () => {
  const content = 'the bytes of a release';
  const workspace = makeTree({ 'out/app.zip': content, 'out/other.zip': 'x' });
  const app = {
    name: 'app.zip',
    path: 'out/app.zip',
    platform: 'macos',
    sizeBytes: 22,
    sha256: sha256Of(content),
  };
  const withList = (list: unknown): string => {
    writeFileSync(join(workspace, 'artifacts.json'), JSON.stringify(list));
    return 'artifacts.json';
  };

  test('of the list are published once each, with the other facts in it', async () => {
    const out = temporaryDirectory('out');
    const { platform, ...plain } = app;
    const artifacts = withList([app, app, plain]);
    const run = await runOn(out, workspace, {
      artifacts,
      files: 'macos: out/app.zip',
      windows: '1',
      ...calm,
    });
    expect(artifactsOf(run)).toMatchObject([app, { ...plain, platform: 'all' }]);
    expect(Object.keys(treeOf(out))).toHaveLength(2);
  });

  test('that differ from the list are all reported, and nothing is published', async () => {
    const out = temporaryDirectory('out');
    const artifacts = withList([
      { ...app, sha256: sha256Of('something else') },
      { ...app, platform: 'linux', path: 'out/missing.zip' },
      { ...app, platform: 'windows', path: undefined },
      { ...app, platform: 'a/b' },
      { ...app, platform: 'twice' },
      { ...app, platform: 'twice', path: 'out/other.zip', sha256: sha256Of('x'), sizeBytes: 1 },
    ]);
    const error = await failureOf(runOn(out, workspace, { artifacts }));
    for (const words of [
      '5 files cannot be published',
      '"macos: app.zip" differs from the list of artifacts',
      'out/missing.zip (ENOENT)',
      '"windows: app.zip" has no path',
      '"a/b: app.zip" cannot be part of a link',
      '"twice/app.zip" is the name of two different files',
    ]) {
      expect(error.message).toContain(words);
    }
    expect(treeOf(out)).toEqual({});
  });

  test('a directory, a pipe and an invalid list are errors', async () => {
    const run = (inputs: Record<string, string>) =>
      failureOf(runOn(temporaryDirectory('out'), workspace, inputs));
    expect(await run({ files: 'macos: out' })).toMatchObject({ code: 'source-unreadable' });
    expect(await run({ files: 'macos: /dev/null' })).toMatchObject({ code: 'source-unreadable' });
    expect(await run({ artifacts: 'nowhere.json' })).toMatchObject({ code: 'source-missing' });
    expect(await run({ artifacts: withList({}) })).toMatchObject({ code: 'content-invalid' });
    expect(await run({ artifacts: withList([]) })).toMatchObject({ code: 'source-missing' });
  });

  test('a symbolic link represents its target', async () => {
    rmSync(join(workspace, 'out/latest.zip'), { force: true });
    symlinkSync('app.zip', join(workspace, 'out/latest.zip'));
    const out = temporaryDirectory('out');
    await runOn(out, workspace, { files: 'macos: out/latest.zip', windows: '1', ...calm });
    expect(Object.entries(treeOf(out))).toEqual([[expect.stringMatching(/\/latest\.zip$/), content]]);
  });
});

describe('across the boundary of a window', () => {
  /** Starts just before a boundary, and passes it once something is stored. */
  test('a window that becomes next during the run is published too, and the links belong to the window at the end', async () => {
    const out = temporaryDirectory('out');
    const boundaryMs = (Math.floor(Date.now() / (12 * hourMs)) + 1) * 12 * hourMs;
    const clock = {
      ...systemClock,
      nowMs: () => boundaryMs + (existsSync(join(out, 'downloads')) ? 1_000 : -1_000),
    };
    const inputs = { files: release.files, 'base-url': baseUrl, 'clock-tolerance': '24h' };
    const run = await runOn(out, release.workspace, inputs, clock);
    expect(run.failure).toBeUndefined();
    expect(run.log).toContain('The next window became due during the run: it is published too.');
    const windows = String(run.outputs['windows']).split('\n').map(Number);
    const published = new Set(Object.keys(treeOf(out)).map((key) => Number(key.split('/')[1])));
    expect([...published].toSorted((a, b) => a - b)).toEqual(windows);
    const again = await runOn(out, release.workspace, inputs, clock);
    expect(again.outputs).toMatchObject({ uploaded: 0 });
  });
});

describe('cleanup of a directory', () => {
  const windowNow = () => windowAt(Date.now()).number;
  const hash = '0123456789abcdef0123456789abcdef';

  /** Files of windows, each written when its window was current. */
  function oldDirectory(offsets: readonly number[]): string {
    const out = temporaryDirectory('out');
    for (const offset of offsets) {
      const window = windowNow() + offset;
      const path = join(out, `downloads/${window}/${hash}/macos/app.zip`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `window ${offset}`);
      const at = new Date(Math.min(Date.now(), window * 12 * hourMs + hourMs));
      utimesSync(path, at, at);
    }
    return out;
  }
  const contentsOf = (out: string): readonly string[] => Object.values(treeOf(out)).toSorted();

  test('I6: prints and then deletes what is past its grace, and needs no secret', async () => {
    const out = oldDirectory([-9, -8, -5, -1, 0, 1]);
    writeFileSync(join(out, 'downloads/README'), 'of no window');
    const dry = await runOn(out, out, { operation: 'cleanup', secret: undefined, 'dry-run': 'true' });
    expect(dry.outputs['deleted']).toBe(3);
    expect(contentsOf(out)).toHaveLength(7);
    const run = await runOn(out, out, { operation: 'cleanup', secret: undefined });
    expect(run.log.filter((line) => line.startsWith('Will delete'))).toHaveLength(3);
    expect(run.log).toContain(`  downloads/${windowNow() - 9}/${hash}/macos/app.zip`);
    expect(dry.log.map((line) => line.replace('Would', 'Will'))).toEqual(run.log.slice(0, -1));
    expect(run.log.at(-1)).toBe('Deleted 3 objects.');
    expect(run.outputs).toMatchObject({ deleted: 3 });
    expect(contentsOf(out)).toEqual(['of no window', 'window -1', 'window 0', 'window 1']);
    expect(run.problems).toMatchObject([{ code: 'strangers-left', severity: 'notice' }]);
    expect((await runOn(out, out, { operation: 'cleanup' })).outputs).toMatchObject({ deleted: 0 });
  });

  test.each([
    ['in 2031', Date.UTC(2031, 0) - Date.now()],
    ['in 1970', 1 - Date.now()],
    ['ten days ahead', 10 * dayMs],
    ['two hours behind', -2 * hourMs],
  ])('with the clock of the machine %s, it refuses and deletes nothing', async (_, aheadMs) => {
    const out = oldDirectory([-9, 0, 1]);
    for (const more of [{}, { grace: '0s', windows: '60', 'max-idle': '9999d' }]) {
      const error = await failureOf(runOn(out, out, { operation: 'cleanup', ...more }, clockAhead(aheadMs)));
      expect(error).toMatchObject({ code: 'plan-refused', message: expect.stringContaining('Nothing was') });
    }
    expect(contentsOf(out)).toHaveLength(3);
  });

  test('an hour of skew is tolerated', async () => {
    const out = oldDirectory([-9, -1, 0, 1]);
    for (const aheadMs of [59 * 60_000, -59 * 60_000]) {
      const run = await runOn(out, out, { operation: 'cleanup', grace: '0s' }, clockAhead(aheadMs));
      expect(run.failure).toBeUndefined();
      expect(contentsOf(out)).toEqual(expect.arrayContaining(['window 0', 'window 1']));
    }
  });

  test('an empty directory has nothing to clean up, and a missing one does not report the time', async () => {
    expect((await runOn(temporaryDirectory('out'), '/', { operation: 'cleanup' })).outputs['deleted']).toBe(
      0,
    );
    const missing = join(temporaryDirectory('out'), 'missing');
    const error = await failureOf(runOn(missing, '/', { operation: 'cleanup' }));
    expect(error).toMatchObject({ code: 'plan-refused' });
  });
});

describe('window', () => {
  test('shows the windows and the links, and needs neither files nor a destination', async () => {
    const inputs = {
      operation: 'window',
      secret,
      files: 'macos: app.zip\nlinux: app.tar.gz',
      'base-url': baseUrl,
    };
    const nowMs = Date.UTC(2026, 0, 2, 18);
    const clock = { ...systemClock, nowMs: () => nowMs };
    const run = await runAction(action, inputs, { clock });
    const url = (platform: string, file: string, window: number): string =>
      `${baseUrl}/${secretKeyOf({ scheme: 'window-hmac' }, secret, { window, platform, file })}`;
    // Only in the summary, once: a terminal prints it too.
    expect(run.log).toEqual([]);
    expect(run.outputs).toMatchObject({
      window: 40_911,
      'window-starts-at': '2026-01-02T12:00:00Z',
      'window-ends-at': '2026-01-03T00:00:00Z',
      urls: `${url('macos', 'app.zip', 40_911)}\n${url('linux', 'app.tar.gz', 40_911)}`,
    });
    expect(run.summary.at(-1)).toMatchObject({
      rows: [
        ['40911', 'macos', url('macos', 'app.zip', 40_911)],
        ['40911', 'linux', url('linux', 'app.tar.gz', 40_911)],
        ['40912', 'macos', url('macos', 'app.zip', 40_912)],
        ['40912', 'linux', url('linux', 'app.tar.gz', 40_912)],
      ],
    });
    const bare = await runAction(action, { operation: 'window', secret }, { clock });
    expect(bare.outputs).toMatchObject({ window: 40_911, urls: '' });
  });
});

test('published files are read back from the places in the links', async () => {
  const out = temporaryDirectory('out');
  const run = await runOn(out, release.workspace, {
    files: release.files,
    'base-url': baseUrl,
    prefix: '/get/it/',
  });
  for (const artifact of artifactsOf(run)) {
    expect(artifact.url).toBe(`${baseUrl}/${artifact.key}`);
    expect(sha256Of(readFileSync(join(out, artifact.key ?? '')))).toBe(artifact.sha256);
    expect(artifact.key).toMatch(/^get\/it\/\d+\//);
  }
});
