import { temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { type ActionName, step } from './steps.ts';

const wrong: Readonly<Record<ActionName, Readonly<Record<string, string>>>> = {
  'buildcache-sign': { 'dry-run': 'perhaps', passphrase: 'hunter2 hunter2' },
  'buildcache-publish': { view: '..', overwrite: 'x', 'allow-unsigned': 'x', passphrase: 'hunter2 hunter2' },
  'buildcache-index': { operation: 'x', view: 'a/b', 'dry-run': 'x', passphrase: 'hunter2 hunter2' },
  'buildcache-verify': { level: 'x', 'expected-index': 'x', 'require-signed-index': 'x' },
};
const required: Readonly<Record<ActionName, readonly string[]>> = {
  'buildcache-sign': ['buildcache', 'signing-key'],
  'buildcache-publish': ['buildcache', 'mirror'],
  'buildcache-index': ['mirror'],
  'buildcache-verify': ['mirror'],
};

describe('bad input as a step', () => {
  it.each(Object.keys(wrong) as ActionName[])('%s: one error names every wrong input', async (name) => {
    const run = await step(name, wrong[name]);
    expect(run.exitCode).toBe(1);
    expect(run.annotations).toHaveLength(1);
    const [annotation] = run.annotations;
    expect(annotation).toMatchObject({ severity: 'error', title: name });
    const names = [...required[name], ...Object.keys(wrong[name]).filter((input) => input !== 'passphrase')];
    for (const input of names) expect(annotation?.message).toContain(`"${input}"`);
    expect(annotation?.message).toContain('(input-invalid)');
    expect(run.outputs).toEqual({});
    expect(run.summary).toBe('');
    const shown = run.log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
    expect(shown.join('\n')).not.toContain('hunter2');
  });

  it.each(['buildcache-publish', 'buildcache-index', 'buildcache-verify'] as const)(
    'I7: %s never repeats credentials of a mirror URL',
    async (name) => {
      for (const mirror of [
        'https://user:hunter2@127.0.0.1:9/m',
        'gopher://u:hunter2@host/',
        's3://k:hunter2@b',
      ]) {
        const buildcache = name === 'buildcache-publish' ? { buildcache: temporaryDirectory('staged') } : {};
        const debug = { environment: { RUNNER_DEBUG: '1' } };
        const run = await step(name, { mirror, 'allow-unsigned': 'true', ...buildcache }, debug);
        expect(run.exitCode).toBe(1);
        expect(`${run.log} ${run.summary} ${JSON.stringify(run.outputs)}`).not.toContain('hunter2');
        expect(run.annotations[0]?.message).toContain('(input-invalid)');
      }
    },
  );
});
