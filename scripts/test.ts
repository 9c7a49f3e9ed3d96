import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { installServerProgram, serverProgramNames } from '@slipway/testkit';
import { runCommand, say } from './lib/command.ts';
import { type Tally, tallyVariable } from './lib/tally-reporter.ts';
import { root } from './lib/workspace.ts';

interface Check {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

const node = process.execPath;
const build: Check = { name: 'build', program: 'tsc', args: ['-b', 'tsconfig.build.json'] };
const checks: readonly Check[] = [
  { name: 'bundles', program: node, args: ['scripts/bundle.ts'] },
  { name: 'types', program: 'tsc', args: ['-p', 'tsconfig.json'] },
  { name: 'format and lint', program: 'biome', args: ['check', '--colors=off', '.'] },
  {
    name: 'imports',
    program: 'depcruise',
    args: ['--config', '.dependency-cruiser.mjs', 'actions', 'packages', 'scripts'],
  },
  { name: 'documents', program: node, args: ['--conditions=source', 'scripts/docs.ts', '--check'] },
];
const failedChecks: string[] = [];

/** Runs a check; prints one line when it passes and everything it says when it does not. */
async function perform({ name, program, args }: Check): Promise<void> {
  const startedMs = performance.now();
  const { exitCode, output } = await runCommand(program, args, { cwd: root });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  if (exitCode === 0) {
    say(`✓ ${name} (${seconds} s)`);
  } else {
    failedChecks.push(name);
    say(`✗ ${name} (${seconds} s)\n${output.trimEnd()}\n`);
  }
}

/** Runs vitest with its output going straight through. */
function runTests(tallyFile: string): Promise<number> {
  const reporter = join(root, 'scripts/lib/tally-reporter.ts');
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--reporter=default', `--reporter=${reporter}`, ...process.argv.slice(2)];
  const child = spawn(node, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, [tallyVariable]: tallyFile },
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** What could not be had here: the tests that need it are skipped. */
async function installServers(): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const name of serverProgramNames) {
    const reason = await installServerProgram(name, say);
    if (reason !== undefined) missing.push(reason);
  }
  return missing;
}

await perform(build);
const [missingServers] = await Promise.all([installServers(), ...checks.map(perform)]);

const tallyFile = join(root, '.cache/test-tally.json');
mkdirSync(join(root, '.cache'), { recursive: true });
rmSync(tallyFile, { force: true });
const exitCode = await runTests(tallyFile);
const { passed, failed, skipped } = readTally(tallyFile);

for (const reason of missingServers) say(`not here: ${reason}`);
for (const { name, reason } of skipped) say(`skipped: ${name} (${reason})`);
if (failedChecks.length > 0) say(`✗ failed checks: ${failedChecks.join(', ')}`);
if (exitCode !== 0 || failed > 0 || failedChecks.length > 0) process.exitCode = 1;
say(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);

/** What the reporter counted; a run that ended without counting failed. */
function readTally(path: string): Tally {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Tally;
  } catch {
    return { passed: 0, failed: 1, skipped: [] };
  }
}
