import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { actionProcess, parseCommand, parseOutputFile } from '@slipway/testkit';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'slipway-process-'));
afterAll(() => rmSync(directory, { recursive: true }));

let count = 0;
function program(text: string): string {
  count += 1;
  const path = join(directory, `${count}.mjs`);
  writeFileSync(path, text);
  return path;
}

describe('an action process', () => {
  test('gets its inputs and files as from the runner, and nothing else from this environment', async () => {
    process.env['LEAKED'] = 'yes';
    const main = program(`
      import { appendFileSync } from 'node:fs';
      const { INPUT_A_B, LEAKED = 'no', CI, RUNNER_TEMP, GITHUB_WORKSPACE } = process.env;
      const values = [process.env['INPUT_C-D'], INPUT_A_B, LEAKED, CI, process.cwd() === GITHUB_WORKSPACE];
      appendFileSync(process.env.GITHUB_OUTPUT, 'x<<E\\n' + values.join() + '\\nE\\n');
      appendFileSync(process.env.GITHUB_STEP_SUMMARY, '# Hello');
      console.log('::add-mask::s%25%0At');
      console.error('::warning title=a%3A b::c%0Ad');
      process.exit(3);`);
    const run = await actionProcess(main, { inputs: { 'a b': '1', 'c-d': '2' } });
    expect(run).toMatchObject({
      exitCode: 3,
      signal: null,
      outputs: { x: '2,1,no,true,true' },
      summary: '# Hello',
      masks: ['s%\nt'],
      annotations: [{ severity: 'warning', title: 'a: b', message: 'c\nd' }],
    });
  });

  test('can be killed once it has printed something', async () => {
    const main = program(`console.log('ready'); setInterval(() => {}, 1000);`);
    const run = await actionProcess(main, {
      onOutput: (log, kill) => {
        if (log.includes('ready')) kill('SIGKILL');
      },
    });
    expect([run.exitCode, run.signal]).toEqual([null, 'SIGKILL']);
  });
});

describe('an output file', () => {
  test('is read back as it was written', () => {
    const value = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z][a-z-]{0,9}$/), value), (outputs) => {
        const blocks = Object.entries(outputs).map(([name, text]) => `${name}<<~end~\n${text}\n~end~\n`);
        expect(parseOutputFile(blocks.join(''))).toEqual({ ...outputs });
      }),
    );
    expect(parseOutputFile('a=1=2\n\nb=\n')).toEqual({ a: '1=2', b: '' });
  });

  test.each(['no equals sign', 'a<<E\nnever ended\n', '=x'])(
    'that the runner would refuse is refused: %j',
    (text) => {
      expect(() => parseOutputFile(text)).toThrow();
    },
  );
});

test('commands are distinguished from other lines', () => {
  expect(parseCommand('plain ::error::x')).toBeUndefined();
  expect(parseCommand('  ::error file=a,title=b%2Cc::100%25%0A')).toEqual({
    name: 'error',
    properties: { file: 'a', title: 'b,c' },
    data: '100%\n',
  });
  expect(parseCommand('::endgroup::')?.name).toBe('endgroup');
});
