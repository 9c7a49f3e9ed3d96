import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failureOf, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { changedKeys, fileOf, makeTree, publishTo, sha256Of, treeOf } from './publishing.ts';

const site = { 'index.html': '<p>1', 'assets/app.js': 'app()', 'assets/empty': '', 'latest.json': '{"v":1}' };

describe('publishing to a directory', () => {
  test('stores only what is new or changed', async () => {
    const source = makeTree(site);
    const out = temporaryDirectory('out');
    const first = await publishTo(out, { source, pointers: 'latest.json' });
    expect(first.failure).toBeUndefined();
    expect(first.outputs).toMatchObject({ uploaded: 4, unchanged: 0, deleted: 0, 'bytes-uploaded': 16 });
    expect(treeOf(out)).toEqual(site);

    const second = await publishTo(out, { source, pointers: 'latest.json' });
    expect(second.outputs).toMatchObject({
      uploaded: 0,
      unchanged: 4,
      'bytes-uploaded': 0,
      // The invalidation of the first is not proven.
      'invalidation-paths': '/assets/app.js\n/assets/empty\n/index.html\n/latest.json',
    });

    writeFileSync(join(source, 'index.html'), '<p>2');
    writeFileSync(join(source, 'latest.json'), '{"v":2}');
    const third = await publishTo(out, { source, pointers: 'latest.json' });
    expect(third.outputs).toMatchObject({ uploaded: 2, unchanged: 2 });
    expect(changedKeys(third)).toEqual(['index.html', 'latest.json']);
    expect(third.outputs['invalidation-paths']).toContain('/index.html\n/latest.json');
    expect(treeOf(out)).toEqual({ ...site, 'index.html': '<p>2', 'latest.json': '{"v":2}' });
  });

  test('lists the objects in the manifest', async () => {
    const source = makeTree({ 'a b+%.txt': 'x', 'star*.js': 'y' });
    const out = temporaryDirectory('out');
    const manifest = join(temporaryDirectory('work'), 'manifest.json');
    const run = await publishTo(out, { source, manifest, 'base-url': 'https://cdn.example.org/files/' });
    const objects: unknown = JSON.parse(fileOf(run, 'manifest'));
    expect(objects).toEqual([
      {
        key: 'a b+%.txt',
        sizeBytes: 1,
        sha256: sha256Of('x'),
        etag: expect.any(String),
        url: 'https://cdn.example.org/files/a%20b%2B%25.txt',
      },
      {
        key: 'star*.js',
        sizeBytes: 1,
        sha256: sha256Of('y'),
        etag: expect.any(String),
        url: 'https://cdn.example.org/files/star%2A.js',
      },
    ]);
    expect(run.files.find(({ output }) => output === 'manifest')?.path).toBe(manifest);
    expect(run.outputs['invalidation-paths']).toBe('/files/a%20b%2B%25.txt\n/files/star%2A.js');
  });

  test('I6: deletes objects without a file last, and prints them first', async () => {
    const out = makeTree({ ...site, 'old/a': 'a', 'old/b': 'b', 'keep/c': 'c', 'notes.keep': 'd' });
    const source = makeTree(site);
    const exclude = 'keep\n*.keep';
    expect((await publishTo(out, { source, exclude })).outputs).toMatchObject({ deleted: 0 });
    const run = await publishTo(out, { source, exclude, delete: 'extraneous' });
    expect(run.outputs).toMatchObject({
      uploaded: 0,
      unchanged: 4,
      deleted: 2,
      'invalidation-paths': '/old/a\n/old/b',
    });
    expect(run.log.filter((line) => line.startsWith('Will delete'))).toEqual([
      'Will delete old/a (1 B)',
      'Will delete old/b (1 B)',
    ]);
    expect(treeOf(out)).toEqual({ ...site, 'keep/c': 'c', 'notes.keep': 'd' });
  });

  test('never deletes the records that Slipway keeps in a destination below this one', async () => {
    const out = makeTree({ 'sub/.slipway/pending-invalidations.v1.json': '{}', 'sub/old': 'x' });
    const run = await publishTo(out, { source: makeTree(site), delete: 'extraneous' });
    expect(run.outputs).toMatchObject({ deleted: 1 });
    expect(treeOf(out)).toMatchObject({ 'sub/.slipway/pending-invalidations.v1.json': '{}' });
  });

  test('says that it leaves .slipway/ and .slipway-actions/ of the source out', async () => {
    const source = makeTree({ a: 'a', '.slipway/x': 'y', '.slipway-actions/x': 'y' });
    const run = await publishTo(temporaryDirectory('out'), { source });
    expect(run.outputs).toMatchObject({ uploaded: 1 });
    expect(run.log.join('\n')).toContain('Left .slipway/ of the source out');
    expect(run.log.join('\n')).toContain('Left .slipway-actions/ of the source out');
  });

  test('objects excluded by a line of source are kept as well', async () => {
    const out = makeTree({ 'a.map': 'old' });
    const source = makeTree({ a: 'a', 'a.map': 'new' });
    await publishTo(out, { source: `${source}\n!*.map`, delete: 'extraneous' });
    expect(treeOf(out)).toEqual({ a: 'a', 'a.map': 'old' });
  });

  test('an empty source deletes nothing and is refused', async () => {
    const out = makeTree(site);
    const source = temporaryDirectory('empty');
    expect(await failureOf(publishTo(out, { source, delete: 'extraneous' }))).toMatchObject({
      code: 'plan-refused',
      message: expect.stringContaining('4 objects'),
      hint: expect.any(String),
    });
    expect(await failureOf(publishTo(out, { source }))).toMatchObject({ code: 'source-missing' });
    expect(treeOf(out)).toEqual(site);
  });

  test('a dry run prints the plan and writes nothing', async () => {
    const source = makeTree({ ...site, 'index.html': '<p>other' });
    const out = makeTree({ 'index.html': '<p>1', old: 'x' });
    const run = await publishTo(out, {
      source,
      delete: 'extraneous',
      pointers: 'latest.json',
      'dry-run': 'true',
    });
    expect(run.log).toEqual([
      'Would store index.html (8 B, other bytes)',
      'Would store assets/app.js (5 B, new)',
      'Would store assets/empty (0 B, new)',
      'Would store the pointer latest.json (7 B, new)',
      'Would delete old (1 B)',
    ]);
    expect(run.outputs).toMatchObject({
      uploaded: 4,
      deleted: 1,
      'bytes-uploaded': 20,
      'invalidation-paths': '/assets/app.js\n/assets/empty\n/index.html\n/latest.json\n/old',
    });
    expect(treeOf(out)).toEqual({ 'index.html': '<p>1', old: 'x' });
    expect(existsSync(join(out, '.slipway'))).toBe(false);
    expect(run.json('report')).toMatchObject({
      dryRun: true,
      plan: { deletions: [{ key: 'old', sizeBytes: 1 }] },
    });
  });

  test('a dry run does not create a missing directory', async () => {
    const out = join(temporaryDirectory('out'), 'later');
    const run = await publishTo(out, { source: makeTree(site), 'dry-run': 'true' });
    expect(run.log).toHaveLength(4);
    expect(existsSync(out)).toBe(false);
  });

  test.each(['head', 'get', 'none'])('verify: %s', async (verify) => {
    const out = temporaryDirectory('out');
    expect((await publishTo(out, { source: makeTree(site), verify })).failure).toBeUndefined();
    expect(treeOf(out)).toEqual(site);
  });

  test('awkward names, and those that look like commands, are stored and printed safely', async () => {
    const awkward = {
      '::set-output name=x::y': '1',
      '..dots/...': '2',
      'per%cent 100%25+~': '3',
      'ü/日本語/🚢': '4',
      '-dash': '5',
    };
    const out = makeTree({ '::warning::gone': 'x' });
    const run = await publishTo(out, { source: makeTree(awkward), delete: 'extraneous' });
    expect(run.failure).toBeUndefined();
    expect(treeOf(out)).toEqual(awkward);
    for (const line of run.log) expect(line).not.toMatch(/::/);
  });

  test('is never published into itself', async () => {
    const source = makeTree({ a: 'a' });
    const out = join(source, 'public');
    const failure = await failureOf(publishTo(out, { source }));
    expect(failure).toMatchObject({ code: 'plan-refused', hint: 'Exclude it: exclude: /public' });
    await publishTo(out, { source, exclude: '/public' });
    await publishTo(out, { source: `${source}/*` });
    expect(treeOf(out)).toEqual({ a: 'a' });
  });

  test('never deletes its own source', async () => {
    const out = makeTree({ 'incoming/a': 'a', b: 'b' });
    const source = join(out, 'incoming');
    for (const given of [source, out, `${out}/b`]) {
      const failure = await failureOf(publishTo(out, { source: given, delete: 'extraneous' }));
      expect(failure).toMatchObject({ code: 'plan-refused' });
    }
    await publishTo(out, { source, delete: 'extraneous', exclude: '/incoming' });
    expect(treeOf(out)).toEqual({ 'incoming/a': 'a', a: 'a' });
  });
});

