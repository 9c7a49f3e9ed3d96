import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { documentBlocks } from '../src/document-blocks.ts';

/** A test whose names are those of samples. */
const ofSamples = 'packages/testkit/test/document-blocks.test.ts';

/** The names of blocks that tests name. */
function namedInTests(): ReadonlySet<string> {
  const root = resolve(import.meta.dirname, '../../..');
  const files = globSync('{actions,packages,scripts}/**/test/**/*.ts', {
    cwd: root,
    exclude: (path) => path.includes('node_modules'),
  });
  const names = files
    .filter((file) => file !== ofSamples)
    .flatMap((file) => [...readFileSync(join(root, file), 'utf8').matchAll(/'([\w./-]+\.md#[^'\s]+)'/g)]);
  return new Set(names.map(([, name = '']) => name));
}

describe('every block of every document is run by a test', () => {
  const named = namedInTests();
  const blocks = documentBlocks().map(({ name }) => name);

  test('that names it', () => {
    expect(blocks.filter((name) => !named.has(name))).toEqual([]);
  });

  test('and no test names one that does not exist', () => {
    expect([...named].filter((name) => !blocks.includes(name))).toEqual([]);
  });
});
