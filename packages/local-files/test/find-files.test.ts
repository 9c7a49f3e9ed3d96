import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import {
  credentialStoreIn,
  type FileProblem,
  FileProblems,
  type FoundPath,
  findFiles,
  partialPath,
} from '../src/index.ts';

function tree(...paths: readonly string[]): string {
  const directory = temporaryDirectory('tree');
  for (const path of paths) {
    const absolute = join(directory, path);
    if (path.endsWith('/')) mkdirSync(absolute, { recursive: true });
    else {
      mkdirSync(dirname(absolute), { recursive: true });
      writeFileSync(absolute, path);
    }
  }
  return directory;
}

function find(
  baseDirectory: string,
  pattern: string,
  ...excludes: readonly string[]
): {
  readonly found: readonly FoundPath[];
  readonly problems: readonly FileProblem[];
  readonly names: string[];
} {
  const problems = new FileProblems();
  const found = findFiles(pattern, { baseDirectory, excludes, problems });
  return { found, problems: problems.first, names: found.map(({ name }) => name).sort() };
}

const base = tree(
  'dist/app',
  'dist/App.app/a',
  'dist/App.app/b/c',
  'dist/empty/',
  'dist/.hidden',
  'dist/x.dll',
);

describe('what holds credentials (I7)', () => {
  it('is told by its whole path where it is elsewhere', () => {
    const leftOut: string[] = [];
    const other = tree('x/.npmrc', 'x/y');
    const options = { baseDirectory: tree('z'), excludes: [], problems: new FileProblems(), leftOut };
    findFiles(`${other}/x`, options);
    expect(leftOut).toEqual([`${other}/x/.npmrc`]);
  });

  const checkout = tree(
    'app/a',
    'app/.git/config',
    'app/lib/.ENV',
    'app/lib/b',
    'app/.well-known/c',
    '.env',
    'd',
  );
  const findAll = (pattern: string, ...excludes: readonly string[]) => {
    const problems = new FileProblems();
    const leftOut: string[] = [];
    const found = findFiles(pattern, { baseDirectory: checkout, excludes, problems, leftOut });
    return { names: found.map(({ name }) => name).sort(), leftOut: leftOut.sort(), problems: problems.first };
  };

  it.each([
    ['app', ['app/.well-known/c', 'app/a', 'app/lib/b'], ['app/.git/', 'app/lib/.ENV']],
    ['app/', ['.well-known/c', 'a', 'lib/b'], ['app/.git/', 'app/lib/.ENV']],
    ['*', ['app/.well-known/c', 'app/a', 'app/lib/b', 'd'], ['.env', 'app/.git/', 'app/lib/.ENV']],
    ['**/b', ['app/lib/b'], ['app/.git/']],
    ['app/*/b', ['lib/b'], ['app/.git/']],
    ['?', ['d'], []],
    // Named themselves:
    ['.env', ['.env'], []],
    ['app/.git', ['.git/config'], []],
    ['**/.git', ['app/.git/config'], []],
    ['app/.git/*', ['config'], []],
  ])('is left out of %s unless the pattern names it itself', (pattern, names, leftOut) => {
    expect(findAll(pattern)).toEqual({ names, leftOut, problems: [] });
  });

  it('is not told of where it is excluded, and is told to be all where it is', () => {
    expect(findAll('app', '.git', '.E*')).toMatchObject({ leftOut: [] });
    expect(findAll('.e*')).toMatchObject({ problems: [{ what: expect.stringMatching(/named themselves/) }] });
  });

  it.each([
    ['a/.git/config', '.git'],
    ['.ENV.local', '.ENV.local'],
    ['x/.docker/config.json', '.docker/config.json'],
    ['terraform.tfstate.backup', 'terraform.tfstate.backup'],
    ['id_rsa', 'id_rsa'],
  ])('is in %s', (path, name) => {
    expect(credentialStoreIn(path)?.name).toBe(name);
  });

  it.each([
    '.gitignore',
    '.github/x',
    'a.git',
    'x.env',
    '.env.example',
    '.env.production.example',
    '.dev.vars.sample',
    'id_rsa.pub',
    '.docker/x',
    '.well-known/x',
  ])('is not in %s', (path) => {
    expect(credentialStoreIn(path)).toBeUndefined();
  });

  it('takes no longer for a long path than it has names', () => {
    expect(credentialStoreIn('.env.example/'.repeat(50_000))).toBeUndefined();
    expect(credentialStoreIn(`${'.env.'.repeat(50_000)}/x`)).toBeDefined();
    expect(credentialStoreIn(`${'a.tfstat'.repeat(50_000)}`)).toBeUndefined();
  });
});

