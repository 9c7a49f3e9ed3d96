import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { systemClock, UserError } from '@slipway/core';
import { defineAction, type InputDeclarations, input, linesInput } from '@slipway/runner';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { parseArguments } from '../src/arguments.ts';
import { actionHelp } from '../src/help.ts';
import { readInputTexts } from '../src/input-sources.ts';
import { registry } from '../src/registry.ts';
import { type CommandSurroundings, runCommand } from '../src/run-command.ts';
import { outputLines } from '../src/text-layout.ts';

const directory = mkdtempSync(join(tmpdir(), 'slipway-cli-'));
afterAll(() => rmSync(directory, { recursive: true }));

const action = defineAction({
  name: 'echo',
  description: 'Says what it was given.',
  inputs: {
    title: input.requiredText({ description: 'What to say.' }),
    names: input.lines({ description: 'Whom to say it to.' }),
    tones: linesInput('tones', 'In which tones.', (line) => line),
    keys: input.block({ description: 'Keys, one after the other.' }),
    key: input.secret({ description: 'What not to say.' }),
    'dry-run': input.boolean({ description: 'Only tell.', default: 'false' }),
    loud: input.boolean({ description: 'Say it loudly.', default: 'true' }),
    how: input.choice({ description: 'How.', choices: ['well', 'badly', 'late'], default: 'well' }),
    report: input.path({ description: 'The report.' }),
  },
  outputs: {
    said: { description: 'What was said.' },
    never: { description: 'What never is.' },
    report: { description: 'The report.', kind: 'file' },
  },
  async run({ title, names, tones, keys, key = '', dryRun, loud, how, report }, { progress }) {
    progress.start('Say it', 2, 'entries');
    progress.advance(2);
    progress.info(`key is ${key}`);
    if (how === 'badly') throw new UserError('buildcache-empty', `no ${key}`, { hint: 'Try again.' });
    return {
      outputs: {
        said: `${title} ${[...names, ...tones, ...keys.split('\n')].filter((word) => word !== '').join('+')} ${dryRun} ${loud} ${key}`,
      },
      files: [
        {
          output: 'report',
          path: report,
          defaultName: 'r.json',
          contents: `{"title":"${title}","key":"${key}"}`,
        },
      ],
      summary: [
        { kind: 'heading', text: 'Said' },
        {
          kind: 'table',
          head: ['word', 'letters'],
          rows: [
            [title, '12'],
            ['a\u001b[31m', '5'],
          ],
        },
      ],
      problems: [{ code: 'odd', severity: 'warning', key: 'k', message: `odd ${key}` }],
      failure: how === 'late' ? new UserError('buildcache-empty', 'too late') : undefined,
    };
  },
});

interface Ran {
  readonly status: number;
  readonly output: string;
  readonly error: string;
}

async function run(
  args: readonly string[],
  options: Partial<CommandSurroundings> & { stdin?: string } = {},
): Promise<Ran> {
  let output = '';
  let error = '';
  const status = await runCommand(args, {
    registry: { echo: { description: action.description, load: async () => ({ action }) } },
    output: { write: (text) => (output += text) },
    error: { write: (text) => (error += text) },
    environment: {},
    open: (path) =>
      path === '-' ? Readable.from([Buffer.from(options.stdin ?? '')]) : createReadStream(path),
    clock: systemClock,
    workDirectory: directory,
    workerEntry: undefined,
    ...options,
  });
  return { status, output, error };
}

