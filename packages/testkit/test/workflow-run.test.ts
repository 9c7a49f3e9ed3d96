import { randomUUID } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { artifactActionDoubles, haveWorkflowRunner, runWorkflow } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';

const path = '.github/workflows/sample.yml';
const secret = 'correct-horse-battery-staple';

const sample = `
name: sample
on:
  push:
  workflow_dispatch:
    inputs:
      wish:
        type: string
jobs:
  build:
    runs-on: ubuntu-latest
    outputs:
      word: \${{ steps.say.outputs.word }}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - id: say
        env:
          SECRET: \${{ secrets.SECRET }}
          WISH: \${{ inputs.wish }}
        run: |
          echo "word=$(cat word.txt)-$WISH" >> "$GITHUB_OUTPUT"
          echo "The secret is $SECRET at $GITHUB_REPOSITORY $GITHUB_REF \${{ github.event.number }} $EXTRA"
          echo '## Summary' >> "$GITHUB_STEP_SUMMARY"
          node --version
  use:
    needs: build
    runs-on: macos-15
    steps:
      - id: use
        run: |
          echo "used=\${{ needs.build.outputs.word }}" >> "$GITHUB_OUTPUT"
          exit \${{ vars.STATUS }}
      - id: after
        run: echo after
      - id: always
        if: always()
        run: echo always
`;

const run = (options: Partial<Parameters<typeof runWorkflow>[0]> = {}) =>
  runWorkflow({
    files: { [path]: sample, 'word.txt': 'hello' },
    workflow: path,
    event: { name: 'workflow_dispatch', payload: { number: 7 } },
    repository: 'example/desktop',
    secrets: { SECRET: secret },
    variables: { STATUS: '0' },
    inputs: { wish: 'moon' },
    environment: { EXTRA: 'an extra' },
    ...options,
  });

/** The processes that have a text in their environment or their arguments. */
function processesWith(mark: string): readonly string[] {
  return globSync('/proc/[0-9]*').filter((directory) => {
    try {
      return ['environ', 'cmdline'].some((name) =>
        readFileSync(join(directory, name), 'utf8').includes(mark),
      );
    } catch {
      return false; // It has ended, or belongs to somebody else.
    }
  });
}

describe.skipIf(!haveWorkflowRunner())('a workflow run by act (needs act)', () => {
  it('has jobs, steps, outputs, summaries, and what it was given', async () => {
    const { exitCode, jobs, output, log } = await run();
    expect(exitCode, log).toBe(0);
    const say = jobs['build']?.steps['say'];
    expect(say).toMatchObject({
      result: 'success',
      outputs: { word: 'hello-moon' },
      summary: '## Summary\n',
    });
    expect(say?.log).toContain('The secret is *** at example/desktop refs/heads/main 7 an extra');
    expect(say?.log).toContain(process.version);
    expect(jobs['use']?.steps['use']?.outputs).toEqual({ used: 'hello-moon' });
    expect(jobs['use']?.result).toBe('success');
    expect(output).not.toContain(secret);
  });

  it('ends at a step that fails, except for steps that always run', async () => {
    const { exitCode, jobs } = await run({ variables: { STATUS: '3' } });
    expect(exitCode).toBe(1);
    const results = Object.entries(jobs['use']?.steps ?? {}).map(([id, { result }]) => [id, result]);
    expect(results.filter(([id]) => id !== '--setup-job' && id !== '--complete-job')).toEqual([
      ['use', 'failure'],
      ['always', 'success'],
    ]);
    expect(jobs['use']?.result).toBe('failure');
  });

  it('hands artifacts from job to job through the doubles of the artifact actions', async () => {
    const handing = `
on: push
jobs:
  one:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        platform: [linux, macos]
    steps:
      - run: mkdir -p out/deep && echo "$PLATFORM" > "out/deep/$PLATFORM.txt"
        env:
          PLATFORM: \${{ matrix.platform }}
      - uses: actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0
        with:
          name: build-\${{ matrix.platform }}
          path: out
          if-no-files-found: error
  two:
    needs: one
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1
        with:
          pattern: build-*
          path: in
          merge-multiple: true
      - id: look
        run: echo "files=$(cat in/deep/*.txt | sort | tr '\\n' ' ')" >> "$GITHUB_OUTPUT"
`;
    const { exitCode, jobs, log } = await run({
      files: { [path]: handing },
      event: { name: 'push' },
      repositories: artifactActionDoubles(handing),
    });
    expect(exitCode, log).toBe(0);
    expect(jobs['two']?.steps['look']?.outputs).toEqual({ files: 'linux macos ' });
  });

  it.skipIf(!existsSync('/proc/self/stat'))('is killed with everything it started', async () => {
    const mark = `mark-${randomUUID()}`;
    // A child without environment, and an orphan that starts one process after the other, both in sessions of their own.
    const starting = `
on: push
jobs:
  starting:
    runs-on: ubuntu-latest
    steps:
      - run: |
          setsid env -i "$(command -v node)" -e 'setTimeout(() => {}, 60_000)' "$MARK" &
          (setsid sh -c 'for i in $(seq 500); do sleep 60 & echo started; done' &)
          sleep 60
`;
    let started = 0;
    const killed = await run({
      files: { [path]: starting },
      event: { name: 'push' },
      environment: { MARK: mark },
      onEntry: ({ isOutput, message }, kill) => {
        if (isOutput && message.includes('started')) started += 1;
        if (started === 20) kill();
      },
    });
    expect(killed.exitCode).toBeNull();
    expect(processesWith(mark)).toEqual([]);
  });

  it('continues after a step that left something running which still prints', async () => {
    const noisy = `
on: push
jobs:
  noisy:
    runs-on: ubuntu-latest
    steps:
      - run: |
          (trap '' HUP; exec timeout 1 yes "$(printf '%0500d' 0)") &
          sleep 0.3
      - id: next
        run: echo "after=yes" >> "$GITHUB_OUTPUT"
`;
    const { exitCode, jobs } = await run({ files: { [path]: noisy }, event: { name: 'push' } });
    expect(exitCode).toBe(0);
    expect(jobs['noisy']?.steps['next']?.outputs).toEqual({ after: 'yes' });
  });

  it('has every line of a step that fails, including the last one', async () => {
    const failing = `
on: push
jobs:
  failing:
    runs-on: ubuntu-latest
    steps:
      - id: failing
        run: |
          seq 1 20000
          echo 'The reason.' && exit 3
`;
    const { exitCode, jobs } = await run({ files: { [path]: failing }, event: { name: 'push' } });
    expect(exitCode).toBe(1);
    const lines = jobs['failing']?.steps['failing']?.log.split('\n') ?? [];
    expect(lines).toEqual(expect.arrayContaining(['1', '20000', 'The reason.']));
    expect(lines.filter((line) => /^\d+$/.test(line))).toHaveLength(20_000);
  });
});