describe('a pattern', () => {
  it.each([
    ['dist/app', ['app']],
    ['dist/App.app', ['App.app/a', 'App.app/b/c']],
    ['dist/App.app/', ['a', 'b/c']],
    ['dist/empty', ['empty']],
    ['dist/*.dll', ['x.dll']],
    ['dist/*', ['.hidden', 'App.app/a', 'App.app/b/c', 'app', 'empty', 'x.dll']],
    ['dist/**/c', ['App.app/b/c']],
    ['dist/App.app/{a,b}', ['a', 'b/c']],
    ['./dist/../dist/app', ['app']],
    [`${base}/dist/app`, ['app']],
    [`${base}/dist/*.dll`, ['x.dll']],
  ])('%s', (pattern, names) => {
    expect(find(base, pattern)).toMatchObject({ names, problems: [] });
  });

  it('leaves out what is excluded: by name at any depth, by path, and all below a directory', () => {
    expect(find(base, 'dist', 'c', '*.dll').names).toEqual([
      'dist/.hidden',
      'dist/App.app/a',
      'dist/app',
      'dist/empty',
    ]);
    expect(find(base, 'dist/*', 'dist/App.app').names).toEqual(['.hidden', 'app', 'empty', 'x.dll']);
    expect(find(base, 'dist/App.app/b', 'App.app').problems).toHaveLength(1);
  });

  it('is a name first, and a glob only when there is no such file', () => {
    const directory = tree('a[1].txt', 'a1.txt');
    expect(find(directory, 'a[1].txt').names).toEqual(['a[1].txt']);
  });

  it.each([
    ['nowhere', 'does not exist'],
    ['dist/*.so', 'matches no file'],
    ['nowhere/*.so', 'matches no file'],
  ])('of nothing is a problem: %s', (pattern, what) => {
    expect(find(base, pattern)).toMatchObject({
      found: [],
      problems: [{ code: 'source-missing', path: pattern, what }],
    });
  });

  it('tells sizes, the executable bit, and what links say, and follows none', () => {
    const directory = tree('bin/tool');
    chmodSync(join(directory, 'bin/tool'), 0o700);
    symlinkSync('/etc', join(directory, 'bin/etc'));
    const { found } = find(directory, 'bin');
    expect(found.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      expect.objectContaining({ name: 'bin/etc', kind: 'link', linkTarget: '/etc' }),
      expect.objectContaining({ name: 'bin/tool', kind: 'file', sizeBytes: 8, executable: true }),
    ]);
  });

  it('passes over files that were being written when a process ended', () => {
    const directory = tree('a');
    writeFileSync(partialPath(join(directory, 'b.zip')), 'half');
    expect(find(directory, '*').names).toEqual(['a']);
  });

  it('passes over the state of a destination that is in the workspace, but not over files of that name', () => {
    const directory = tree(
      '.slipway/lock.sqlite',
      '.slipway-actions/x',
      'mirror/.slipway/lock.sqlite',
      'mirror/a',
      'b/.slipway',
    );
    for (const pattern of ['./', '**', '*'])
      expect(find(directory, pattern).names.toSorted()).toEqual(['b/.slipway', 'mirror/a']);
    expect(find(directory, 'mirror').names).toEqual(['mirror/a']);
  });

  it.skipIf(process.platform !== 'linux')(
    'I8: names that are not UTF-8 and pipes are problems (needs Linux)',
    () => {
      const directory = tree('d/a');
      writeFileSync(Buffer.concat([Buffer.from(`${directory}/d/`), Buffer.from([0xff, 0xfe])]), 'x');
      execFileSync('mkfifo', [join(directory, 'd/pipe')]);
      const { names, problems } = find(directory, 'd');
      expect(names).toEqual(['d/a']);
      expect(problems.map(({ code }) => code).sort()).toEqual(['name-invalid', 'source-unreadable']);
    },
  );
});

describe('the refusal', () => {
  it('names twenty problems, counts the others, and has the code of the worst', () => {
    const problems = new FileProblems();
    for (let index = 0; index < 25; index += 1) problems.add('source-missing', `file${index}`, 'is missing');
    problems.add('source-unreadable', 'x', 'cannot be read');
    const refuse = (): void => problems.throwIfAny((count) => `${count} files were left`, 'Look.');
    expect(refuse).toThrow(expect.objectContaining({ code: 'source-unreadable', hint: 'Look.' }));
    expect(refuse).toThrow(/^26 files were left:\n {2}"file0" is missing/);
    expect(refuse).toThrow(/"file19" is missing\n {2}and 6 more$/);
  });

  it('is not thrown without problems', () => {
    expect(() => new FileProblems().throwIfAny(() => 'Nothing', 'Look.')).not.toThrow();
  });
});
