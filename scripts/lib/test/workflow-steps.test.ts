import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { runCommand } from '../command.ts';
import { root } from '../workspace.ts';

interface Workflow {
  readonly jobs: Readonly<
    Record<string, { readonly steps: readonly { readonly name?: string; readonly run?: string }[] }>
  >;
}

/** The script of a step of a job. */
function scriptOf(workflow: string, job: string, step: string): string {
  const text = readFileSync(join(root, '.github/workflows', workflow), 'utf8');
  const script = (parse(text) as Workflow).jobs[job]?.steps.find(({ name }) => name === step)?.run;
  if (script === undefined) throw new Error(`${workflow} has no script ${step} in ${job}`);
  return script;
}

test('download-release.yml never packs into a directory that the repository has', async () => {
  const script = scriptOf('download-release.yml', 'pack', 'Refuse a directory that is in the way');
  const cwd = temporaryDirectory('checkout');
  mkdirSync(join(cwd, 'release'));
  expect(await runCommand('bash', ['-e', '-c', script], { cwd })).toEqual({ exitCode: 0, output: '' });
  mkdirSync(join(cwd, 'slipway-release'));
  const refused = await runCommand('bash', ['-e', '-c', script], { cwd });
  expect(refused.exitCode).toBe(1);
  expect(refused.output).toContain('::error::the repository contains slipway-release');
});
