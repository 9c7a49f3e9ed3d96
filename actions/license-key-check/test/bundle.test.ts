import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { actionProcess } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { findSecret, isGone, makePrograms } from './programs.ts';

// `scripts/bundle license-key-check` builds it.
const main = join(import.meta.dirname, '../dist/index.js');
const secret = 'kYh3-siteSecret-9fQz';

describe('the bundle as a step of a job', () => {
  test('passes programs that agree', async () => {
    const { directory, inputs, keys } = makePrograms({}, 'json-lines');
    const run = await actionProcess(main, { workspace: directory, inputs: { ...inputs, seed: '3' } });
    expect(run.exitCode, run.log).toBe(0);
    expect(run.outputs).toMatchObject({ result: 'passed', cases: '12', seed: '3', 'failing-check': '' });
    expect(run.summary).toContain('generator and validator agree');
    expect(keys().length).toBeGreaterThan(100);
    expect(findSecret(run.log + run.summary, keys())).toBeUndefined();
  });

  test('blocks the release, and I7: has no key and no secret in log, outputs, report and summary', async () => {
    const { directory, inputs, keys } = makePrograms({
      validate:
        'if (given !== expected) console.error(given, expected, process.env.KEYGEN_SECRET); given = given.slice(0, 28); expected = expected.slice(0, 28); if (customer.name.length > 5 && given !== expected) process.exit(4);',
    });
    const run = await actionProcess(main, {
      workspace: directory,
      inputs: { ...inputs, environment: 'KEYGEN_SECRET', report: 'report.json', cases: '30' },
      environment: { KEYGEN_SECRET: secret, RUNNER_DEBUG: '1', ACTIONS_RUNTIME_TOKEN: 'runtime token' },
    });
    expect(run.exitCode, run.log).toBe(1);
    expect(run.outputs['result']).toBe('failed');
    expect(run.annotations.filter(({ severity }) => severity === 'error')).toHaveLength(1);
    expect(run.masks).toContain(secret);
    const printed = run.log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
    const report = readFileSync(join(directory, 'report.json'), 'utf8');
    const shown = [...printed, run.summary, report, JSON.stringify(run.outputs)].join('\n');
    expect(findSecret(shown, [...keys(), secret])).toBeUndefined();
  });

  test('names all problems of its inputs', async () => {
    const run = await actionProcess(main, { inputs: { generator: 'gen', cases: '0' } });
    expect(run.exitCode).toBe(1);
    expect(run.annotations).toHaveLength(1);
    for (const part of ['input "validator" is required', 'input "cases" cannot be "0"']) {
      expect(run.annotations[0]?.message).toContain(part);
    }
  });

  test('that is cancelled ends the programs that it runs', async () => {
    const { directory, inputs } = makePrograms({
      generate: "appendFileSync('pid', String(process.pid)); for (;;);",
    });
    let asked = false;
    const run = await actionProcess(main, {
      workspace: directory,
      inputs: { ...inputs, 'command-timeout': '1h' },
      onOutput: (_, kill) => {
        if (asked) return;
        asked = true;
        void whenThere(join(directory, 'pid')).then(() => kill('SIGTERM'));
      },
    });
    expect(run.exitCode).toBe(143);
    const pid = Number(readFileSync(join(directory, 'pid'), 'utf8'));
    const gone = await isGone(pid);
    if (!gone) process.kill(pid, 'SIGKILL');
    expect(gone).toBe(true);
  });
});

async function whenThere(path: string): Promise<void> {
  for (let tries = 0; tries < 500 && !existsSync(path); tries += 1) await sleep(20);
}
