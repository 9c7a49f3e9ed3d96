import { appendFileSync, chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentProgress } from '@slipway/core';
import { failureOf, runAction } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';
import { execute } from '../src/execute.ts';
import { namesIn, pack, workspaceOf } from './packing.ts';

const workspace = workspaceOf({
  'dist/app*': 'x',
  'dist/README.txt': 'x',
  'a/x': '1',
  'b/x': '2',
  't.txt': '{{nope}}',
});
symlinkSync('/etc/passwd', join(workspace, 'a/passwd'));
symlinkSync('gone', join(workspace, 'b/lost'));
const before = namesIn(workspace);

describe('nothing is packed', () => {
  it.each([
    ['a missing file', { archives: 'x.zip: dist/app nowhere' }, 'source-missing', '"nowhere" does not exist'],
    ['a glob of nothing', { archives: 'x.zip: dist/*.dll' }, 'source-missing', 'matches no file'],
    ['a link out', { archives: 'x.zip: a' }, 'path-outside', 'a link to an absolute path ("/etc/passwd")'],
    ['a link to nothing', { archives: 'x.zip: b' }, 'path-outside', 'not in the archive ("gone")'],
    ['two files of one name', { archives: 'x.zip: a/x b/x' }, 'name-invalid', 'appears twice'],
    [
      'two files of one name in the universal zip',
      { archives: 'm.zip: a/x\nn.zip: b/x', universal: 'all.zip' },
      'name-invalid',
      '"all.zip" has "x", which appears twice',
    ],
    [
      'names that differ in case',
      { archives: 'x.zip: dist/app dist/README.txt=APP' },
      'name-invalid',
      'upper and lower',
    ],
    ['a name that leads out', { archives: 'x.zip: dist/app=../app' }, 'name-invalid', '".." segment'],
    ['an absolute name', { archives: 'x.zip: dist/app=/app' }, 'name-invalid', 'absolute'],
    ['one name for two files', { archives: 'x.zip: dist/*=app' }, 'input-invalid', 'end it with a slash'],
    ['a name of a device', { archives: 'x.zip: dist/app=aux.txt' }, 'name-invalid', 'device on Windows'],
    [
      'a required entry that is missing',
      { archives: 'x.zip: dist/app', 'required-entries': 'app *.dll' },
      'content-invalid',
      'no entry "*.dll"',
    ],
    [
      'an unknown field',
      { archives: 'x.zip: dist/app', 'readme-template': 't.txt' },
      'input-invalid',
      '{{nope}}',
    ],
    [
      'a README in place of another',
      { archives: 'x.zip: dist/*', 'readme-template': 't.txt', fields: 'nope=1' },
      'name-invalid',
      'README.txt',
    ],
    [
      'a template that is a directory',
      { archives: 'x.zip: dist/app', 'readme-template': 'dist' },
      'input-invalid',
      'readme-template cannot be used: dist is not a regular file',
    ],
  ])('with %s', async (_, inputs, code, words) => {
    const failure = await failureOf(pack(workspace, inputs));
    expect(failure).toMatchObject({ code, message: expect.stringContaining(words) });
    expect(namesIn(workspace)).toEqual(before);
  });

  it('with several of these, all of which are reported', async () => {
    const { message } = await failureOf(
      pack(workspace, { archives: 'm.zip: a dist/app=../x\nn.zip: dist/app=nul', 'required-entries': 'z' }),
    );
    for (const words of [
      '/etc/passwd',
      '".." segment',
      'device',
      '"m.zip" has no entry "z"',
      '"n.zip" has no entry "z"',
    ])
      expect(message).toContain(words);
  });

  it('over a zip that is itself packed', async () => {
    const own = workspaceOf({ app: 'x', 'x.zip': 'old' });
    const failure = await failureOf(pack(own, { archives: 'x.zip: *', 'output-directory': '.' }));
    expect(failure.message).toContain('a zip that this run writes');
    expect(readFileSync(join(own, 'x.zip'), 'utf8')).toBe('old');
  });

  it.each([
    ['minimum-size', 'x.zip: 1MiB', 'less than 1.00 MiB'],
    ['maximum-size', '10', 'more than 10 B'],
  ])('into place if the size is wrong: %s', async (input, value, words) => {
    const own = workspaceOf({ app: 'x'.repeat(100), 'archives/x.zip': 'old', 'archives/y.zip': 'old' });
    const run = await pack(own, { archives: 'x.zip: app\ny.zip: app', [input]: value });
    expect(run.failure).toMatchObject({ code: 'content-invalid', message: expect.stringContaining(words) });
    expect(namesIn(join(own, 'archives'))).toEqual(['x.zip', 'y.zip']);
    expect(readFileSync(join(own, 'archives/y.zip'), 'utf8')).toBe('old');
    expect(run.outputs).toMatchObject({ archives: 0, paths: '' });
    expect(run.files.map(({ output }) => output)).toEqual(['report']);
  });

  it.each([0, 6])(
    'if a file changes while it is packed at level %i, and nothing is left behind',
    async (level) => {
      const own = workspaceOf({ big: Buffer.alloc(5 * 2 ** 20), 'archives/x.zip': 'old' });
      const path = join(own, 'big');
      let isChanged = false;
      const change = (): void => {
        if (!isChanged) appendFileSync(path, 'y');
        isChanged = true;
      };
      const source = { kind: 'file', path, sizeBytes: 5 * 2 ** 20 } as const;
      const entries = [{ name: 'big', kind: 'file', executable: false, source } as const];
      const write = { kind: 'write-archive', name: 'x.zip', platform: undefined, entries } as const;
      const { failure } = await execute(
        {
          steps: [
            { ...write, minimumBytes: undefined, maximumBytes: undefined },
            { kind: 'put-in-place', names: ['x.zip'] },
          ],
        },
        {
          outputDirectory: join(own, 'archives'),
          level,
          timeMs: 0,
          progress: { ...silentProgress, advance: change },
        },
      );
      expect(failure).toMatchObject({
        code: 'content-invalid',
        message: expect.stringContaining('changed while it was being read'),
      });
      expect(namesIn(join(own, 'archives'))).toEqual(['x.zip']);
      expect(readFileSync(join(own, 'archives/x.zip'), 'utf8')).toBe('old');
    },
  );

  it('if a directory has the name of a zip, and nothing else is replaced first', async () => {
    const own = workspaceOf({ app: 'x' });
    mkdirSync(join(own, 'archives/x.zip/y'), { recursive: true });
    const run = await pack(own, { archives: 'x.zip: app' });
    expect(run.failure).toMatchObject({ code: 'target-read-only' });
    expect(namesIn(join(own, 'archives'))).toEqual(['x.zip']);
  });
});