function file(name: string, text: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const said = (ran: Ran): string => String(JSON.parse(ran.output).outputs?.said ?? '');

describe('the arguments of slipway', () => {
  const echo = async (...args: string[]) => {
    const { status, output, error } = await run(['echo', '--report', join(directory, 'r'), ...args]);
    expect(error).not.toContain('failed');
    expect(status).toBe(0);
    return /^said +(.*)$/m.exec(output)?.[1];
  };

  test('are values behind or inside of flags, booleans alone or negated, lists repeated', async () => {
    expect(await echo('--title', 'a', '--names', 'x', '--names=y', '--dry-run', '--no-loud')).toBe(
      'a x+y true false',
    );
    expect(await echo('--title=-a', '--dry-run=no', '--loud=yes')).toBe('-a  false true');
    expect(await echo('--title', '@@a', '--names', '# none\nx\ny')).toBe('@a x+y false true');
  });

  test.each(['true', 'True', 'TRUE', 'yes', 'on', '1'])(
    'are %s behind the flag of a boolean',
    async (word) => {
      expect(await echo('--dry-run', word, '--title', 'a')).toBe('a  true true');
      expect(await echo('--title', 'a', '--dry-run', word)).toBe('a  true true');
    },
  );

  test.each(['false', 'False', 'FALSE', 'no', 'off', '0'])(
    'are %s behind the flag of a boolean',
    async (word) => {
      expect(await echo('--title', 'a', '--loud', word, '--dry-run')).toBe('a  true false');
    },
  );

  test('behind the flag of a boolean are no other words, and none behind its negation', async () => {
    for (const args of [
      ['--dry-run', 'maybe'],
      ['--no-dry-run', 'true'],
      ['--dry-run', 'true', 'false'],
    ]) {
      const { status, error } = await run(['echo', '--title', 'a', ...args]);
      expect(status).toBe(2);
      expect(error).toMatch(/an argument after --(no-)?dry-run belongs to no flag/);
    }
    const maybe = await run(['echo', '--title', 'a', '--dry-run', 'maybe']);
    expect(maybe.error).toContain('after --dry-run belongs to no flag, and is not true or false');
    const dash = await run(['echo', '--title', 'a', '-v']);
    expect(dash.error).toContain('begins with one dash, but flags begin with two');
    expect((await run(['echo', '--title', 'a', '--dry-run', '--no-dry-run'])).error).toContain(
      '--dry-run takes one value, but is given 2 times',
    );
  });

  test('take the flags of lists, rules and blocks several times, and those of single values once', async () => {
    const keys = file('key.asc', 'one\n');
    const lists = ['--names', 'x', '--tones', 'low', '--names=y', '--tones=high'];
    expect(await echo('--title', 'a', ...lists, '--keys', `@${keys}`, '--keys', 'two')).toBe(
      'a x+y+low+high+one+two false true',
    );
    const { status, error } = await run(['echo', '--title', 'a', '--title', 'b']);
    expect(status).toBe(2);
    expect(error).toContain('--title takes one value, but is given 2 times');
  });

  test('are read from files, standard input and variables, and flags win over variables', async () => {
    const names = file('names.txt', 'one\ntwo\n');
    expect(
      await echo('--title', `@${file('title.txt', 'from file\n')}`, '--names', `@${names}`, '--names=3'),
    ).toBe('from file one+two+3 false true');
    const latin = file('latin1.txt', Buffer.from('caf\u00e9', 'latin1'));
    const { error } = await run(['echo', '--title', 'a', '--key', `@${latin}`]);
    expect(error).toContain(`--key cannot be read from "${latin}": it is not UTF-8 text`);
    const environment = { SLIPWAY_TITLE: 'variable', SLIPWAY_DRY_RUN: 'true', SLIPWAY_NAMES: 'x' };
    const fromVariables = await run(['echo', '--names', '@-'], { environment, stdin: 'stdin' });
    expect(fromVariables.output).toMatch(/said +variable stdin true true/);
  });

  test.each([
    ['a secret in an empty file', ['--key', `@${file('empty', ' \n')}`], {}, '--key is empty'],
    ['a secret from nothing', ['--key', '@-'], {}, '--key is empty: give a value, or leave it out'],
    [
      'a secret in an empty variable',
      [],
      { SLIPWAY_KEY: '' },
      'SLIPWAY_KEY is empty: give a value, or unset it',
    ],
    ['a path', ['--report='], {}, '--report is empty'],
    ['a text of blanks', ['--title', ' \t '], {}, '--title is empty'],
    ['a block', ['--keys', '\n'], {}, '--keys is empty'],
    ['a boolean', ['--dry-run='], {}, '--dry-run is empty'],
  ])('that are empty are no values: %s', async (_, args: readonly string[], environment, message) => {
    const ran = await run(['echo', ...(args.includes('--title') ? [] : ['--title', 'a']), ...args], {
      environment,
    });
    expect(ran).toMatchObject({ status: 2, output: '' });
    expect(ran.error).toContain(message);
    expect(ran.error).not.toContain('is required');
  });

  test('may be an empty list, as another program has it that found nothing', async () => {
    expect((await run(['echo', '--title', 'a', '--names', `@${file('none', '\n')}`])).status).toBe(0);
  });

  test('that are wrong are told all at once, with status 2', async () => {
    const ran = await run([
      'echo',
      '--titel',
      'hunter2',
      '--dry-run=perhaps',
      '--how',
      '--names=@/nowhere',
      '--json=1',
    ]);
    expect(ran.status).toBe(2);
    expect(ran.output).toBe('');
    expect(ran.error.split('\n')).toEqual([
      'echo failed with: 6 problems in its inputs:',
      '- --titel is not a flag (did you mean --title?)',
      '- --how needs a value (write one that starts with a dash as --how=-…)',
      '- --json takes no value',
      '- --names cannot be read from "/nowhere": there is no such file',
      '- --title is required',
      '- --dry-run cannot be "perhaps": must be true or false',
      '(input-invalid)',
      '"slipway echo --help" explains its inputs.',
      '',
    ]);
  });

  test('name the action, or what it may have been', async () => {
    expect(await run(['ehco'])).toMatchObject({
      status: 2,
      error: expect.stringContaining('did you mean echo?'),
    });
    expect(await run([])).toMatchObject({ status: 2, output: '' });
    expect(await run(['--version'])).toMatchObject({
      status: 0,
      output: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    expect(await run(['__proto__'])).toMatchObject({ status: 2 });
    const version = await run(['echo', '--version']);
    expect(version).toMatchObject({ status: 0, output: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    const early = await run(['--key=hunter2', 'echo']);
    expect(early).toMatchObject({
      status: 2,
      error: expect.stringContaining('after the name of the action'),
    });
    expect(early.error).not.toContain('hunter2');
  });

  test('I8: whatever they are, they are parsed or refused, and never throw', () => {
    const argument = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '--title',
        '--key',
        '--dry-run',
        '--no-dry-run',
        '--no-title',
        '--',
        '-',
        '-h',
        '--json',
        '-abc',
      ),
      fc.string().map((text) => `--title=${text}`),
    );
    fc.assert(
      fc.property(fc.array(argument), (args) => {
        const { given, problems } = parseArguments(args, action);
        for (const name of given.keys()) expect(Object.keys(action.inputs)).toContain(name);
        for (const problem of problems) expect(problem.length).toBeLessThan(300);
      }),
      { numRuns: 1_000 },
    );
  });

  test('every value comes back as it was written', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), fc.boolean(), (values, loud) => {
        const args = [...values.map((value) => `--names=${value}`), loud ? '--loud' : '--no-loud'];
        const { given, problems } = parseArguments(args, action);
        expect(problems).toEqual([]);
        expect(given.get('names') ?? []).toEqual(values);
        expect(given.get('loud')).toEqual([String(loud)]);
      }),
    );
  });
});

