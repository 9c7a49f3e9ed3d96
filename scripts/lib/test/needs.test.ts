// Slow: about 10 s.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { isEmpty, isOneOf, needsScript, needsVariables, oneOf, type Part } from '../needs.ts';

const directory = mkdtempSync(join(tmpdir(), 'slipway-needs-'));
afterAll(() => rmSync(directory, { recursive: true }));

const parts: readonly Part[] = [
  { name: 'pack', maySkip: false, needs: ['files'] },
  { name: 'sign', maySkip: true, needs: ['KEY'] },
  { name: 'sums', maySkip: true, when: [{ kind: 'runs', part: 'sign' }], needs: ['sums-file'] },
  {
    name: 'tell',
    maySkip: true,
    when: [isOneOf('operation', 'release', 'force'), isEmpty('from-run')],
    needs: ['targets', oneOf(['token'], ['app', 'app-key'])],
  },
];
const choices = [{ input: 'operation', values: ['release', 'force', 'verify'] }];
const good = {
  files: 'a.zip',
  KEY: 'a key\nof two lines',
  'sums-file': 'sums',
  operation: 'release',
  'from-run': '',
  targets: 'a/b',
  token: 'a token',
  app: '',
  'app-key': '',
  skip: '',
};

interface Outcome {
  readonly error: string | undefined;
  readonly outputs: string;
}

function look(given: Partial<Record<keyof typeof good, string>> = {}): Outcome {
  const output = join(directory, 'output');
  writeFileSync(output, '');
  const values: Readonly<Record<string, string>> = { ...good, ...given };
  const environment = needsVariables(parts).map(([name, code]) => [
    name,
    values[/(?:inputs|secrets)\.([\w-]+)/.exec(code)?.[1] ?? ''] ?? 'no such input',
  ]);
  try {
    execFileSync('bash', ['-c', needsScript(parts, choices)], {
      cwd: directory,
      encoding: 'utf8',
      stdio: 'pipe',
      env: { PATH: process.env['PATH'], GITHUB_OUTPUT: output, ...Object.fromEntries(environment) },
    });
    return { error: undefined, outputs: readFileSync(output, 'utf8') };
  } catch (error) {
    return { error: (error as { stdout: string }).stdout, outputs: readFileSync(output, 'utf8') };
  }
}

describe('what parts need', () => {
  test('is there: each part says that it runs', () => {
    expect(look()).toEqual({
      error: undefined,
      outputs: 'run-pack=true\nrun-sign=true\nrun-sums=true\nrun-tell=true\n',
    });
  });

  test.each(['', ' ', '\n', ' \t\r\n '])(
    'is missing when it is %j, and all of it is named at once',
    (empty) => {
      const { error } = look({ files: empty, KEY: empty, 'sums-file': empty, targets: empty, token: empty });
      expect(error).toBe(
        '::error::Required inputs are empty: pack needs files; sign needs KEY; sums needs sums-file; tell needs targets; tell needs token, or app and app-key. Nothing was done. Set them, or skip what you do not want: skip: sign, sums, tell.\n',
      );
    },
  );

  test('cannot be left out where it is always needed', () => {
    expect(look({ files: '' }).error).toBe(
      '::error::Required inputs are empty: pack needs files. Nothing was done. Set them.\n',
    );
    expect(look({ files: '', skip: 'pack' }).error).toBe(
      '::error::skip names pack, but only these can be skipped: sign, sums, tell\n',
    );
  });

  test.each(['sign', ' Sign ,', 'sign,tell', 'tell sign', 'tell\nsign\n'])(
    'is not needed by what is skipped: %j',
    (skip) => {
      const { error, outputs } = look({ skip, KEY: '', 'sums-file': '' });
      expect(error).toBeUndefined();
      expect(outputs).toContain('run-sign=false\nrun-sums=false\n');
      expect(outputs).toContain(`run-tell=${!skip.includes('tell')}\n`);
    },
  );

  test('may come in one of several ways, but in a whole one', () => {
    expect(look({ token: '', app: '1', 'app-key': 'x' }).error).toBeUndefined();
    expect(look({ token: '', app: '1' }).error).toContain('tell needs token, or app and app-key.');
  });

  test('is not looked at for what is not to be done', () => {
    expect(look({ operation: 'verify', targets: '' }).outputs).toContain('run-tell=false');
    expect(look({ 'from-run': '1', targets: '' }).outputs).toContain('run-tell=false');
    expect(look({ operation: 'Force' }).outputs).toContain('run-tell=true');
  });

  test.each(['', 'forced', 'release | true'])(
    'is not guessed for an operation that is not known: %j',
    (operation) => {
      expect(look({ operation }).error).toBe('::error::operation must be one of release, force, verify\n');
    },
  );

  test.each(['*', '$(touch made)', '`touch made`', '::stop-commands::x', 'a"; touch made; "'])(
    'I8: is text, never code: %j',
    (hostile) => {
      const { error } = look({ skip: hostile });
      expect(error?.split('::error::').slice(0, 1)).toEqual(['']);
      expect(error?.split('\n')).toHaveLength(2);
      expect(
        look({ files: hostile, KEY: hostile, targets: hostile, token: hostile, operation: 'force' }).error,
      ).toBeUndefined();
      expect(() => readFileSync(join(directory, 'made'))).toThrow('ENOENT');
    },
  );
});
