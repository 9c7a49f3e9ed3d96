import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineAction, input } from '@slipway/runner';
import { afterAll, describe, expect, test } from 'vitest';
import { runCommand } from '../command.ts';
import { actionYaml, documents } from '../documents.ts';
import { type Tally, tallyVariable } from '../tally-reporter.ts';
import { root } from '../workspace.ts';

const directory = mkdtempSync(join(tmpdir(), 'slipway-documents-'));
afterAll(() => rmSync(directory, { recursive: true }));

const action = defineAction({
  name: 'sample',
  description: 'Does: "things" # well.',
  inputs: {
    where: input.requiredPath({ description: 'Where | or\nwhere not.' }),
    how: input.choice({ description: 'How.', choices: ['fast', 'safe'], default: 'safe' }),
    'dry-run': input.boolean({ description: 'Only tell.', default: 'false' }),
  },
  outputs: { done: { description: 'What: was done' } },
  run: async () => ({ outputs: {}, files: [], summary: [], problems: [] }),
});

describe('action.yml', () => {
  test('states the declaration, with every text quoted', () => {
    expect(actionYaml(action).split('\n').slice(1)).toEqual([
      'name: "Slipway sample"',
      'description: "Does: \\"things\\" # well."',
      'author: Slipway',
      'branding:',
      '  icon: anchor',
      '  color: blue',
      'inputs:',
      '  where:',
      '    description: "Where | or\\nwhere not."',
      '    required: true',
      '  how:',
      '    description: "How."',
      '    required: false',
      '    default: "safe"',
      '  dry-run:',
      '    description: "Only tell."',
      '    required: false',
      '    default: "false"',
      'outputs:',
      '  done:',
      '    description: "What: was done"',
      'runs:',
      '  using: node24',
      '  main: dist/index.js',
      '',
    ]);
  });
});

describe('a README', () => {
  const member = { directory: 'actions/sample', name: 'sample', dependencies: [] };
  const readmeFor = (text: string): string => {
    mkdirSync(join(directory, 'actions/sample'), { recursive: true });
    mkdirSync(join(directory, 'packages/cli'), { recursive: true });
    writeFileSync(join(directory, 'packages/cli/package.json'), '{}');
    writeFileSync(join(directory, 'actions/sample/README.md'), text);
    const found = documents(directory, [{ member, action }]).find(({ path }) => path.endsWith('README.md'));
    return found?.contents ?? '';
  };

  test('keeps its own text around the tables, and does not change when it is written again', () => {
    const begin = 'Mine $& $1.\n<!-- begin inputs -->\nold\n<!-- end inputs -->\nBetween.\n';
    const written = readmeFor(`${begin}<!-- begin outputs -->\n<!-- end outputs -->\nAfter.\n`);
    expect(written).toContain('Mine $& $1.\n<!-- begin inputs -->\n| input |');
    expect(written).toContain('| `where` | Where \\| or where not. (path) | **required** |\n');
    expect(written).toContain('| `how` | How. One of `fast`, `safe`. (choice) | `safe` |\n');
    expect(written).not.toContain('old');
    expect(written).toMatch(/<!-- end inputs -->\nBetween\.\n.*After\.\n$/s);
    expect(readmeFor(written)).toBe(written);
  });

  test('without markers for the tables is an error', () => {
    expect(() => readmeFor('# sample\n')).toThrow('begin inputs');
  });
});

test('the tally counts failures, files that do not load, and the reasons of what is skipped', async () => {
  const suite = join(directory, 'suite');
  mkdirSync(suite);
  symlinkSync(join(root, 'node_modules'), join(suite, 'node_modules'));
  // A suite with every outcome, each kind of skip among them: their reasons are what the tally must find.
  writeFileSync(
    join(suite, 'a.test.ts'),
    `import { expect, test } from 'vitest';
     test('good', () => {});
     test('bad', () => expect(1).toBe(2));
     test('away', (context) => context.skip('no such server'));
     test.skip('far (needs a boat)', () => {});`,
  );
  writeFileSync(join(suite, 'b.test.ts'), `import './missing.ts';`);
  const tally = join(directory, 'tally.json');
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporter = join(root, 'scripts/lib/tally-reporter.ts');
  const args = [vitest, 'run', '--root', suite, `--reporter=${reporter}`];
  const { exitCode } = await runCommand(process.execPath, args, {
    cwd: suite,
    env: { ...process.env, [tallyVariable]: tally },
  });
  expect(exitCode).toBe(1);
  expect(JSON.parse(readFileSync(tally, 'utf8')) as Tally).toEqual({
    passed: 1,
    failed: 2,
    skipped: [
      { name: 'a.test.ts: away', reason: 'no such server' },
      { name: 'a.test.ts: far (needs a boat)', reason: 'needs a boat' },
    ],
    slow: [],
  });
});