describe('the result', () => {
  test('is readable, with aligned tables, and files only where the user wants one', async () => {
    const { output, error, status } = await run(['echo', '--title', 'a']);
    expect(status).toBe(0);
    expect(output.split('\n')).toEqual([
      'Said',
      '',
      'word         letters',
      '───────────  ───────',
      'a                 12',
      'a\\u{1b}[31m        5',
      '',
      'output  value',
      '──────  ─────',
      'said    a  false true',
      '',
      'Not written: report. --write NAME=FILE writes one.',
      '',
      'warning odd: k: odd ',
      '',
    ]);
    expect(error).toContain('Say it …\n');
    const path = join(directory, 'out/report.json');
    await run(['echo', '--title', 'a', '--report', 'out/report.json']);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ title: 'a', key: '' });
  });

  test('has outputs of several lines as lines, and whole', () => {
    const path = `/srv/${'long/'.repeat(30)}report.json`;
    expect(
      outputLines([
        ['paths', '/a\n/b\r\n/c\u001b'],
        ['r', path],
      ]),
    ).toEqual([
      ...[
        'output  value',
        '──────  ─────',
        'paths   /a',
        '        /b',
        '        /c\\u{1b}',
        `r       ${path}`,
      ],
    ]);
    const many = outputLines([['paths', Array.from({ length: 500 }, (_, index) => `/${index}`).join('\n')]]);
    expect(many.slice(-2)).toEqual([
      '        /99',
      '        … and 400 more lines: --write paths=FILE writes all',
    ]);
  });

  test('is the report alone on standard output with --json', async () => {
    const { output, error } = await run(['echo', '--title', 'a', '--json']);
    expect(JSON.parse(output)).toEqual({
      title: 'a',
      key: '',
      outputs: { said: 'a  false true ', never: null, report: null },
    });
    expect(error).toContain('warning odd');
  });

  test('is shown although it failed, with status 1', async () => {
    const { output, error, status } = await run(['echo', '--title', 'a', '--how', 'late']);
    expect(status).toBe(1);
    expect(output).toContain('said');
    expect(error).toContain('echo failed with: too late.\n(buildcache-empty)\n');
    expect((await run(['echo', '--title', 'a', '--how', 'badly'])).error).toContain('Try again.\n');
  });

  test('has colours on a terminal only, and none with NO_COLOR', async () => {
    const onTerminal = async (environment: Record<string, string>, isTTY = true) => {
      let output = '';
      await run(['echo', '--title', 'a'], {
        environment,
        output: { write: (text) => (output += text), isTTY },
      });
      return output.includes('\u001b[33m');
    };
    expect(await onTerminal({})).toBe(true);
    expect(await onTerminal({ NO_COLOR: '1' })).toBe(false);
    expect(await onTerminal({}, false)).toBe(false);
  });
});

