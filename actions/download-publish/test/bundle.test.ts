// Slow: about 20 s.
import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArtifacts } from '@slipway/core';
import { type ActionRun, actionProcess, makeTree, temporaryDirectory, treeOf } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { bundle, fourPlatforms, previousSecret, secret } from './downloads.ts';

const release = fourPlatforms();
const baseUrl = 'https://downloads.example.org';

function inputsFor(out: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { destination: pathToFileURL(out).href, secret, files: release.files, 'base-url': baseUrl, ...more };
}

/** Everything visible that a step leaves, except the commands that register masks. */
function everythingOf(run: ActionRun): string {
  const printed = run.log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  const files = ['artifacts', 'report'].map((name) => {
    const path = run.outputs[name] ?? '';
    return path === '' ? '' : readFileSync(path, 'utf8');
  });
  return [...printed, run.summary, JSON.stringify(run.outputs), ...files].join('\n');
}

function storedIn(out: string): number {
  return readdirSync(out, { encoding: 'utf8', recursive: true }).filter((path) => path.endsWith('.bin'))
    .length;
}

describe('the bundle as a step of a job', () => {
  test('publishes, and its outputs have the links although the secret is masked', async () => {
    const out = temporaryDirectory('out');
    const run = await actionProcess(bundle, { workspace: release.workspace, inputs: inputsFor(out) });
    expect(run.exitCode, run.log).toBe(0);
    const urls = run.outputs['urls']?.split('\n') ?? [];
    expect(urls).toHaveLength(4);
    const tree = treeOf(out);
    for (const url of urls) {
      // As the runner does with an output that contains a masked value.
      expect(run.masks.some((mask) => url.includes(mask))).toBe(false);
      expect(tree[url.slice(`${baseUrl}/`.length)]).toMatch(/^(linux|macos|windows)-/);
    }
    const artifacts = parseArtifacts(readFileSync(run.outputs['artifacts'] ?? '', 'utf8'));
    expect(artifacts.map(({ url }) => url)).toEqual(urls);
    expect(run.summary).toContain('## Downloads published');
    expect(run.summary).toContain('linux-x64.zip');
    // Readers of the log must not be able to download.
    for (const url of urls) {
      const hash = url.split('/')[5] ?? 'none';
      expect(hash).toMatch(/^[0-9a-f]{32}$/);
      expect(run.log).not.toContain(hash);
      expect(run.summary).not.toContain(hash);
    }
  });

  test('the list of artifacts of one run is accepted by the next', async () => {
    const out = temporaryDirectory('out');
    const first = await actionProcess(bundle, { workspace: release.workspace, inputs: inputsFor(out) });
    const inputs = inputsFor(out, { artifacts: first.outputs['artifacts'] ?? '', files: '' });
    const again = await actionProcess(bundle, { workspace: release.workspace, inputs });
    expect(again.outputs).toMatchObject({ uploaded: '0', urls: first.outputs['urls'] });
  });

  test('two at the same time both succeed, and together they store each object once', async () => {
    for (let round = 0; round < 4; round += 1) {
      const out = temporaryDirectory('out');
      const runs = await Promise.all(
        Array.from({ length: 2 }, () =>
          actionProcess(bundle, { workspace: release.workspace, inputs: inputsFor(out) }),
        ),
      );
      for (const run of runs) expect(run.exitCode, run.log).toBe(0);
      const uploaded = runs.reduce((sum, { outputs }) => sum + Number(outputs['uploaded']), 0);
      expect(uploaded).toBe(Object.keys(treeOf(out)).length);
    }
  });

  test('I5: killed at any moment, it is finished by running it again, which stores only the rest', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `file-${index}.bin`);
    const workspace = makeTree(Object.fromEntries(names.map((name) => [name, name.repeat(20_000)])));
    const files = names.map((name) => `any: ${name}`).join('\n');
    const counts = new Set<number>();
    for (let kill = 0; kill < 12; kill += 1) {
      const out = temporaryDirectory('out');
      const inputs = inputsFor(out, { files });
      let timer: NodeJS.Timeout | undefined;
      const killed = await actionProcess(bundle, {
        workspace,
        inputs,
        onOutput: (log, end) => {
          if (!log.includes('::group::Storing')) return;
          // Triggered by what is stored, not by time, so that the moments differ however busy the machine is.
          timer ??= setInterval(() => {
            if (storedIn(out) >= kill * 8) end('SIGKILL');
          }, 1);
        },
      });
      clearInterval(timer);
      const left = treeOf(out);
      for (const [key, content] of Object.entries(left)) {
        expect(content).toBe((key.split('/').at(-1) ?? '').repeat(20_000));
      }
      if (killed.signal === 'SIGKILL') counts.add(Object.keys(left).length);
      const rerun = await actionProcess(bundle, { workspace, inputs });
      expect(rerun.exitCode, rerun.log).toBe(0);
      const stored = Object.keys(treeOf(out)).length;
      expect(stored).toBe(60 * (rerun.outputs['windows']?.split('\n').length ?? 0));
      expect(Number(rerun.outputs['uploaded'])).toBe(stored - Object.keys(left).length);
    }
    // Otherwise all were killed at the same moment, which proves little.
    expect(counts.size).toBeGreaterThan(3);
  }, 300_000);

  test('I8: names are printed as plain text, and are never commands', async () => {
    const name = 'a b|::error::owned <img>.zip';
    const workspace = makeTree({ [name]: 'x' });
    const out = temporaryDirectory('out');
    const inputs = inputsFor(out, { files: `x##[error]y: ${name}` });
    const run = await actionProcess(bundle, { workspace, inputs });
    expect(run.exitCode, run.log).toBe(0);
    expect(run.annotations).toEqual([]);
    expect(run.summary).not.toContain('<img>');
    writeFileSync(join(workspace, 'artifacts.json'), '[{"name": "x\\n::error::owned"}]');
    const refused = await actionProcess(bundle, {
      workspace,
      inputs: inputsFor(out, { files: '', artifacts: 'artifacts.json' }),
    });
    expect(refused.annotations).toHaveLength(1);
    expect(refused.annotations[0]?.message).toContain('content-invalid');
  });
});

