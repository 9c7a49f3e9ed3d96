import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestFile, FileProblems } from '@slipway/local-files';
import { failureOf, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { parseKeyGlob } from '../src/globs.ts';
import { selectSource } from '../src/selection.ts';
import { findFiles } from '../src/walk.ts';
import { makeTree, publishTo, treeOf } from './publishing.ts';

async function keysOf(
  lines: readonly string[],
  workDirectory: string,
  exclude: readonly string[] = [],
): Promise<readonly string[]> {
  const problems = new FileProblems();
  const files = await findFiles(selectSource(lines, exclude.map(parseKeyGlob), workDirectory), problems);
  problems.throwIfAny((count) => `${count} files`, 'Look.');
  return files.map(({ key }) => key).toSorted();
}

describe('the source', () => {
  const workspace = makeTree({
    'dist/app.zip': 'a',
    'dist/app.zip.map': 'b',
    'dist/docs/index.html': 'c',
    'dist/docs/deep/er/page.html': 'd',
    'dist/.hidden/x': 'e',
    'dist/[1]/odd.txt': 'f',
    'other/readme.txt': 'g',
    'top.txt': 'h',
  });

  test.each<readonly [string, readonly string[], readonly string[]]>([
    [
      'a directory',
      ['dist'],
      ['.hidden/x', '[1]/odd.txt', 'app.zip', 'app.zip.map', 'docs/deep/er/page.html', 'docs/index.html'],
    ],
    ['a directory with a slash', ['./dist/docs/'], ['deep/er/page.html', 'index.html']],
    ['a directory less some', ['dist', '!*.map', '!docs', '!/.hidden'], ['[1]/odd.txt', 'app.zip']],
    ['a glob', ['dist/*.zip'], ['app.zip']],
    ['a deep glob', ['dist/**/*.html'], ['docs/deep/er/page.html', 'docs/index.html']],
    ['a glob of fixed depth', ['dist/*/*.html'], ['docs/index.html']],
    ['globs with a shared directory', ['dist/docs/*.html', 'dist/*.zip'], ['app.zip', 'docs/index.html']],
    ['globs that share the workspace only', ['dist/*.zip', 'other/*'], ['dist/app.zip', 'other/readme.txt']],
    [
      'braces across directories',
      ['{dist,other}/**/*.{zip,txt}'],
      ['dist/[1]/odd.txt', 'dist/app.zip', 'other/readme.txt'],
    ],
    ['one file', ['dist/docs/index.html'], ['index.html']],
    ['a name with special characters that is there', ['dist/[1]'], ['odd.txt']],
    ['two overlapping lines', ['dist/docs', 'dist/docs/*.html'], ['deep/er/page.html', 'index.html']],
  ])('is %s', async (_, lines, keys) => {
    expect(await keysOf(lines, workspace)).toEqual(keys);
  });

  test('is absolute as well', async () => {
    expect(await keysOf([join(workspace, 'dist/docs')], '/')).toEqual(['deep/er/page.html', 'index.html']);
    expect(await keysOf([join(workspace, 'dist/d*/*.html')], '/')).toEqual(['docs/index.html']);
  });

  test('leaves out what is excluded, with everything below', async () => {
    expect(await keysOf(['dist'], workspace, ['docs', '.*', '*.map'])).toEqual(['[1]/odd.txt', 'app.zip']);
  });

  test('that does not exist is named', () => {
    expect(() => selectSource(['nowhere'], [], workspace)).toThrow('nowhere');
    expect(() => selectSource(['dist/nowhere/x.zip'], [], workspace)).toThrow('nowhere');
  });

  test('leaves out what belongs to Slipway: the state of a store, and the actions of a composite', async () => {
    const tree = makeTree({
      '.slipway/lock.sqlite': '',
      '.slipway-actions/archive-pack/action.yml': '',
      'a/.slipway/x': '',
      'a/.slipway-actions/x': '',
      'a/b': '',
      'c/.slipway': '',
      'd/.slipway-actions': '',
    });
    expect(await keysOf(['.'], tree)).toEqual(['a/b', 'c/.slipway', 'd/.slipway-actions']);
  });
});

describe('symbolic links', () => {
  test('are followed inside the source', async () => {
    const tree = makeTree({ 'real/a.txt': 'a', 'real/sub/b.txt': 'b' });
    symlinkSync('real/a.txt', join(tree, 'latest.txt'));
    symlinkSync('real', join(tree, 'current'));
    const out = temporaryDirectory('out');
    expect((await publishTo(out, { source: tree })).failure).toBeUndefined();
    expect(treeOf(out)).toEqual({
      'real/a.txt': 'a',
      'real/sub/b.txt': 'b',
      'latest.txt': 'a',
      'current/a.txt': 'a',
      'current/sub/b.txt': 'b',
    });
  });

  test('out of it, broken ones and loops are all refused at once, and nothing is published', async () => {
    const outside = makeTree({ secret: 'x' });
    const tree = makeTree({ 'ok.txt': 'ok', 'loop/x': 'x' });
    symlinkSync(join(outside, 'secret'), join(tree, 'leak'));
    symlinkSync(outside, join(tree, 'leaks'));
    symlinkSync('nowhere', join(tree, 'broken'));
    symlinkSync('.', join(tree, 'loop/self'));
    const out = temporaryDirectory('out');
    const failure = await failureOf(publishTo(out, { source: tree }));
    expect(failure).toMatchObject({ code: 'path-outside', hint: expect.any(String) });
    for (const name of ['"leak"', '"leaks"', '"broken"', '"loop/self"'])
      expect(failure.message).toContain(name);
    expect(treeOf(out)).toEqual({});
  });

  test('that are not selected are no problem', async () => {
    const tree = makeTree({ 'ok.txt': 'ok' });
    symlinkSync('/etc/passwd', join(tree, 'leak'));
    symlinkSync('nowhere', join(tree, 'broken'));
    expect(await keysOf([`${tree}/*.txt`], '/')).toEqual(['ok.txt']);
    expect(await keysOf([tree], '/', ['leak', 'broken'])).toEqual(['ok.txt']);
  });
});

describe('files that cannot be published', () => {
  test('are all named at once: names, pipes and unreadable files', async () => {
    const tree = makeTree({ ok: 'ok', 'new\nline': 'x', 'back\\slash': 'x', '::error::boo\u0007': 'x' });
    execFileSync('mkfifo', [join(tree, 'pipe')]);
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/latin-`), Buffer.from([0xe9])]), 'x');
    const out = temporaryDirectory('out');
    const failure = await failureOf(publishTo(out, { source: tree }));
    expect(failure).toMatchObject({ code: 'source-unreadable' });
    expect(failure.message).toContain('5 files');
    for (const name of ['new\\u{a}line', 'back\\slash', 'pipe', 'latin-\\xe9', 'boo\\u{7}']) {
      expect(failure.message).toContain(name);
    }
    expect(failure.message).not.toMatch(/::error/);
    expect(treeOf(out)).toEqual({});
  });

  test('many are counted', async () => {
    const tree = makeTree(
      Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`bad\n${index}`, 'x'])),
    );
    const failure = await failureOf(publishTo(temporaryDirectory('out'), { source: tree }));
    expect(failure.message).toContain('30 files');
    expect(failure.message).toContain('and 10 more');
  });

  test('that vanished, or are no longer files, are unreadable', () => {
    const tree = makeTree({ a: 'x' });
    symlinkSync('a', join(tree, 'link'));
    mkdirSync(join(tree, 'directory'));
    expect(digestFile(join(tree, 'missing'))).toEqual({ kind: 'unreadable', code: 'ENOENT' });
    expect(digestFile(join(tree, 'link'))).toEqual({ kind: 'unreadable', code: 'ELOOP' });
    expect(digestFile(join(tree, 'directory'))).toMatchObject({ kind: 'unreadable' });
    expect(digestFile('/proc/self/status')).toEqual({ kind: 'changing' });
  });

  test('the store also notices a file that changes while it is read', async () => {
    const tree = makeTree({ 'a.txt': 'before' });
    const out = temporaryDirectory('out');
    expect((await publishTo(out, { source: tree })).outputs).toMatchObject({ uploaded: 1 });
    // The same size and time, but other bytes: those never decide.
    utimesSync(join(tree, 'a.txt'), 1, 1);
    await publishTo(out, { source: tree });
    writeFileSync(join(tree, 'a.txt'), 'after!');
    utimesSync(join(tree, 'a.txt'), 1, 1);
    expect((await publishTo(out, { source: tree })).outputs).toMatchObject({ uploaded: 1, unchanged: 0 });
    expect(treeOf(out)).toEqual({ 'a.txt': 'after!' });
  });
});