describe('I7: a secret', () => {
  const secret = 'hunter2 "with" quotes\nand-a-second-line';

  test('is refused as an argument, without repeating it', async () => {
    for (const args of [
      ['--key', secret],
      [`--key=${secret}`],
      ['--kye', secret],
      ['--title', 'a', secret],
    ]) {
      const { error, output, status } = await run(['echo', ...args]);
      expect(status).toBe(2);
      expect(error + output).not.toContain('hunter2');
    }
    expect((await run(['echo', '--title', 'a', '--key', 'x'])).error).toContain('SLIPWAY_KEY');
  });

  test.each([
    ['a file', [`@${file('key', secret)}`], {}],
    ['standard input', ['@-'], { stdin: secret }],
    ['a variable', [], { environment: { SLIPWAY_KEY: secret } }],
  ])('from %s appears nowhere', async (_, values, options) => {
    for (const how of ['well', 'badly', 'late']) {
      for (const flags of [[], ['--json'], ['--debug']]) {
        const args = values.flatMap((value) => ['--key', value]);
        const report = join(directory, 'secret-report.json');
        const ran = await run(
          ['echo', '--title', 'a', '--how', how, '--report', report, ...flags, ...args],
          options,
        );
        const shown = ran.output + ran.error + (how === 'badly' ? '' : readFileSync(report, 'utf8'));
        for (const piece of ['hunter2', 'quotes', 'second-line']) expect(shown).not.toContain(piece);
        expect(shown).toContain('***');
      }
    }
  });
});

