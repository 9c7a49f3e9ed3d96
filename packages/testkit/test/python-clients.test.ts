import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { havePip, haveUv, makeWheel, pip, temporaryDirectory, uv } from '../src/index.ts';

const options = { name: 'Example.Package', version: '1.0+cu118', requiresPython: '>=3.8' };

async function directoryWithWheel(): Promise<string> {
  const { fileName, bytes } = await makeWheel(options);
  const directory = temporaryDirectory('wheels');
  writeFileSync(join(directory, fileName), bytes);
  return directory;
}

test('the same options make the same wheel, and other options another one', async () => {
  const one = await makeWheel(options);
  expect(one.fileName).toBe('Example_Package-1.0+cu118-py3-none-any.whl');
  expect((await makeWheel(options)).sha256).toBe(one.sha256);
  expect((await makeWheel({ ...options, marker: 'other' })).sha256).not.toBe(one.sha256);
});

describe.skipIf(!havePip())('pip (needs pip)', () => {
  test('installs a wheel that was made', async () => {
    const target = temporaryDirectory('target');
    const flags = ['--no-index', '--find-links', await directoryWithWheel(), '--target', target];
    const run = await pip(['install', ...flags, 'example-package']);
    expect(run.exitCode, run.output).toBe(0);
    expect(readFileSync(join(target, 'example_package.py'), 'utf8')).toContain('version = "1.0+cu118"');
  });
});

describe.skipIf(!haveUv())('uv (needs uv)', () => {
  test('installs a wheel that was made', async () => {
    const target = temporaryDirectory('target');
    const flags = ['--no-index', '--find-links', await directoryWithWheel(), '--target', target];
    const run = await uv(['pip', 'install', ...flags, 'example-package']);
    expect(run.exitCode, run.output).toBe(0);
    expect(readFileSync(join(target, 'example_package.py'), 'utf8')).toContain('version = "1.0+cu118"');
  });

  test('fails with its reason', async () => {
    const run = await uv(['pip', 'install', '--no-index', '--target', temporaryDirectory(), 'missing']);
    expect(run.exitCode).not.toBe(0);
    expect(run.output).toContain('missing');
  });
});