describe('I7: secrets', () => {
  const quoted = `a "quoted" secret of a test % with 'many' signs`;
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const keyLines = privateKey.split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'));
  const nowhere = 'http://127.0.0.1:9';
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, number])[] = [
    ['publish', {}, 0],
    ['publish, with two secrets', { 'previous-secret': previousSecret }, 0],
    ['publish, by the scheme with a plain hash', { scheme: 'window-sha256', secret: quoted }, 0],
    ['publish, dry', { 'dry-run': 'true' }, 0],
    ['window', { operation: 'window', 'previous-secret': previousSecret }, 0],
    ['cleanup', { operation: 'cleanup' }, 0],
    ['verify without a CDN', { operation: 'verify', 'base-url': nowhere, 'verify-deadline': '0s' }, 1],
    ['a store that is none', { destination: 'file:///dev/null/x' }, 1],
    ['a file that is missing', { files: 'macos: nowhere.zip' }, 1],
    ['a secret that is too short', { secret: `${quoted.slice(0, 20)}` }, 1],
    ['a secret in the wrong input', { scheme: 'cloudfront-signed', 'key-pair-id': 'K1', secret: quoted }, 1],
    ['signed links', { scheme: 'cloudfront-signed', 'key-pair-id': 'K1', secret: privateKey }, 0],
    [
      'a bucket on a server that does not answer',
      {
        destination: 's3://bucket',
        'endpoint-url': nowhere,
        'secret-access-key': quoted,
        'access-key-id': 'AKIDEXAMPLE',
        'dry-run': 'true',
        operation: 'window',
      },
      0,
    ],
  ];

  test.each(cases)('appear in nothing that a run leaves: %s', async (_, more, exitCode) => {
    const run = await actionProcess(bundle, {
      workspace: release.workspace,
      inputs: inputsFor(temporaryDirectory('out'), { report: 'report.json', ...more }),
      environment: { RUNNER_DEBUG: '1' },
    });
    expect(run.exitCode, run.log).toBe(exitCode);
    const everything = everythingOf(run);
    for (const text of [
      secret,
      previousSecret,
      quoted,
      quoted.slice(0, 20),
      encodeURIComponent(quoted),
      ...keyLines,
    ]) {
      expect(everything).not.toContain(text);
    }
  });
});
