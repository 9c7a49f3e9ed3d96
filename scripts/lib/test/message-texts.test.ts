// biome-ignore-all lint/suspicious/noTemplateCurlyInString: lines of sources, as texts
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../workspace.ts';

/** How lines of sources put texts together that come from elsewhere: with and without a full stop, or empty. */
const rules = [
  {
    name: 'a full stop after a text from elsewhere: use sentence()',
    pattern: /\$\{[^{}]*\b(?:message|reason|hint)\b(?!\??\.)[^{}]*\}\.(?![\w.])/,
  },
  {
    name: 'a text from elsewhere after a full stop of our own: use sentences()',
    pattern: /\}\. \$\{[^{}]*\b(?:message|reason|hint)\b/,
  },
  {
    name: 'brackets around what may be empty: use withDetails()',
    pattern: /\([^()`]*\$\{[^{}]*(?:\bdetails\b|\?\? ''|\|\| '')[^{}]*\}[^()`]*\)/,
  },
  {
    name: 'brackets around a code that may be missing: say so in words',
    pattern: /\(\$\{systemErrorCode\(\w+\)\}\)/,
  },
  {
    name: 'a mirror in the words of a store, which also holds what is none',
    pattern: /^(?!\s*(?:\*|\/\/|\/\*)).*['`][^'`]*\bmirrors?\b(?!-)/,
    files: /^packages\/(?:store|aws|aws-actions|local-files|pending-invalidations|archive)\/src\//,
  },
] as const;

function found(path: string, text: string): readonly string[] {
  return text.split('\n').flatMap((line, index) =>
    rules
      .filter((rule) => !('files' in rule) || rule.files.test(path))
      .filter(({ pattern }) => pattern.test(line))
      .map(({ name }) => `${path}:${index + 1}: ${name}`),
  );
}

describe('texts for people', () => {
  test('are joined by what knows full stops and empty brackets', () => {
    const paths = globSync('{packages,actions}/*/src/**/*.ts', {
      cwd: root,
      exclude: (path) => /^packages\/(?:testkit|bench)$/.test(path),
    });
    expect(paths.length).toBeGreaterThan(400);
    expect(paths.flatMap((path) => found(path, readFileSync(join(root, path), 'utf8')))).toEqual([]);
  });

  test.each([
    ['packages/aws/src/a.ts', 'throw new Error(`It failed: ${error.message}.`)'],
    ['packages/aws/src/a.ts', 'info(`It failed: ${what}. ${error.hint}`)'],
    ['packages/aws/src/a.ts', 'info(`The CDN answers ${status} (${served.details})`)'],
    ['packages/aws/src/a.ts', "info(`It failed (${code ?? ''})`)"],
    ['packages/aws/src/a.ts', 'info(`It failed (${systemErrorCode(error)})`)'],
    ['packages/store/src/a.ts', "hint: 'Check the URL of the mirror.'"],
  ])('%s with %j is refused', (path, line) => {
    expect(found(path, line)).toHaveLength(1);
  });

  test.each([
    ['packages/aws/src/a.ts', 'info(sentence(`It failed: ${error.message}`))'],
    ['packages/aws/src/a.ts', 'const file = `${reason}.json`'],
    ['packages/store/src/a.ts', " * What a mirror's `key` is."],
    ['packages/store/src/a.ts', "code: 'mirror-missing'"],
    ['packages/mirror/src/a.ts', "hint: 'Check the URL of the mirror.'"],
  ])('%s with %j is not', (path, line) => {
    expect(found(path, line)).toEqual([]);
  });
});