describe('I2: immutable objects', () => {
  test('with the same bytes are a success without an upload', async () => {
    const source = makeTree({ 'v1/app.zip': 'one' });
    const out = temporaryDirectory('out');
    await publishTo(out, { source, immutable: 'v*/**' });
    expect((await publishTo(out, { source, immutable: 'v*/**' })).outputs).toMatchObject({
      uploaded: 0,
      unchanged: 1,
    });
  });

  test('with different bytes fail the run, all named, before anything is written', async () => {
    const out = makeTree({ 'v1/a.zip': 'one', 'v1/b.zip': 'two', 'v1/same.zip': 'three' });
    const source = makeTree({
      'v1/a.zip': 'ONE',
      'v1/b.zip': 'longer',
      'v1/same.zip': 'three',
      'v2/c.zip': 'new',
    });
    const failure = await failureOf(publishTo(out, { source, immutable: 'v*/**' }));
    expect(failure).toMatchObject({ code: 'immutable-conflict', hint: expect.any(String) });
    expect(failure.message).toContain('v1/a.zip');
    expect(failure.message).toContain('v1/b.zip');
    expect(failure.message).not.toContain('same.zip');
    expect(treeOf(out)).toEqual({ 'v1/a.zip': 'one', 'v1/b.zip': 'two', 'v1/same.zip': 'three' });
  });

  test('cannot be pointers at the same time', async () => {
    const source = makeTree({ 'latest.json': '1', 'v1/a.zip': '2' });
    const failure = await failureOf(
      publishTo(temporaryDirectory('out'), { source, immutable: '**', pointers: 'latest.json' }),
    );
    expect(failure).toMatchObject({ code: 'plan-refused', message: expect.stringContaining('latest.json') });
  });
});

test('globs that match nothing cause a warning', async () => {
  const run = await publishTo(temporaryDirectory('out'), {
    source: makeTree(site),
    pointers: 'lastest.json',
    immutable: 'assets/**',
    'cache-control': '*.css: no-cache',
  });
  expect(run.problems).toMatchObject([
    { code: 'glob-unused', severity: 'warning', message: expect.stringContaining('lastest.json') },
    { code: 'glob-unused', severity: 'notice', message: expect.stringContaining('*.css') },
  ]);
});

test('the report and the summary are bounded, and say so', async () => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`f${index}`, `${index}`]));
  const out = temporaryDirectory('out');
  const run = await publishTo(out, { source: makeTree(many) });
  expect(JSON.stringify(run.summary)).toContain('150 more changes');
  const text = readFileSync(join(out, 'f7'), 'utf8');
  expect(text).toBe('7');
  rmSync(out, { recursive: true });
});
