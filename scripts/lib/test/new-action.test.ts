// Slow: about 50 s.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CommandResult, runCommand } from '../command.ts';
import { root } from '../workspace.ts';

const copy = mkdtempSync(join(tmpdir(), 'slipway-copy-'));
const name = 'sample-list';

function run(program: string, ...args: string[]): Promise<CommandResult> {
  const { NODE_ENV: _nodeEnv, VITEST: _vitest, ...env } = process.env;
  const path = `${join(copy, 'node_modules/.bin')}:${dirname(process.execPath)}:${process.env['PATH']}`;
  return runCommand(program, args, { cwd: copy, env: { ...env, PATH: path } });
}

/** A copy of the repository as git would have it: everything but what is ignored. */
beforeAll(async () => {
  const { output } = await runCommand('git', ['ls-files', '-coz', '--exclude-standard'], { cwd: root });
  for (const file of output.split('\0').filter((path) => path !== '' && existsSync(join(root, path)))) {
    cpSync(join(root, file), join(copy, file));
  }
}, 120_000);

afterAll(() => rmSync(copy, { recursive: true, force: true }));

test('scripts/new-action makes an action that passes its own tests, bundle included', async () => {
  const made = await run('scripts/new-action', name);
  expect(made.output).toContain(`Made actions/${name}.`);
  expect(made.exitCode).toBe(0);
  expect(readFileSync(join(copy, 'actions', name, 'action.yml'), 'utf8')).toContain('main: dist/index.js');
  expect(readFileSync(join(copy, 'actions', name, 'README.md'), 'utf8')).toContain('| `directory` |');
  expect(readFileSync(join(copy, 'tsconfig.build.json'), 'utf8')).toContain(`"actions/${name}"`);

  const checked = await run('biome', 'check', `actions/${name}`, 'packages/cli/src/registry.ts');
  expect(checked.output).not.toContain('Found');
  expect(checked.exitCode).toBe(0);
  expect(await run('tsc', '-b', 'packages/cli')).toMatchObject({ exitCode: 0 });
  expect(await run('tsc', '-p', 'tsconfig.json')).toMatchObject({ exitCode: 0 });

  const bundled = await run(process.execPath, 'scripts/bundle.ts', name);
  expect(bundled.output).toContain(`✓ actions/${name}/dist`);
  const again = await run(process.execPath, 'scripts/bundle.ts', name);
  expect(again.output).toContain('up to date');
  const tested = await run('vitest', 'run', `actions/${name}`);
  expect(tested.output).not.toContain('failed');
  expect(tested.exitCode).toBe(0);

  const listed = await run(
    process.execPath,
    'packages/cli/build/main.js',
    name,
    '--directory',
    'scripts/lib',
    '--json',
  );
  expect(listed.exitCode).toBe(0);
  expect(JSON.parse(listed.output.slice(listed.output.indexOf('{')))).toMatchObject({
    dryRun: false,
    files: expect.any(Array),
  });
}, 300_000);

test('scripts/new-action refuses names that are taken or not valid', async () => {
  for (const wrong of ['core', 'Has Space', '../up', '']) {
    const { exitCode } = await run('scripts/new-action', wrong);
    expect(exitCode).toBe(2);
    expect(existsSync(join(copy, 'actions', wrong, 'src/plan.ts'))).toBe(false);
  }
});
