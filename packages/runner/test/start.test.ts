// Slow: about 20 s.
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ActionProcessOptions, type ActionRun, actionProcess } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';

const main = join(import.meta.dirname, 'fixture-action/index.ts');

const secret = `-----BEGIN PGP PRIVATE KEY BLOCK-----

lFgEZx1 "quoted" \\back 100% :: , line
second/line+of=the?secret&key

=aB1c
-----END PGP PRIVATE KEY BLOCK-----`;
const secretPieces = [
  'lFgEZx1',
  'quoted',
  '\\back 100%',
  'second/line',
  'second%2Fline',
  'secret&key',
  '=aB1c',
];

function step(inputs: Record<string, string>, options: ActionProcessOptions = {}): Promise<ActionRun> {
  return actionProcess(main, { nodeOptions: ['--conditions=source'], inputs, ...options });
}

/** Everything that a run shows anybody, without the commands that mask. */
function shown(run: ActionRun): string {
  const log = run.log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  return [...log, JSON.stringify(run.outputs), run.summary].join('\n');
}

describe('an action as a step of a job', () => {
  test('reads its inputs, sets every declared output, and writes its summary', async () => {
    const run = await step({ title: ' a title ', count: '7' });
    expect(run.log.split('\n')[0]).toMatch(/^fixture-action \d+\.\d+\.\d+ on Node 24\./);
    expect(run.exitCode).toBe(0);
    expect(run.outputs).toMatchObject({ title: 'a title', count: '7', unset: '' });
    expect(run.summary).toContain('## a title\n');
    expect(run.annotations).toEqual([
      { severity: 'notice', title: 'fixture-action: odd-title', message: 'key-0: odd ' },
    ]);
    const { report = '' } = run.outputs;
    expect(report.startsWith(join(run.directory, 'temp/'))).toBe(true);
    expect(JSON.parse(await readFile(report, 'utf8'))).toEqual({ title: 'a title', signingKey: '' });
  });

  test('takes outputs of several lines as they are', async () => {
    const title = 'first\nsecond<<EOF\nEOF\nthird=3';
    expect((await step({ title })).outputs['title']).toBe(title);
  });

  test('reports every problem of its inputs in one error', async () => {
    const run = await step({ count: 'many', mode: 'dance', 'only-with-dry-run': 'x' });
    expect(run.exitCode).toBe(1);
    expect(run.annotations).toHaveLength(1);
    const [{ message = '' } = {}] = run.annotations;
    expect(message).toMatch(/^fixture-action failed with: 4 problems in its inputs:\n/);
    for (const part of [
      '"mode" cannot be "dance"',
      '"title" is required',
      '"count"',
      'needs dry-run',
      'input-invalid',
    ]) {
      expect(message).toContain(part);
    }
  });

  test('says when it only pretends', async () => {
    const run = await step({ title: 't', 'dry-run': 'yes' });
    expect(run.log.split('\n')[0]).toContain('dry run');
  });

  test('writes the file where the user wants it, below the workspace', async () => {
    const workspace = await mkdtemp(join(tmpdir(), 'slipway-workspace-'));
    try {
      const run = await step({ title: 't', report: 'out/report.json' }, { workspace });
      expect(run.outputs['report']).toBe(join(workspace, 'out/report.json'));
      await access(join(workspace, 'out/report.json'));
    } finally {
      await rm(workspace, { recursive: true });
    }
  });

  test('runs the worker of its module in threads started from its own file', async () => {
    const run = await step({ title: 't', mode: 'worker' });
    expect(run.outputs['title']).toBe('from a worker');
  });

  test('shows at most ten annotations of each kind, and where the rest is', async () => {
    const run = await step({ title: 't', mode: 'many', count: '60' });
    const count = (severity: string) => run.annotations.filter((one) => one.severity === severity).length;
    expect([count('error'), count('notice')]).toEqual([9, 10]);
    expect(
      run.annotations.filter(({ message }) => message.includes('more')).map(({ message }) => message),
    ).toEqual([
      "22 more errors: the step's log lists all of them.",
      "21 more notices: the step's log lists all of them.",
    ]);
    expect(run.log).toContain('error odd-title: key-58: odd ');
  });

  test('keeps summaries below the limit and outputs below theirs, and says so', async () => {
    const many = await step({ title: 'x'.repeat(90), mode: 'many', count: '20000' });
    expect(Buffer.byteLength(many.summary)).toBeLessThan(900_000);
    expect(many.summary.trimEnd()).toMatch(/The rest is left out: it is too long for a job summary\._$/);
    const big = await step({ title: 't', mode: 'big' });
    expect(big.outputs['title']).toBe('');
    expect(big.annotations[0]).toMatchObject({ severity: 'warning' });
  });
});

