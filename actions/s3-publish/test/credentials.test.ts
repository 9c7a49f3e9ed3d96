import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { credentialStores } from '@slipway/local-files';
import { failureOf, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { BucketDouble } from './bucket-double.ts';
import { changedKeys, makeTree, publishTo, publishToStore, treeOf } from './publishing.ts';

const token = 'AUTHORIZATION: basic c2VjcmV0';
const checkout = {
  'index.html': 'x',
  '.git/config': token,
  '.git/objects/aa/b': 'y',
  'deep/.Git/config': token,
  'module/.git': 'gitdir: ../.git/modules/module',
  '.env': 'SECRET=1',
  'app/.ENV.production': 'SECRET=1',
  'app/.env.example': 'SECRET=',
  '.docker/config.json': '{}',
  '.docker/readme': 'z',
  'keys/id_ed25519': 'k',
  'keys/id_ed25519.pub': 'p',
  '.well-known/security.txt': 's',
  '.nojekyll': '',
  '.github/workflows/x.yml': 'w',
  '.gitignore': 'g',
};
const harmless = [
  '.docker/readme',
  '.github/workflows/x.yml',
  '.gitignore',
  '.nojekyll',
  '.well-known/security.txt',
  'app/.env.example',
  'index.html',
  'keys/id_ed25519.pub',
];

describe('I7: credential stores', () => {
  test('is not published by default, at any depth and in any case, with a warning', async () => {
    const out = temporaryDirectory('out');
    const run = await publishTo(out, { source: makeTree(checkout) });
    expect(run.failure).toBeUndefined();
    expect(Object.keys(treeOf(out)).toSorted()).toEqual(harmless);
    const [note] = run.problems;
    expect(note).toMatchObject({ code: 'credentials-left-out', severity: 'notice' });
    const leftOut = [
      '.docker/config.json',
      '.env',
      '.git/',
      'app/.ENV.production',
      'deep/.Git/',
      'keys/id_ed25519',
      'module/.git',
    ];
    expect(note?.message).toContain(leftOut.join(', '));
    expect(run.log.join('\n')).toContain('Left out because credentials are kept there: .docker/config.json');
    expect(run.json('report')).toMatchObject({ leftOut: expect.arrayContaining(leftOut) });
  });

  test.each(credentialStores.map((name) => name.replaceAll('*', 'x')))('is %s', async (name) => {
    const out = temporaryDirectory('out');
    await publishTo(out, { source: makeTree({ [`a/${name}`]: 'x', 'a/b': 'y' }) });
    expect(Object.keys(treeOf(out))).toEqual(['a/b']);
    const within = temporaryDirectory('out');
    await publishTo(within, { source: makeTree({ [`a/${name}/c`]: 'x', 'a/b': 'y' }) });
    expect(Object.keys(treeOf(within))).toEqual(['a/b']);
  });

  test('is not selected by a glob, unless the glob names it itself', async () => {
    const source = makeTree(checkout);
    const keysOf = async (lines: string): Promise<readonly string[]> =>
      changedKeys(await publishTo(temporaryDirectory('out'), { source: lines }));
    expect(await keysOf(`${source}/**`)).toEqual(harmless);
    expect(await keysOf(`${source}/.e*\n${source}/index.html`)).toEqual(['index.html']);
    expect(await keysOf(`${source}/index.html\n${source}/.env`)).toEqual(['.env', 'index.html']);
    expect(await keysOf(`${source}\n${source}/.git`)).toEqual(
      [...harmless, '.git/config', '.git/objects/aa/b'].toSorted(),
    );
    expect(await keysOf(`${source}/.git`)).toEqual(['config', 'objects/aa/b']);
    expect(await keysOf(`${source}/**/id_ed25519`)).toEqual(['keys/id_ed25519']);
    expect(await keysOf(`${source}/**/config.json\n${source}/index.html`)).toEqual(['index.html']);
  });

  test('is not published under the name of a link', async () => {
    const source = makeTree(checkout);
    symlinkSync('.git/config', join(source, 'settings'));
    symlinkSync('.git', join(source, 'clone'));
    symlinkSync('../.env', join(source, 'deep/settings'));
    const out = temporaryDirectory('out');
    const run = await publishTo(out, { source });
    expect(Object.keys(treeOf(out)).toSorted()).toEqual(harmless);
    expect(run.problems[0]?.message).toMatch(/clone.*deep\/settings.*settings/);
  });

  test('that is excluded is not reported, and a source of nothing else is refused', async () => {
    const source = makeTree({ '.git/config': token, a: 'a' });
    expect((await publishTo(temporaryDirectory('out'), { source, exclude: '.git' })).problems).toEqual([]);
    const failure = await failureOf(publishTo(temporaryDirectory('out'), { source, exclude: 'a' }));
    expect(failure).toMatchObject({ code: 'source-missing', hint: expect.stringMatching(/name it itself/) });
  });

  test('that was published earlier is deleted as extraneous, and reported otherwise', async () => {
    const bucket = new BucketDouble();
    for (const key of ['.git/config', 'a/.env', 'index.html']) bucket.place(key, 'old');
    const source = makeTree(checkout);
    const kept = await publishToStore(bucket, { source });
    expect(kept.problems).toContainEqual(
      expect.objectContaining({
        code: 'credentials-published',
        severity: 'warning',
        message: expect.stringMatching(/2 objects .*\.git\/config, a\/\.env/),
      }),
    );
    const run = await publishToStore(bucket, { source, delete: 'extraneous' });
    expect(run.problems.map(({ code }) => code)).toEqual(['credentials-left-out']);
    expect([...bucket.objects.keys()].filter((key) => /\.git\/|\.env$/.test(key))).toEqual([]);
  });

  test('is listed in the README', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    expect(credentialStores.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('globs that match nothing', () => {
  test('are reported, with advice on spaces and commas', async () => {
    const source = makeTree({ 'a.js': 'a', 'a.map': 'b', 'a.txt': 'c' });
    const { problems } = await publishTo(temporaryDirectory('out'), {
      source: `${source}/*.js\n${source}/*.txt, ${source}/*.css`,
      exclude: '*.map, *.txt\n*.tmp',
      immutable: '*.js,*.css',
    });
    expect(problems).toMatchObject([
      { code: 'glob-unused', severity: 'warning', message: expect.stringMatching(/of source/) },
      { code: 'glob-unused', severity: 'warning', message: expect.stringMatching(/"\*\.map, \*\.txt"/) },
      { code: 'glob-unused', severity: 'warning', message: expect.stringMatching(/of immutable/) },
    ]);
    for (const { hint } of problems) expect(hint).toMatch(/one glob per line/);
  });

  test('of a source that overlap are not among them', async () => {
    const source = makeTree({ 'a.js': 'a', 'b/c.js': 'b' });
    const lines = `${source}\n${source}/*.js\n${source}/**/c.js`;
    expect((await publishTo(temporaryDirectory('out'), { source: lines })).problems).toEqual([]);
  });
});
