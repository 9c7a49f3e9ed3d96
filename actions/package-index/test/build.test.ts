import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { failureOf, makeWheel, runAction, temporaryDirectory } from '@slipway/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { action } from '../src/action.ts';
import { makePackages, pagesIn, writeFiles } from './indexing.ts';

let packages: Awaited<ReturnType<typeof makePackages>>;
beforeAll(async () => {
  packages = await makePackages();
});

/** A directory with packages below `whl`, and what `package-index` makes of it. */
function bucket() {
  const directory = temporaryDirectory('packages');
  writeFiles(
    directory,
    [...packages].map(([key, { bytes }]) => [`whl/${key}`, bytes] as const),
  );
  const url = pathToFileURL(directory).href;
  const given = { source: url, prefixes: 'whl', subdirectories: 'c*', 'compute-missing': 'true' };
  const run = (inputs: Readonly<Record<string, string | undefined>> = {}, workDirectory = directory) =>
    runAction(action, { ...given, ...inputs }, { workDirectory });
  return { directory, url, run };
}

/** Everything below a directory, with contents. */
function treeOf(directory: string): Readonly<Record<string, string>> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.sort().map((file) => [file, readFileSync(file, 'base64')]));
}

const directories = ['whl', 'whl/cpu', 'whl/cu118'];
const allPages = directories
  .flatMap((name) => [name, `${name}/needed-thing`, `${name}/torch`])
  .flatMap((name) => [`${name}/index.html`, `${name}/index.json`])
  .toSorted();