test('I7: a secret that came to be while the action ran appears nowhere', async () => {
  const late = defineAction({
    name: 'late',
    description: 'Learns a secret.',
    inputs: {},
    outputs: { said: { description: 'What was said.' } },
    async run(_, { environment, mask, progress }) {
      const secret = environment['LATE_SECRET'] ?? '';
      mask(secret);
      progress.info(secret);
      return { outputs: { said: `said ${secret}` }, files: [], summary: [], problems: [] };
    },
  });
  const ran = await run(['late'], {
    registry: { late: { description: late.description, load: async () => ({ action: late }) } },
    environment: { LATE_SECRET: 'sesame "late" open' },
  });
  expect(ran.status).toBe(0);
  expect(ran.output).toContain('said ***');
  expect(ran.output + ran.error).not.toContain('sesame');
});

describe('help', () => {
  test('is rendered from the declarations in at most 100 columns', async () => {
    const { output, status } = await run(['echo', '--help']);
    expect(status).toBe(0);
    expect(output).toContain('Usage: slipway echo --title TEXT');
    expect(output).toMatch(/^ {2}--\[no-\]dry-run {2,}Only tell\. Default: false\.$/m);
    expect(output).toContain('  --key @FILE');
    for (const line of output.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    expect((await run(['--help'])).output).toContain('echo  Says what it was given.');
  });

  test('marks every input that it says takes its flag several times, and each of them does', async () => {
    let repeatable = 0;
    for (const { load } of Object.values(registry)) {
      const { action: real } = await load();
      const declarations: InputDeclarations = real.inputs;
      for (const [name, declaration] of Object.entries(declarations)) {
        const marked = actionHelp(real).includes(` --${name} ${declaration.kind.toUpperCase()} …`);
        expect(marked, `${real.name} --${name}`).toBe(declaration.repeatable === true);
        const sources = { environment: {}, open: () => Readable.from([]) };
        const given = new Map([[name, ['a', 'b']]]);
        const { texts, refused } = await readInputTexts({ [name]: declaration }, given, sources);
        if (!marked) {
          expect(refused, `${real.name} --${name}`).toContain(name);
          continue;
        }
        repeatable += 1;
        expect(texts.get(name)).toBe('a\nb');
        expect(refused.size).toBe(0);
      }
    }
    expect(repeatable).toBeGreaterThan(30);
  });

  test('marks what a workflow writes as lines, whatever its kind is called', async () => {
    for (const { load } of Object.values(registry)) {
      const { action: real } = await load();
      const declarations: InputDeclarations = real.inputs;
      for (const [name, { kind, repeatable, description }] of Object.entries(declarations)) {
        const isLines =
          /^(?:list|rules|globs)$/.test(kind) ||
          /\bone (?:[^.]+ )?per line\b|separated by line breaks|one after the other/.test(description);
        if (isLines && kind !== 'path' && kind !== 'choice')
          expect(repeatable, `${real.name} --${name}`).toBe(true);
      }
    }
  });

  test('exists for every action, none of which has an input that is a flag of slipway itself', async () => {
    for (const [name, { load }] of Object.entries(registry)) {
      const module = await load();
      expect(module.action.name).toBe(name);
      const inputs = Object.keys(module.action.inputs);
      for (const taken of ['json', 'debug', 'help', 'version']) expect(inputs).not.toContain(taken);
      for (const other of inputs) expect(inputs).not.toContain(`no-${other}`);
    }
  });
});

test('outputs come as JSON when there is no report', async () => {
  const { files: _, ...withoutFiles } = { files: 0 };
  const plain = {
    ...action,
    run: async () => ({ outputs: { said: 'x' }, files: [], summary: [], problems: [], ...withoutFiles }),
  };
  const ran = await run(['echo', '--title', 'a', '--json'], {
    registry: { echo: { description: '', load: async () => ({ action: plain }) } },
  });
  expect(said(ran)).toBe('x');
});
