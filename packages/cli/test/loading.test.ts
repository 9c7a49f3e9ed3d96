import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { registry } from '../src/registry.ts';

const root = join(import.meta.dirname, '../../..');
const hook = join(import.meta.dirname, 'loaded-files.ts');
/** The program itself, and the one that `scripts/bundle cli` builds. */
const source = ['--conditions=source', join(root, 'packages/cli/src/main.ts')];
const bundle = [join(root, 'packages/cli/dist/index.js')];

/** The files of this repository, by their paths, that `slipway` loads to carry out `args`. */
function loadedBy(program: readonly string[], args: readonly string[]): readonly string[] {
  const { status, stderr } = spawnSync(process.execPath, ['--import', hook, ...program, ...args], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  const urls = [...stderr.matchAll(/^loaded (.+)$/gm)].map(([, url = '']) => url);
  expect(urls.length).toBeGreaterThan(0);
  return urls.map((url) => relative(root, fileURLToPath(url)));
}

const actionsAmong = (files: readonly string[]): readonly string[] => [
  ...new Set(files.flatMap((file) => /^actions\/([^/]+)\//.exec(file)?.[1] ?? [])),
];

describe('slipway loads', () => {
  test('no action for its own help', () => {
    const files = loadedBy(source, ['--help']);
    expect(new Set(files.map((file) => file.split('/').slice(0, 2).join('/')))).toEqual(
      new Set(['packages/cli', 'packages/core', 'packages/runner']),
    );
    expect(loadedBy(bundle, ['--help'])).toEqual(['packages/cli/dist/index.js']);
  });

  test.each(Object.keys(registry))('no other action for %s', (name) => {
    expect(actionsAmong(loadedBy(source, [name, '--help']))).toEqual([name]);
  });

  test('in its bundle, no chunk of another action for s3-publish', () => {
    const [start, ...chunks] = loadedBy(bundle, ['s3-publish', '--help']);
    expect(start).toBe('packages/cli/dist/index.js');
    const text = chunks.map((chunk) => readFileSync(join(root, chunk), 'utf8')).join('\n');
    const present = Object.entries(registry).filter(([, { description }]) => text.includes(description));
    expect(present.map(([name]) => name)).toEqual(['s3-publish']);
  });
});
