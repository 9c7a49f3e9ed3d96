import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { actionProcess, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { bundle, bytesOf, listing, namesIn, workspaceOf } from './packing.ts';

const python = spawnSync('python3', ['-c', 'import zipfile']).status === 0 ? 'python3' : undefined;

const text = Buffer.from(Array.from({ length: 300_000 }, (_, index) => `line ${index * 7919}\n`).join(''));
const files = {
  'dist/big.log': text,
  'dist/tool*': randomBytes(2_500_000),
  'dist/lib/a': 'a',
  'dist/lib/b': 'b',
  'dist/名.txt': 'x',
};
const order = Object.keys(files);

function workspaceInOrder(names: readonly string[], timeSeconds: number): string {
  const workspace = workspaceOf(
    Object.fromEntries(names.map((name) => [name, files[name as keyof typeof files]])),
  );
  for (const name of names) utimesSync(join(workspace, name.replace(/\*$/, '')), timeSeconds, timeSeconds);
  return workspace;
}

describe('the bundle as a step of a job', () => {
  const reference = workspaceInOrder(order, 1_000_000_000);
  const inputs = { archives: 'x.zip: dist\ny.zip: dist/lib dist/big.log', universal: 'all.zip' };

  test('packs the same bytes whatever the times and order of files, umask, time zone and threads', async () => {
    const first = await actionProcess(bundle, { workspace: reference, inputs });
    expect(first.exitCode, first.log).toBe(0);
    const variations: readonly Readonly<Record<string, string>>[] = [
      { TZ: 'Asia/Kathmandu', UV_THREADPOOL_SIZE: '1' },
      { TZ: 'America/Los_Angeles', UV_THREADPOOL_SIZE: '16', LANG: 'de_DE.UTF-8', HOME: '/nowhere' },
    ];
    const previousUmask = process.umask(0o077);
    try {
      for (const environment of variations) {
        const workspace = workspaceInOrder(order.toReversed(), 1_700_000_000);
        const run = await actionProcess(bundle, { workspace, inputs, environment });
        expect(run.exitCode, run.log).toBe(0);
        for (const name of ['x.zip', 'y.zip', 'all.zip']) {
          const same = bytesOf(workspace, `archives/${name}`).equals(bytesOf(reference, `archives/${name}`));
          expect(same, `${name} with ${JSON.stringify(environment)}`).toBe(true);
        }
      }
    } finally {
      process.umask(previousUmask);
    }
    expect(listing(join(reference, 'archives/y.zip'))).toEqual([
      '-rw-r--r-- big.log',
      '-rw-r--r-- lib/a',
      '-rw-r--r-- lib/b',
    ]);
  });

  test('succeeds without changes the second time, and reports that', async () => {
    const run = await actionProcess(bundle, { workspace: reference, inputs });
    expect(run.outputs).toMatchObject({ archives: '3', unchanged: '3', entries: '16' });
    expect(run.log).toMatch(/x\.zip: unchanged, .* SHA-256 [0-9a-f]{64}/);
    expect(run.summary).toContain('unchanged');
    expect(JSON.parse(readFileSync(run.outputs['artifacts'] ?? '', 'utf8'))).toHaveLength(3);
    expect(run.outputs['paths']).toBe('archives/x.zip\narchives/y.zip\narchives/all.zip');
  });

  test.skipIf(python === undefined)(
    'packs what Python’s zipfile takes for sound (skipped without python3)',
    () => {
      const script = [
        'import sys, zipfile',
        'z = zipfile.ZipFile(sys.argv[1])',
        'assert z.testzip() is None',
        'print([(i.filename, i.file_size, oct(i.external_attr >> 16), i.date_time) for i in z.infolist()])',
      ].join('\n');
      const printed = execFileSync(python ?? '', ['-c', script, join(reference, 'archives/all.zip')], {
        encoding: 'utf8',
      });
      expect(printed).toContain("('dist/tool', 2500000, '0o100755', (1980, 1, 1, 0, 0, 0))");
    },
  );

  test('I8: prints no command in a file’s name, and refuses it', async () => {
    const workspace = workspaceOf({ 'dist/a\n::error::owned': 'x', 'dist/::set-output name=x::y': 'x' });
    const run = await actionProcess(bundle, { workspace, inputs: { archives: 'x.zip: dist' } });
    expect(run.exitCode).toBe(1);
    expect(run.annotations).toHaveLength(1);
    expect(run.annotations[0]?.message).toContain('control character');
    const quiet = await actionProcess(bundle, {
      workspace,
      inputs: {
        archives: 'x.zip: "dist/::set-output name=x::y"',
        'portable-names': 'never',
        'dry-run': 'true',
      },
    });
    expect(quiet.exitCode, quiet.log).toBe(0);
    expect(quiet.log).not.toContain('::set-output');
  });

  test('an empty input counts as not given', async () => {
    const workspace = workspaceOf({ app: 'x' });
    const given = {
      archives: 'x.zip: app',
      universal: '',
      platforms: '',
      'source-directory': '',
      'output-directory': '',
      'readme-template': '',
      'readme-name': '',
      fields: '',
      'compression-level': '',
      'dry-run': '',
    };
    const run = await actionProcess(bundle, { workspace, inputs: given });
    expect(run.exitCode, run.log).toBe(0);
    expect(namesIn(join(workspace, 'archives'))).toEqual(['x.zip']);
  });

  test('says what to do if it cannot write', async () => {
    const workspace = workspaceOf({ app: 'x', archives: 'a file' });
    const run = await actionProcess(bundle, { workspace, inputs: { archives: 'x.zip: app' } });
    expect(run.exitCode).toBe(1);
    expect(run.annotations[0]?.message).toMatch(
      /archives cannot be made: something else has this name \(EEXIST\)\.[\s\S]*target-read-only/,
    );
    expect(run.outputs['report']).not.toBe('');
  });

  test('takes little memory for large files', async () => {
    const workspace = temporaryDirectory('much');
    execFileSync('bash', ['-c', 'head -c 300M /dev/zero | tr "\\0" "x" > big'], { cwd: workspace });
    const run = await actionProcess(bundle, {
      workspace,
      inputs: { archives: 'x.zip: big', 'compression-level': '1' },
      nodeOptions: [
        '--import',
        `data:text/javascript,process.on('exit',()=>console.log('peak',process.resourceUsage().maxRSS))`,
      ],
    });
    expect(run.exitCode, run.log).toBe(0);
    const peakKib = Number(/^peak (\d+)$/m.exec(run.log)?.[1]);
    expect(peakKib).toBeGreaterThan(20_000);
    expect(peakKib).toBeLessThan(300 * 1024);
  });
});
