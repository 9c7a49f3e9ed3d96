import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '@slipway/core';
import { defineAction, type InputDeclarations, input } from '@slipway/runner';
import { afterAll, describe, expect, test } from 'vitest';
import { registry } from '../src/registry.ts';
import { textTable } from '../src/text-layout.ts';
import { type CommandOptions, command } from './command.ts';

const directory = mkdtempSync(join(tmpdir(), 'slipway-outputs-'));
afterAll(() => rmSync(directory, { recursive: true }));

const longUrl = `https://[::1]:8443/${'long-directory/'.repeat(12)}file.zip`;

const action = defineAction({
  name: 'make',
  description: 'Makes one of each.',
  inputs: {
    key: input.secret({ description: 'A secret.' }),
    how: input.choice({ description: 'How.', choices: ['well', 'badly', 'dry', 'aloud'], default: 'well' }),
    report: input.path({ description: 'The report.' }),
  },
  outputs: {
    count: { description: 'How many.' },
    paths: { description: 'Paths.', kind: 'lines' },
    results: { description: 'Results.', kind: 'json' },
    links: { description: 'Links.', kind: 'lines', secret: true },
    list: { description: 'The list.', kind: 'file', secret: true },
    'public-key': { description: 'The key.', kind: 'file' },
    report: { description: 'The report.', kind: 'file' },
  },
  async run({ key = '', how, report }) {
    const isDry = how === 'dry';
    return {
      outputs: {
        count: 2,
        paths: `/a\n/b ${key}`,
        results: '[{"target":"o/r"}]',
        ...(isDry ? {} : { links: 'https://example.org/5/secret-path\nhttps://example.org/6/secret-path' }),
      },
      files: [
        ...(isDry
          ? []
          : [{ output: 'list', path: undefined, defaultName: 'list.json', contents: '["secret-path"]\n' }]),
        {
          output: 'public-key',
          path: undefined,
          defaultName: 'key.asc',
          contents: 'a key\n',
          isPublic: true as const,
        },
        { output: 'report', path: report, defaultName: 'r.json', contents: `{"steps":["##[x]${key}"]}` },
      ],
      summary: [{ kind: 'table', head: ['What', 'Where'], rows: [['two', `${longUrl}\n${longUrl}`]] }],
      problems: [],
      askedFor: how === 'aloud' ? ['links'] : [],
      failure: how === 'badly' ? new UserError('buildcache-empty', 'too bad') : undefined,
    };
  },
});

const run = (args: readonly string[] = [], options: CommandOptions = {}) =>
  command(action, ['make', ...args], { workDirectory: directory, ...options });
const written = (name: string): string => readFileSync(join(directory, name), 'utf8');
const modeOf = (name: string): number => statSync(join(directory, name)).mode & 0o777;

