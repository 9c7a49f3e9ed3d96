import { type Clock, InternalError, Redactor } from '@slipway/core';
import { parseCommand } from '@slipway/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { logProgress } from '../src/log-progress.ts';
import { collectOutputs, outputValues } from '../src/outputs.ts';
import { progressText } from '../src/progress-text.ts';
import { inputVariable } from '../src/run-action.ts';
import { version } from '../src/version.ts';
import { workflowLog } from '../src/workflow-log.ts';

function recordedLog() {
  const lines: string[] = [];
  const log = workflowLog((text) => lines.push(...text.split('\n').slice(0, -1)), new Redactor());
  return { lines, log };
}

function steppedClock(): Clock & { nowAtMs: number } {
  const clock = { nowAtMs: 0, nowMs: () => clock.nowAtMs, sleep: async () => {}, random: () => 0 };
  return clock;
}

test('I8: no text written to the log is read as a workflow command by the runner', () => {
  const hostile = fc
    .array(
      fc.constantFrom(
        '::',
        '##[',
        'error',
        'add-mask',
        'arn:aws:iam::',
        'arn:aws:s3:::',
        ':',
        ' ',
        '\n',
        '\r',
        '\r\n',
        '\u2028',
        '%0A',
        'x',
        ']',
        ',',
      ),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(hostile, hostile, (text, title) => {
      const { lines, log } = recordedLog();
      log.line(text);
      expect(lines.map(parseCommand).filter((command) => command !== undefined)).toEqual([]);
      expect(lines.some((line) => line.includes('##['))).toBe(false);
      lines.length = 0;
      log.annotate('warning', title, text);
      expect(lines).toHaveLength(1);
      expect(parseCommand(lines[0] ?? '')?.name).toBe('warning');
    }),
  );
});

test('the commands of the log and the names of inputs are those of @actions/core', async () => {
  const core = await import('@actions/core');
  const written: string[] = [];
  const write = process.stdout.write;
  const secret = 'a%b, c:d';
  process.stdout.write = ((text: string) => written.push(text)) as never;
  process.env[inputVariable('some name-x')] = ' value ';
  try {
    core.setSecret(secret);
    core.warning('50%\nof: it', { title: 'a: b, c' });
    core.startGroup('a group');
    core.endGroup();
    expect(core.getInput('some name-x')).toBe('value');
  } finally {
    process.stdout.write = write;
    delete process.env[inputVariable('some name-x')];
  }
  const { lines, log } = recordedLog();
  log.mask(secret);
  expect(lines).toContain('::add-mask::a%25b, c:d');
  lines.length = 0;
  const expected = written.join('').split('\n').slice(0, -1);
  expect(expected[0]).toBe('::add-mask::a%25b, c:d');
  log.annotate('warning', 'a: b, c', '50%\nof: it');
  log.group('a group');
  log.endGroup();
  expect(lines).toEqual(expected.slice(1));
});

describe('progress in a log', () => {
  test('is a group a step, with at most one progress line in five seconds', () => {
    const { lines, log } = recordedLog();
    const clock = steppedClock();
    const progress = logProgress(log, clock);
    progress.start('Upload', 1_000_000, 'bytes');
    for (let index = 0; index < 100; index += 1) {
      clock.nowAtMs += 100;
      progress.advance(10_000);
    }
    progress.start('Look');
    clock.nowAtMs += 20;
    progress.info('seen');
    progress.finish();
    expect(lines).toEqual([
      '::group::Upload',
      '488.3 KiB of 976.6 KiB (50%), 97.7 KiB/s, 5.0 s left',
      '976.6 KiB of 976.6 KiB (100%), 97.7 KiB/s',
      '976.6 KiB in 10.0 s',
      '::endgroup::',
      '::group::Look',
      '20 ms',
      '::endgroup::',
      'seen',
    ]);
  });

  test('writes a bounded number of lines after a step', () => {
    const { lines, log } = recordedLog();
    const progress = logProgress(log, steppedClock());
    progress.start('Look');
    for (let index = 0; index < 50_000; index += 1) progress.info(`line ${index}`);
    progress.finish();
    expect(lines).toHaveLength(2_004);
    expect(lines.at(-1)).toBe('… and 48000 more lines');
  });

  test('has sensible words for any numbers', () => {
    const numbers = fc.integer({ min: 0, max: 1e15 });
    fc.assert(
      fc.property(numbers, fc.option(numbers, { nil: undefined }), numbers, (done, total, nowMs) => {
        const text = progressText({ name: '', total, unit: 'entries', startedMs: 0, done }, nowMs);
        expect(text).not.toMatch(/NaN|Infinity|-\d/);
      }),
    );
  });
});

