import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { say } from './lib/command.ts';
import { execute } from './lib/release/execute.ts';
import { buildBundles, readMaterials } from './lib/release/materials.ts';
import { observe } from './lib/release/observe.ts';
import { keyVariable, passphraseVariable, plan } from './lib/release/plan.ts';
import { report } from './lib/release/report.ts';
import { root } from './lib/workspace.ts';

const usage = 'Usage: scripts/release VERSION [--dry-run] [--push] [--unsigned]';

function complain(lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`${line}\n`);
}

function readArguments(): ReturnType<typeof parse> | undefined {
  try {
    return parse();
  } catch (error) {
    complain([error instanceof Error ? error.message : String(error), usage]);
    return undefined;
  }
}

function parse() {
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'dry-run': flag, push: flag, unsigned: flag, help: flag },
  });
  if (!values.help && positionals.length !== 1) throw new Error('Give one version.');
  return { ...values, version: positionals[0] ?? '' };
}

async function main(): Promise<number> {
  const args = readArguments();
  if (args === undefined) return 2;
  if (args.help) {
    say(usage);
    return 0;
  }
  const { version, push, unsigned } = args;
  // Only artifact-sign gets the key.
  const { [keyVariable]: key, [passphraseVariable]: passphrase, ...environment } = process.env;
  delete process.env[keyVariable];
  delete process.env[passphraseVariable];
  const hasKey = key !== undefined && key !== '';
  const planned = plan(await observe(root, { version, push, unsigned }, hasKey));
  if ('problems' in planned) {
    complain(['Nothing was released:', ...planned.problems.map((problem) => `- ${problem}`)]);
    return 1;
  }
  say(JSON.stringify(planned, undefined, 2));
  if (args['dry-run']) return 0;
  const room = mkdtempSync(join(tmpdir(), 'slipway-release-'));
  try {
    const result = await execute(planned, {
      root,
      room,
      signing: hasKey ? { key, passphrase: passphrase === '' ? undefined : passphrase } : undefined,
      nowMs: Date.now(),
      build: (directory) => buildBundles(directory, environment),
      readMaterials,
      say,
    });
    for (const line of report(planned, result)) say(line);
    return 0;
  } catch (error) {
    complain([
      error instanceof Error ? error.message : String(error),
      'Run the same command again to resume.',
    ]);
    return 1;
  } finally {
    rmSync(room, { recursive: true, force: true });
  }
}

process.exitCode = await main();
