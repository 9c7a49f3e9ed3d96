// Slow: about 50 s.
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  commandLinePrograms,
  documentBlock,
  filesBelow,
  runShellBlock,
  temporaryDirectory,
} from '@slipway/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../command.ts';
import { root, workspaceMembers } from '../../workspace.ts';

/** Would start this test, so only its call and arguments are checked. */
const scriptsTest = { 'scripts/test': 'echo "scripts/test $*"' };

/** Would install into the clone, which shares the modules of this repository; it has a test of its own. */
const newAction = { 'scripts/new-action': 'echo "scripts/new-action $*"' };

/** A clone in which everything is already installed, built and bundled, as far as it is here. */
async function clone(): Promise<string> {
  const copy = temporaryDirectory('clone');
  const { output } = await runCommand('git', ['ls-files', '-coz', '--exclude-standard'], { cwd: root });
  const files = output.split('\0').filter((path) => path !== '' && existsSync(join(root, path)));
  const kept = { recursive: true, preserveTimestamps: true, verbatimSymlinks: true } as const;
  for (const file of files) cpSync(join(root, file), join(copy, file), kept);
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const { directory } of workspaceMembers()) {
    for (const name of ['node_modules', 'build', 'dist', 'tsconfig.tsbuildinfo']) {
      const from = join(root, directory, name);
      if (existsSync(from)) cpSync(from, join(copy, directory, name), kept);
    }
  }
  const bundles = join(root, '.cache/bundles');
  if (existsSync(bundles)) cpSync(bundles, join(copy, '.cache/bundles'), kept);
  return copy;
}

const system = { HOME: temporaryDirectory('home'), XDG_CACHE_HOME: temporaryDirectory('cache') };

describe('in a clone', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await clone();
  }, 120_000);

  test('the lines of the README get from nothing to a verified mirror', async () => {
    expect(existsSync(join(directory, 'scripts/test'))).toBe(true);
    const run = await runShellBlock(documentBlock('README.md#try-it'), {
      directory,
      programs: scriptsTest,
      environment: system,
    });
    expect(run.exitCode, run.error).toBe(0);
    expect(run.output).toContain('entries verified to the last byte, 0 errors');
    expect(run.output).toMatch(/^scripts\/test $/m);
  }, 300_000);

  test('the lines of CONTRIBUTING do what their comments say', async () => {
    const block = documentBlock('CONTRIBUTING.md#set-up');
    const run = await runShellBlock(block, {
      directory,
      programs: { ...scriptsTest, ...newAction },
      environment: system,
    });
    expect(run.exitCode, run.error).toBe(0);
    expect(run.output).toContain('scripts/test packages/signing\n');
    expect(existsSync(join(directory, 'packages/signing/test'))).toBe(true);
    expect(run.output).toContain('actions/buildcache-sign/dist');
    expect(run.output).toContain('Usage: slipway ACTION');
    expect(run.output).toContain('scripts/new-action NAME\n');
  }, 300_000);
});

describe('measurements', () => {
  test('accept every flag in their README, and measure', async () => {
    const { text } = documentBlock('packages/bench/README.md#measurements');
    const lines = text.split('\n').filter((line) => line !== '');
    const run = await runShellBlock(documentBlock('packages/bench/README.md#measurements'), {
      directory: temporaryDirectory('bench'),
      // These measurements take minutes, so they run with the smallest possible input; every line is run as it is written.
      programs: {
        ...commandLinePrograms(),
        'scripts/bench': [
          'echo "bench $*"',
          'case "$*" in *--only*) ;; *) set -- "$@" --only nothing ;; esac',
          `exec '${process.execPath}' --conditions=source '${join(root, 'packages/bench/src/run.ts')}' "$@" --entries 3 --runs 1 --work "$(mktemp -d)" --slipway scripts/slipway`,
        ].join('\n'),
      },
    });
    expect(run.exitCode, run.error).toBe(0);
    expect(run.output.match(/^bench /gm)).toHaveLength(lines.length);
    expect(run.output.match(/^results in /gm)).toHaveLength(lines.length - 1);
    expect(run.output).toContain('Usage: scripts/bench');
  }, 120_000);

  test('make large mirrors as the README says', async () => {
    const output = join(temporaryDirectory('large'), 'mirror');
    const run = await runShellBlock(documentBlock('packages/bench/README.md#large-mirrors'), {
      directory: root,
      replacements: { DIR: output, '10000': '4' },
    });
    expect(run.exitCode, run.error).toBe(0);
    const files = Object.keys(filesBelow(output));
    expect(files.filter((file) => file.endsWith('.spec.manifest.json'))).toHaveLength(4);
    expect(files).toContain('v3/manifests/index/index.manifest.json');
    const manifest = files.find((file) => file.endsWith('.spec.manifest.json')) ?? '';
    expect(readFileSync(join(output, manifest), 'utf8')).toContain('BEGIN PGP SIGNED MESSAGE');
    expect(readdirSync(dirname(output))).toEqual(['mirror']);
  });
});