describe('names that Windows cannot unpack', () => {
  const inputs = (more: Readonly<Record<string, string>>) => ({ archives: 'x.zip: dist/app=what?', ...more });
  it.each([
    ['in a zip for another platform', { platforms: 'x.zip: macos-arm64' }],
    ['with portable-names: never', { 'portable-names': 'never' }],
  ])('are packed %s', async (_, more) => {
    const own = workspaceOf({ 'dist/app': 'x' });
    expect((await pack(own, inputs(more))).failure).toBeUndefined();
  });

  it.each([
    ['in a zip for all platforms', {}],
    ['in a zip for Windows', { platforms: 'windows-x64' }],
    ['always, when that is wanted', { platforms: 'macos', 'portable-names': 'always' }],
  ])('are refused %s', async (_, more) => {
    expect(await failureOf(pack(workspace, inputs(more)))).toMatchObject({ code: 'name-invalid' });
  });
});

describe('inputs', () => {
  it('are all reported at once if they are wrong', async () => {
    const { message } = await failureOf(
      runAction(
        action,
        {
          archives: 'x.zip: a\nX.ZIP: b',
          universal: 'x.zip',
          platforms: 'y.zip: macos',
          'minimum-size': 'z.zip: 1MiB',
          fields: 'version=1\nversion=2\narchive=x',
          'readme-name': '../README',
          'compression-level': '10',
        },
        { environment: { SOURCE_DATE_EPOCH: 'now' } },
      ),
    );
    for (const words of [
      'X.ZIP is named in both archives and universal',
      'platforms names y.zip',
      'minimum-size names z.zip',
      'fields sets version twice',
      'fields sets archive, which is always set',
      'no readme-template',
      'readme-name has a ".." segment',
      'compression-level',
      'SOURCE_DATE_EPOCH',
    ])
      expect(message).toContain(words);
  });

  it('each report what is wrong with their lines', async () => {
    const { message } = await failureOf(
      runAction(action, {
        archives: 'x: a',
        fields: '1=2',
        platforms: 'x.zip: a b',
        'maximum-size': 'much',
        'required-entries': '"open',
      }),
    );
    for (const words of ['archives', 'fields', 'platforms', 'maximum-size', 'required-entries'])
      expect(message).toContain(`input "${words}"`);
  });

  it('of a file that cannot be read', async () => {
    const own = workspaceOf({ app: 'x' });
    writeFileSync(join(own, 'locked'), 'x');
    chmodSync(join(own, 'locked'), 0);
    // Root can read everything.
    const run = pack(own, { archives: 'x.zip: locked' });
    if (process.getuid?.() === 0) expect((await run).failure).toBeUndefined();
    else expect(await failureOf(run)).toMatchObject({ code: 'source-unreadable' });
  });
});
