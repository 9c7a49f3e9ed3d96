import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../workspace.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const sources = globSync('{packages,actions}/*/src/**/*.ts', {
  cwd: root,
  exclude: (path) => /^packages\/(?:testkit|bench)$/.test(path),
}).map(read);

function captured(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(([, code = '']) => code);
}

/** The codes of every union of codes, and of every problem that the sources report. */
function reportedCodes(): ReadonlySet<string> {
  return new Set(
    sources.flatMap((text) => [
      ...captured(text, /type \w*Code =([^;]*);/g).flatMap((union) => captured(union, /'([a-z0-9-]+)'/g)),
      ...captured(text, /code: '([a-z0-9-]+)',\s*severity:/g),
    ]),
  );
}

/** The codes of findings about a mirror, which have a severity each. */
function mirrorCodes(): readonly string[] {
  return captured(
    read('packages/mirror/src/findings.ts'),
    /^ {2}'?([a-z0-9-]+)'?: '(?:error|warning|notice)'/gm,
  );
}

function undocumented(codes: Iterable<string>, documents: string): readonly string[] {
  return [...codes].filter((code) => !documents.includes(`\`${code}\``));
}

describe('a code that a user can meet', () => {
  const guide = read('docs/guides/when-something-is-wrong.md');

  test('of a mirror is in the guide for when something is wrong', () => {
    expect(mirrorCodes().length).toBeGreaterThan(80);
    expect(undocumented(mirrorCodes(), guide)).toEqual([]);
  });

  test('that ends a run is in it', () => {
    const unions = captured(read('packages/core/src/errors.ts'), /type \w*Code =([^;]*);/g);
    const codes = unions.flatMap((union) => captured(union, /'([a-z-]+)'/g));
    expect(codes.length).toBeGreaterThan(30);
    expect(undocumented(codes, guide)).toEqual([]);
  });

  test('of any action is in it, or in the README of the action', () => {
    const readmes = globSync('actions/*/README.md', { cwd: root }).map(read);
    expect(reportedCodes().size).toBeGreaterThan(120);
    expect(undocumented(reportedCodes(), [guide, ...readmes].join('\n'))).toEqual([]);
  });
});