describe('--write', () => {
  test('writes each kind of output: files as they are, values with an item on each line', async () => {
    const names = Object.keys(action.outputs);
    const ran = await run(names.flatMap((name) => ['--write', `${name}=all/${name}`]));
    expect(ran).toMatchObject({ status: 0, error: '' });
    expect(Object.fromEntries(names.map((name) => [name, written(`all/${name}`)]))).toEqual({
      count: '2\n',
      paths: '/a\n/b \n',
      results: '[{"target":"o/r"}]\n',
      links: 'https://example.org/5/secret-path\nhttps://example.org/6/secret-path\n',
      list: '["secret-path"]\n',
      'public-key': 'a key\n',
      report: '{"steps":["##[x]"]}',
    });
    expect(readdirSync(join(directory, 'all')).length).toBe(names.length);
    expect(ran.output).toContain(`public-key  ${join(directory, 'all/public-key')}`);
    expect(ran.output).not.toContain('Not written');
  });

  test('I7: makes what is secret readable for its owner alone, also over a file that all may read', async () => {
    writeFileSync(join(directory, 'links'), 'old', { mode: 0o644 });
    await run(['--write', 'links=links', '--write', 'list=list', '--write', 'paths=paths']);
    expect([modeOf('links'), modeOf('list')]).toEqual([0o600, 0o600]);
    expect(modeOf('paths') & 0o044).not.toBe(0);
  });

  test('to - gives one output alone to standard output, and everything else to standard error', async () => {
    const ran = await run(['--write', 'paths=-']);
    expect(ran.output).toBe('/a\n/b \n');
    expect(ran.error).toContain(longUrl);
    expect((await run(['--write=links=-'])).output).toContain('secret-path');
    expect((await run(['--write=list=-'])).output).toBe('["secret-path"]\n');
  });

  test('I8: to - is safe to print on a terminal and in a workflow', async () => {
    const hostile = defineAction({
      name: 'make',
      description: 'Makes what is hostile.',
      inputs: {},
      outputs: { paths: { description: 'Paths.', kind: 'lines' } },
      run: async () => ({
        outputs: { paths: '::add-mask::x\n\u001b[31m##[y]' },
        files: [],
        summary: [],
        problems: [],
      }),
    });
    const args = ['make', '--write', 'paths=-'];
    expect((await command(hostile, args)).output).toBe('::add-mask::x\n\u001b[31m##[y]\n');
    const inWorkflow = { environment: { GITHUB_ACTIONS: 'true' } };
    for (const options of [{ isTTY: true }, inWorkflow]) {
      const { output } = await command(hostile, args, options);
      expect(output).not.toMatch(/^\s*::|##\[|\u001b/m);
    }
    expect((await command(hostile, ['make', '--json'], inWorkflow)).output).not.toContain('##[');
    expect((await command(hostile, ['make'], inWorkflow)).output).not.toMatch(/^\s*::|##\[|\u001b/m);
  });

  test('says what a run has not, and leaves an earlier file as it is', async () => {
    writeFileSync(join(directory, 'earlier'), 'earlier');
    const ran = await run(['--how', 'dry', '--write', 'list=earlier', '--write', 'links=-']);
    expect(ran).toMatchObject({ status: 0, output: '' });
    expect(ran.error).toContain('This run has no output list, so earlier is not written.\n');
    expect(ran.error).toContain('This run has no output links.\n');
    expect(written('earlier')).toBe('earlier');
  });

  test('writes what there is of a run that failed, and fails where it cannot write', async () => {
    expect(await run(['--how', 'badly', '--write', 'paths=failed'])).toMatchObject({ status: 1 });
    expect(written('failed')).toBe('/a\n/b \n');
    const ran = await run(['--write', 'paths=failed/inside', '--write', 'count=count']);
    expect(ran.status).toBe(1);
    expect(ran.error).toContain(`the directory ${join(directory, 'failed')} cannot be made`);
    expect(written('count')).toBe('2\n');
  });

  test.each([
    [['--write', 'lists=x'], '--write has the unknown output lists (did you mean list?)'],
    [['--write', 'list'], '--write takes NAME=FILE'],
    [['--write', 'list='], '--write takes NAME=FILE'],
    [['--write'], '--write takes NAME=FILE'],
    [['--write', 'list=x', '--write', 'list=y'], '--write names list twice'],
    [['--write', 'list=x', '--write', 'paths=x'], '--write writes two outputs to one file'],
    [['--write', 'list=-', '--write', 'paths=-'], '--write writes two outputs to standard output'],
    [['--write', 'list=-', '--json'], '--json and a --write to - both want standard output'],
  ])('is refused as %j', async (args, message) => {
    const ran = await run(args);
    expect(ran).toMatchObject({ status: 2, output: '' });
    expect(ran.error).toContain(message);
  });

  test('is in the help, with the kind of each output', async () => {
    const { output } = await run(['--help']);
    expect(output).toContain('--write NAME=FILE …');
    expect(output).toMatch(/^ {2}links \(lines, secret\) +Links\.$/m);
    expect(output).toMatch(/^ {2}public-key \(file\) +The key\.$/m);
  });
});

describe('--json', () => {
  test('has the report and each output as a real value', async () => {
    const { output } = await run(['--json', '--write', 'list=json-list']);
    expect(JSON.parse(output)).toEqual({
      steps: ['##[x]'],
      outputs: {
        count: 2,
        paths: ['/a', '/b '],
        results: [{ target: 'o/r' }],
        links: ['https://example.org/5/secret-path', 'https://example.org/6/secret-path'],
        list: join(directory, 'json-list'),
        'public-key': null,
        report: null,
      },
    });
  });

  test('I7: has no secret input in it', async () => {
    const { output } = await run(['--json', '--key', '@-'], { stdin: 'hunter2' });
    expect(output).not.toContain('hunter2');
    expect(JSON.parse(output).outputs.paths).toEqual(['/a', '/b ***']);
  });

  test('has every output that any action declares', async () => {
    for (const { load } of Object.values(registry)) {
      const { action: real } = await load();
      const idle = {
        ...real,
        inputs: {} as InputDeclarations,
        checkInputs: () => [],
        run: async () => ({ outputs: {}, files: [], summary: [], problems: [] }),
      };
      const { output } = await command(idle, [real.name, '--json']);
      expect(Object.keys(JSON.parse(output).outputs)).toEqual(Object.keys(real.outputs));
    }
  });
});

describe('what is shown of a result', () => {
  test('I7: has no secret output unless the run was asked for it, and says how to get it', async () => {
    const { output, error } = await run(['--debug']);
    expect(output + error).not.toContain('secret-path');
    expect(output).toContain(
      'hidden (2 lines): --write links=FILE writes it to a file only you can read, --write links=- prints it',
    );
    expect((await run(['--how', 'aloud'])).output).toContain('https://example.org/6/secret-path');
  });

  test.each([
    ['a pipe', false],
    ['a narrow terminal', true],
  ])('has long cells and values whole on %s, and lines as lines', async (_, isTTY) => {
    const { output } = await run([], { isTTY });
    expect(output.split('\n').filter((line) => line.endsWith(longUrl))).toHaveLength(2);
    expect(output).not.toMatch(/…|u\{a\}/);
    expect(output).toMatch(/^paths +\/a$/m);
    expect(output).toMatch(/^ +\/b/m);
  });

  test('keeps columns aligned around cells of several lines', () => {
    expect(
      textTable(
        ['Code', 'Where', 'Files'],
        [
          ['a', 'x\nlonger', '1'],
          ['b', '', '20'],
        ],
      ),
    ).toEqual([
      'Code  Where   Files',
      '────  ──────  ─────',
      'a     x           1',
      '      longer',
      'b                20',
    ]);
  });

  test('names the files that were not written', async () => {
    const { output } = await run(['--report', 'named.json']);
    expect(output).toContain('Not written: list, public-key. --write NAME=FILE writes one.\n');
  });
});

describe('I7: the links that download-publish makes', () => {
  const secret = 'a-secret-of-more-than-thirty-two-bytes';
  writeFileSync(join(directory, 'app.zip'), 'the bytes of a program');
  const publish = (...args: readonly string[]) => {
    const inputs = ['--files', 'linux: app.zip', '--secret', '@-', '--base-url', 'https://example.org/'];
    const place = ['--destination', `file://${directory}/site`];
    return command(undefined, ['download-publish', ...inputs, ...place, ...args], {
      registry,
      workDirectory: directory,
      stdin: secret,
    });
  };

  test('are shown by none of its operations but window, and by no dry run', async () => {
    for (const args of [['--dry-run'], [], ['--debug'], ['--replace']]) {
      const ran = await publish(...args);
      expect(ran).toMatchObject({ status: 0 });
      expect(ran.output + ran.error).not.toMatch(
        /[0-9a-f]{16}\/linux|linux\/app\.zip.*https?:|\/[0-9a-f]{32}\//,
      );
      expect(ran.output).toMatch(/^urls +hidden \(1 line\): /m);
      expect(ran.output).toMatch(/^prefixes +hidden \(1 line\): /m);
    }
    const told = await publish('--operation', 'window');
    const link = /^urls +(https:\/\/example\.org\/downloads\/\d+\/[0-9a-f]{32}\/\S+\/app\.zip)$/m;
    const [, url] = link.exec(told.output) ?? [];
    expect(url).toBeDefined();
    const printed = await publish('--write', 'urls=-', '--write', 'artifacts=packed.json');
    expect(printed.output).toBe(`${url}\n`);
    expect(printed.error).not.toContain(url);
    expect(JSON.parse(written('packed.json'))).toMatchObject([{ platform: 'linux', url }]);
    expect(modeOf('packed.json')).toBe(0o600);
    const json = JSON.parse((await publish('--json')).output);
    expect(json.outputs.urls).toEqual([url]);
  });
});
