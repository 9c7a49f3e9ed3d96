import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../command.ts';
import { root } from '../workspace.ts';

const packages = ['core', 'runner', 'store', 'signing', 'mirror', 'cli', 'testkit', 'newcomer'];

/** Each breaks one rule; the imports of types are there because only a TypeScript parser sees them. */
const violations = [
  ['packages/core/src/up.ts', "import '@slipway/runner';", 'packages-of-core'],
  ['packages/core/src/up-type.ts', "import type { a } from '@slipway/store';", 'packages-of-core'],
  ['packages/core/src/outside.ts', "import 'openpgp';", 'core-imports-nothing'],
  ['packages/runner/src/across.ts', "import '@slipway/store';", 'packages-of-runner'],
  ['packages/runner/src/relative.ts', "import '../../store/src/index.ts';", 'packages-of-runner'],
  ['packages/runner/src/early.ts', "import '@actions/core';", 'actions-toolkit-is-loaded-late'],
  ['packages/mirror/src/across.ts', "export * from '@slipway/store';", 'packages-of-mirror'],
  ['packages/newcomer/src/use.ts', "import '@slipway/core';", 'packages-in-the-table'],
  [
    'packages/store/src/down.ts',
    "import type { a } from '../../../actions/one/src/action.ts';",
    'only-cli-imports-actions',
  ],
  ['packages/store/src/toolkit.ts', "await import('@actions/core');", 'sole-importer-of-@actions/*'],
  ['packages/store/src/program.ts', "import 'node:child_process';", 'child-processes-in-one-place'],
  ['packages/store/src/openpgp.ts', "const type: import('openpgp').Key = 1;", 'sole-importer-of-openpgp'],
  ['packages/signing/src/aws.ts', "import '@aws-sdk/client-s3';", 'sole-importer-of-@aws-sdk/*'],
  ['packages/signing/src/tests.ts', "import { a } from '@slipway/testkit';", 'test-packages-only-in-tests'],
  ['packages/signing/src/helper.ts', "import '../test/helper.ts';", 'test-packages-only-in-tests'],
  ['packages/signing/src/dev.ts', "import 'dev-only';", 'no-development-dependencies'],
  ['packages/signing/src/missing.ts', "import './nowhere.ts';", 'resolvable'],
  ['packages/signing/src/cycle-a.ts', "import './cycle-b.ts';", 'no-cycles'],
  ['actions/one/src/other.ts', "import '../../two/src/action.ts';", 'actions-never-each-other'],
] as const;

const clean = [
  ['packages/runner/src/late.ts', "import '@slipway/core'; await import('@actions/core');"],
  ['packages/signing/src/use.ts', "import 'openpgp'; import type { a } from '@slipway/core';"],
  ['packages/mirror/src/use.ts', "import '@slipway/signing'; import '@slipway/core';"],
  ['packages/cli/src/use.ts', "await import('../../../actions/one/src/action.ts');"],
  ['packages/signing/test/helper.ts', "import '@slipway/testkit'; import 'openpgp';"],
  ['actions/one/src/use.ts', "import '@slipway/core'; import '@slipway/store';"],
  ['actions/license-key-check/src/process.ts', "import 'node:child_process';"],
  ['packages/testkit/src/use.ts', "import '@slipway/mirror'; import 'openpgp';"],
] as const;

const directory = mkdtempSync(join(tmpdir(), 'slipway-rules-'));
const found = new Map<string, string[]>();

function write(path: string, text: string): void {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
}

function manifest(name: string, extra = {}): string {
  const exports = { '.': { source: './src/index.ts', default: './build/index.js' } };
  return JSON.stringify({ name, type: 'module', exports, ...extra });
}

beforeAll(async () => {
  mkdirSync(join(directory, 'node_modules/@slipway'), { recursive: true });
  for (const name of packages) {
    const dependencies = { openpgp: '*', '@actions/core': '*', '@aws-sdk/client-s3': '*' };
    write(
      `packages/${name}/package.json`,
      manifest(`@slipway/${name}`, { dependencies, devDependencies: { 'dev-only': '*' } }),
    );
    write(`packages/${name}/src/index.ts`, 'export type a = 1;\n');
    symlinkSync(join(directory, 'packages', name), join(directory, 'node_modules/@slipway', name));
  }
  for (const name of ['one', 'two']) {
    write(`actions/${name}/package.json`, manifest(`@slipway/${name}`));
    write(`actions/${name}/src/action.ts`, 'export type a = 1;\n');
  }
  for (const name of ['openpgp', 'dev-only', '@actions/core', '@aws-sdk/client-s3']) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, main: 'index.js' }));
    write(`node_modules/${name}/index.js`, '');
  }
  write('packages/signing/src/cycle-b.ts', "import type { a } from './cycle-a.ts';\n");
  for (const [path, text] of [...violations, ...clean]) write(path, `${text}\n`);
  const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const config = join(root, '.dependency-cruiser.mjs');
  const args = [cruiser, '--config', config, '--output-type', 'json', 'actions', 'packages'];
  const { output } = await runCommand(process.execPath, args, { cwd: directory });
  const { summary } = JSON.parse(output) as {
    summary: { violations: { from: string; rule: { name: string } }[] };
  };
  for (const { from, rule } of summary.violations) found.set(from, [...(found.get(from) ?? []), rule.name]);
});

afterAll(() => rmSync(directory, { recursive: true }));

describe('the rules about imports', () => {
  test.each(violations)('find what %s does: %s', (path, _, rule) => {
    expect(found.get(path)).toContain(rule);
  });

  test.each(clean)('let %s do what it may: %s', (path) => {
    expect(found.get(path)).toBeUndefined();
  });
});