describe('build', () => {
  test('writes the pages of a directory, and tells so', async () => {
    const { directory, run } = bucket();
    const { outputs, summary, log, json } = await run();
    expect(outputs).toMatchObject({
      projects: 2,
      files: 6,
      'pages-written': 18,
      'pages-unchanged': 0,
      'pages-deleted': 0,
      findings: 0,
    });
    const pages = pagesIn(directory);
    expect(Object.keys(pages)).toEqual(allPages);
    const { sha256 = '' } = packages.get('cu118/torch-2.9.0+cu118-py3-none-any.whl') ?? {};
    expect(pages['whl/cu118/torch/index.html']).toContain(
      `href="../torch-2.9.0%2Bcu118-py3-none-any.whl#sha256=${sha256}"`,
    );
    const paths = String(outputs['invalidation-paths']).split('\n');
    expect(paths).toContain('/whl/cu118/torch/');
    expect(paths).toContain('/whl/cu118/torch/index.html');
    expect(paths.some((path) => path.includes('.slipway'))).toBe(false);
    expect(log.join('\n')).toContain('18 pages to write, 0 to delete, 0 right as they are.');
    const shown = JSON.stringify(summary);
    expect(shown).toContain('Package index built');
    expect(shown).toContain('["whl","3","6","2","18","0"]');
    expect(json('report')).toMatchObject({ dryRun: false, objects: 6, findingCounts: {} });
  });

  test('changes nothing the second time', async () => {
    const { directory, run } = bucket();
    await run();
    const before = treeOf(directory);
    const { outputs, failure } = await run();
    expect(failure).toBeUndefined();
    expect(outputs).toMatchObject({ 'pages-written': 0, 'pages-unchanged': 18, 'pages-deleted': 0 });
    expect(treeOf(directory)).toEqual(before);
  });

  test('what a CDN must forget is handed on until that is proven, also by a run that changes nothing', async () => {
    const { run } = bucket();
    const first = await run();
    const second = await run();
    expect(second.outputs).toMatchObject({ 'pages-written': 0 });
    expect(second.outputs['invalidation-paths']).toBe(first.outputs['invalidation-paths']);
    expect(second.log.join('\n')).toContain('of earlier runs');
  });

  test('a dry run prints the plan and changes nothing', async () => {
    const { directory, run } = bucket();
    const before = treeOf(directory);
    const first = await run({ 'dry-run': 'true' });
    expect(first.outputs).toMatchObject({ 'pages-written': 18 });
    expect(first.log).toContainEqual(expect.stringMatching(/^Would write whl\/cu118\/torch\/index\.html \(/));
    expect(String(first.outputs['invalidation-paths'])).toContain('/whl/torch/');
    expect(treeOf(directory)).toEqual(before);

    await run();
    for (const name of readdirSync(join(directory, 'whl')))
      if (name.startsWith('Needed')) rmSync(join(directory, 'whl', name));
    const built = treeOf(directory);
    const second = await run({ 'dry-run': 'true', 'extract-metadata': 'true' });
    expect(second.outputs).toMatchObject({ 'pages-deleted': 10 });
    expect(second.log).toContainEqual(
      expect.stringMatching(/^Would delete whl\/cu118\/needed-thing\/index\.html/),
    );
    expect(treeOf(directory)).toEqual(built);
  });

  test('I6: pages of a project that is gone are deleted, which is printed first', async () => {
    const { directory, run } = bucket();
    await run();
    writeFiles(directory, [
      ['whl/cu118/foreign/index.html', '<a href="https://example.org/f-1.tar.gz">f</a>'],
    ]);
    for (const name of readdirSync(join(directory, 'whl')))
      if (name.startsWith('Needed')) rmSync(join(directory, 'whl', name));
    const { outputs, log } = await run();
    expect(Object.keys(pagesIn(directory)).filter((key) => key.includes('needed-thing'))).toEqual([]);
    expect(outputs).toMatchObject({ 'pages-deleted': 10 });
    expect(log).toContainEqual(expect.stringMatching(/^Will delete whl\/cu118\/needed-thing\/index\.html/));
    const pages = pagesIn(directory);
    expect(pages['whl/cu118/foreign/index.html']).toContain('https://example.org/f-1.tar.gz');
    expect(pages['whl/cu118/index.html']).toContain('foreign/');
  });

  test('a run for changed keys looks at their projects alone', async () => {
    const { directory, run } = bucket();
    await run();
    const { fileName, bytes } = await makeWheel({ name: 'torch', version: '2.9.1+cu118' });
    writeFiles(directory, [[`whl/cu118/${fileName}`, bytes]]);
    writeFileSync(join(directory, 'changed.txt'), `whl/cu118/${fileName}\n`);
    const { json, failure } = await run({ 'changed-keys-file': 'changed.txt' });
    expect(failure).toBeUndefined();
    expect(pagesIn(directory)['whl/cu118/torch/index.html']).toContain('torch-2.9.1%2Bcu118');
    const report = json('report') as { readonly mode: { readonly kind: string } };
    expect(['changed-keys', 'whole']).toContain(report.mode.kind);
  });

  test('changed keys that are none change nothing', async () => {
    const { directory, run } = bucket();
    await run();
    const before = treeOf(directory);
    writeFileSync(join(directory, 'whl/nothing.txt'), '');
    const after = treeOf(directory);
    const { outputs } = await run({ 'changed-keys-file': 'whl/nothing.txt' });
    expect(outputs).toMatchObject({ 'pages-written': 0, files: 0 });
    expect(treeOf(directory)).toEqual(after);
    expect(Object.keys(after)).toHaveLength(Object.keys(before).length + 1);
  });

  test('pages go to several destinations, and one that fails is named while the others are right', async () => {
    const { directory, run } = bucket();
    const [good, bad] = [temporaryDirectory('good'), join(temporaryDirectory('bad'), 'file')];
    writeFileSync(bad, 'this is no directory');
    const before = treeOf(directory);
    const urls = [good, bad].map((one) => pathToFileURL(one).href);
    const result = await run({ destinations: urls.join('\n') });
    expect(result.failure?.message).toContain(`1 destination of 2 could not be completed: ${urls[1]}`);
    expect(Object.keys(pagesIn(good))).toEqual(allPages);
    expect(treeOf(directory)).toEqual(before);
  });

  test('a configuration has several prefixes, with options of their own', async () => {
    const { directory, run } = bucket();
    writeFiles(directory, [['libtorch/cu118/libtorch-2.9.0.zip', 'zip']]);
    const place = temporaryDirectory('configuration');
    writeFiles(place, [
      [
        'package-index.yml',
        `format: 1
prefixes:
  - prefix: whl
    subdirectories: { match: ["cu[0-9]*"], names: [cu130] }
    allow-list: { file: names.txt }
    formats: [html]
  - prefix: libtorch
    kind: listing
    include: ["libtorch-*", "*/libtorch-*"]
    own-pages: always
    subdirectories: { match: ["cu[0-9]*"] }
`,
      ],
      ['names.txt', '# ours\ntorch\n'],
    ]);
    const inputs = { prefixes: undefined, subdirectories: undefined, config: 'package-index.yml' };
    const { outputs, failure } = await run(inputs, place);
    expect(failure).toBeUndefined();
    expect(Object.keys(pagesIn(directory))).toEqual([
      'libtorch/cu118/index.html',
      'libtorch/index.html',
      'whl/cu118/index.html',
      'whl/cu118/torch/index.html',
      'whl/cu130/index.html',
      'whl/index.html',
      'whl/torch/index.html',
    ]);
    expect(outputs).toMatchObject({ projects: 1 });
  });

  test('files without a SHA-256 fail the run where it is required, and their pages are not written', async () => {
    const { directory, run } = bucket();
    const result = run({ 'compute-missing': 'false', hashes: 'required' });
    expect(await failureOf(result)).toMatchObject({
      code: 'plan-refused',
      message: expect.stringContaining('hash-required'),
    });
    expect(Object.keys(pagesIn(directory)).filter((key) => key.includes('torch/'))).toEqual([]);
    expect((await result).outputs).toMatchObject({ findings: 6 });
  });

  test('names that are refused are findings, and the others are shown', async () => {
    const { directory, run } = bucket();
    writeFiles(directory, [['whl/cpu/no-wheel.whl', 'x']]);
    const { outputs, problems, summary } = await run();
    expect(outputs).toMatchObject({ files: 6, findings: 1 });
    expect(problems).toMatchObject([{ code: 'name-refused', key: 'whl/cpu/no-wheel.whl' }]);
    expect(JSON.stringify(summary)).toContain('["Names refused","1"]');
  });

  test('keep and the allow list decide what is shown', async () => {
    const { directory, run } = bucket();
    await run({ keep: '1', 'allow-list': 'Torch', exclude: 'cpu/**', formats: 'html' });
    const pages = pagesIn(directory);
    expect(pages['whl/cu118/torch/index.html']).toContain('torch-3.0%2Bcu118');
    expect(pages['whl/cu118/torch/index.html']).not.toContain('torch-2.');
    expect(pages['whl/cu118/index.html']).not.toContain('needed-thing');
  });
});

describe('list', () => {
  test('tells what pages would show, by prefix and project, and writes nothing', async () => {
    const { directory, run } = bucket();
    const before = treeOf(directory);
    const { outputs, log, json, summary } = await run({ operation: 'list', keep: '2' });
    expect(treeOf(directory)).toEqual(before);
    expect(outputs).toMatchObject({ projects: 2, files: 3, 'pages-written': 0 });
    expect(log).toContainEqual('whl: 3 files of 2 projects, 3 directories with pages');
    expect(log).toContainEqual('  torch: 2 files, 2 versions, latest 3.0+cu118, 3 not shown');
    expect(json('report')).toMatchObject({
      operation: 'list',
      prefixes: [
        {
          prefix: 'whl',
          directories: ['', 'cpu', 'cu118'],
          projects: [{ name: 'needed-thing' }, { name: 'torch', hiddenFiles: 3 }],
        },
      ],
    });
    expect(JSON.stringify(summary)).toContain('["whl","torch","2","2","3.0+cu118"]');
  });
});
