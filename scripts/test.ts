import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { installServerProgram, serverProgramNames } from '@slipway/testkit';
import { runCommand, say } from './lib/command.ts';
import { portableTests } from './lib/portable.ts';
import { type Tally, tallyVariable } from './lib/tally-reporter.ts';
import { root } from './lib/workspace.ts';

interface Check {
  readonly name: string;
  /** Of Node. */
  readonly args: readonly string[];
}

const node = process.execPath;
// By their files: Windows starts no program by a name that is a script.
const tsc = 'node_modules/typescript/bin/tsc';
const biome = 'node_modules/@biomejs/biome/bin/biome';
const depcruise = 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs';
const build: Check = { name: 'build', args: [tsc, '-b', 'tsconfig.build.json'] };
const types: Check = { name: 'types', args: [tsc, '-p', 'tsconfig.json'] };

/** Everything, which needs Linux. */
const wholeChecks: readonly Check[] = [
  { name: 'bundles', args: ['scripts/bundle.ts'] },
  types,
  { name: 'format and lint', args: [biome, 'check', '--colors=off', '.'] },
  {
    name: 'imports',
    args: [depcruise, '--config', '.dependency-cruiser.mjs', 'actions', 'packages', 'scripts'],
  },
  { name: 'documents', args: ['--conditions=source', 'scripts/docs.ts', '--check'] },
];

/** What `--portable` needs. */
const portableChecks: readonly Check[] = [
  { name: 'bundles', args: ['scripts/bundle.ts', 'license-key-check'] },
  types,
];

const given = process.argv.slice(2);
const isPortable = given.includes('--portable');
const checks = isPortable ? portableChecks : wholeChecks;
const testArguments = isPortable
  ? given.flatMap((word) => (word === '--portable' ? portableTests(root, process.platform) : [word]))
  : given;
const failedChecks: string[] = [];

/** Runs a check; prints one line when it passes and everything it says when it does not. */
async function perform({ name, args }: Check): Promise<void> {
  const startedMs = performance.now();
  const { exitCode, output } = await runCommand(node, args, { cwd: root });
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
  const args = [vitest, 'run', '--reporter=default', `--reporter=${reporter}`, ...testArguments];
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

/** Why servers cannot be installed here; the tests that need them are skipped. */
async function installServers(): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const name of serverProgramNames) {
    const reason = await installServerProgram(name, say);
    if (reason !== undefined) missing.push(reason);
  }
  return missing;
}

await perform(build);
const [missingServers] = await Promise.all([isPortable ? [] : installServers(), ...checks.map(perform)]);

const tallyFile = join(root, '.cache/test-tally.json');
mkdirSync(join(root, '.cache'), { recursive: true });
rmSync(tallyFile, { force: true });
const exitCode = await runTests(tallyFile);
const { passed, failed, skipped, slow } = readTally(tallyFile);

for (const reason of missingServers) say(`not here: ${reason}`);
for (const { name, reason } of skipped) say(`skipped: ${name} (${reason})`);
for (const { file, seconds } of slow)
  say(
    `slow: ${file} took ${seconds} s. Give it the line "// Slow: about ${seconds} s.", so that it starts early.`,
  );
if (failedChecks.length > 0) say(`✗ failed checks: ${failedChecks.join(', ')}`);
if (exitCode !== 0 || failed > 0 || failedChecks.length > 0) process.exitCode = 1;
say(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);

/** What the reporter counted. A run that ended without counting failed. */
function readTally(path: string): Tally {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Tally;
  } catch {
    return { passed: 0, failed: 1, skipped: [], slow: [] };
  }
}