describe('an output with the text of a secret in it', () => {
  test('is set without it, and the step warns that it is of no use', async () => {
    const run = await step({ title: 'dist/SHA256SUMS', 'signing-key': 'dist' });
    expect(run.exitCode).toBe(0);
    expect(run.outputs['title']).toBe('***/SHA256SUMS***');
    expect(run.annotations.filter(({ severity }) => severity === 'warning')).toEqual([
      {
        severity: 'warning',
        title: 'fixture-action',
        message:
          'output "title" has *** in place of text that equals a secret of this step. Choose a secret that does not occur elsewhere.',
      },
    ]);
  });
});

describe('an action that fails', () => {
  test('says what happened in one sentence, with hint and code, and the stack only in a debug run', async () => {
    const run = await step({ title: 't', mode: 'fail', 'signing-key': 'sesame-open' });
    expect(run.exitCode).toBe(1);
    expect(run.annotations).toEqual([
      {
        severity: 'error',
        title: 'fixture-action',
        message: 'fixture-action failed with: nothing is at ***.\nLook at ***.\n(buildcache-empty)',
      },
    ]);
    expect(run.log).not.toContain('action.ts:');
    const debug = await step({ title: 't', mode: 'fail' }, { environment: { RUNNER_DEBUG: '1' } });
    expect(debug.log).toMatch(/::debug::UserError.*action\.ts:.*caused by: Error: cause with/);
  });

  test('still writes outputs, files and summary when it fails with something to report', async () => {
    const run = await step({ title: 't', mode: 'fail-late' });
    expect(run.exitCode).toBe(1);
    expect(run.outputs['title']).toBe('t');
    expect(run.summary).not.toBe('');
    await access(run.outputs['report'] ?? '');
    expect(run.annotations.at(-1)?.message).toContain('fixture-action failed with: lost');
  });

  test.each(['crash', 'reject', 'undeclared'])('calls what nobody foresaw a bug: %s', async (mode) => {
    const run = await step({ title: 't', mode });
    expect(run.exitCode).toBe(1);
    expect(run.annotations.at(-1)?.message).toMatch(/^fixture-action failed with: .*\(internal\)$/s);
  });

  test('ends at once when the job is cancelled', async () => {
    for (const [signal, exitCode] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const run = await step(
        { title: 't', mode: 'hang' },
        { onOutput: (log, kill) => log.includes('Look at the title') && kill(signal) },
      );
      expect([run.exitCode, run.signal]).toEqual([exitCode, null]);
      expect(run.log).toContain(`fixture-action was cancelled (${signal}).`);
    }
  });
});

describe('I7: no secret is printed or stored', () => {
  test.each(['echo', 'fail', 'fail-late', 'crash', 'reject', 'many'])('when it does: %s', async (mode) => {
    const run = await step(
      { title: 't', mode, 'signing-key': secret },
      { environment: { RUNNER_DEBUG: '1' } },
    );
    const file = run.outputs['report'] === undefined ? '' : await readFile(run.outputs['report'], 'utf8');
    for (const piece of secretPieces) expect(shown(run) + file).not.toContain(piece);
    expect(run.log.split('\n')[0]).toMatch(/^::add-mask::/);
    for (const line of secret.split('\n').filter((text) => text.length > 3 && !text.startsWith('---'))) {
      expect(run.masks).toContain(line);
    }
    expect(run.masks).toContain(secret);
    expect(run.masks.some((mask) => mask.startsWith('-----BEGIN') && !mask.includes('\n'))).toBe(false);
  });

  test('also when it came to be while the action ran', async () => {
    const environment = { RUNNER_DEBUG: '1', LATE_SECRET: 'sesame "late" open' };
    const run = await step({ title: 't', mode: 'late-secret' }, { environment });
    expect(run.annotations[0]?.message).toContain('born late: ***');
    expect(shown(run)).not.toContain('sesame');
    expect(run.masks).toContain('sesame "late" open');
  });

  test('not even by a wrong input beside it', async () => {
    const run = await step({ 'signing-key': secret, mode: 'lFgEZx1' });
    expect(run.annotations[0]?.message).toContain('"title" is required');
    for (const piece of secretPieces.slice(1)) expect(shown(run)).not.toContain(piece);
  });
});

describe('I8: nothing from outside becomes a workflow command', () => {
  test('neither in the log nor in annotations nor in the first line', async () => {
    const title = 'a::error::b%0A::warning::c';
    const run = await step({ title, mode: 'hostile' });
    expect(run.annotations.map(({ severity }) => severity)).toEqual(['notice']);
    for (const line of run.log.split('\n').filter((text) => /^\s*::/.test(text))) {
      expect(line).toMatch(/^::(group|endgroup|debug|notice)/);
    }
  });
});