describe('outputs', () => {
  const action = {
    name: 'example',
    outputs: { a: { description: '' }, b: { description: '', kind: 'file' } },
  } as const;
  const texts = { name: 'example', outputs: { a: { description: '' }, b: { description: '' } } };

  test('are texts, all declared ones, and files are their paths', () => {
    const { values } = collectOutputs(action, { a: 3 }, new Map([['b', '/tmp/x']]));
    expect([...values]).toEqual([
      ['a', '3'],
      ['b', '/tmp/x'],
    ]);
    expect([...collectOutputs(action, {}, new Map()).values]).toEqual([
      ['a', ''],
      ['b', ''],
    ]);
  });

  test('that are too large together lose the largest first', () => {
    const { values, leftOut } = collectOutputs(texts, { a: 'xxxxxxxxxx', b: 'yyy' }, new Map(), 10);
    expect([values.get('a'), values.get('b'), leftOut]).toEqual(['', 'yyy', ['a']]);
  });

  test('are real values as JSON, and null where a run has none', () => {
    const typed = {
      name: 'example',
      outputs: {
        number: { description: '' },
        lines: { description: '', kind: 'lines' },
        none: { description: '', kind: 'lines' },
        json: { description: '', kind: 'json' },
        file: { description: '', kind: 'file' },
        missing: { description: '' },
      },
    } as const;
    const values = { number: 3, lines: '/a\n/b', none: '', json: '[{"a":1}]' };
    expect(outputValues(typed, values, new Map([['file', '/tmp/x']]))).toEqual({
      number: 3,
      lines: ['/a', '/b'],
      none: [],
      json: [{ a: 1 }],
      file: '/tmp/x',
      missing: null,
    });
  });

  test.each([
    ['a file that is declared as a value', { b: 'x' }, new Map([['a', '/tmp/x']])],
    ['a value that is declared as a file', { b: 'x' }, new Map()],
    ['what is not declared', { c: 'x' }, new Map()],
  ])('are a bug where there is %s', (_, values, files) => {
    expect(() => collectOutputs(action, values, files)).toThrow(InternalError);
    expect(() => outputValues(action, values, files)).toThrow(InternalError);
  });
});

test('the version that is printed is the version of the repository', () => {
  expect(version).toBe(manifest.version);
});

test.each<readonly [string, (key: string) => string]>([
  ['base64', (key) => Buffer.from(key).toString('base64')],
  ['base64 of base64', (key) => Buffer.from(Buffer.from(key).toString('base64')).toString('base64')],
  ['one line', (key) => key.replaceAll('\n', ' ')],
  ['no line breaks', (key) => key.replaceAll('\n', '')],
  ['escaped line breaks', (key) => key.replaceAll('\n', '\\n')],
  ['UTF-16 in base64', (key) => Buffer.from(`\ufeff${key}`, 'utf16le').toString('base64')],
])('I7: a key that was stored as %s is masked line by line as well', (_, store) => {
  const lines = Array.from({ length: 9 }, (__, line) =>
    Buffer.alloc(48, `secret ${line} `).toString('base64'),
  );
  const frame = (edge: string): string => `-----${edge} PGP PRIVATE KEY BLOCK-----`;
  const stored = store([frame('BEGIN'), '', ...lines, '=AbC1', frame('END'), ''].join('\n'));
  const { lines: written, log } = recordedLog();
  log.mask(stored);
  const masks = written.filter((line) => line.startsWith('::add-mask::'));
  for (const line of lines) expect(masks).toContain(`::add-mask::${line}`);
  log.line(`The key is ${lines.join(' ')}, stored as ${stored}.`);
  for (const line of [...lines, ...stored.split('\n')].filter((each) => each.length > 60))
    expect(written.at(-1)).not.toContain(line);
});
