import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentPaths } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { root } from '../workspace.ts';

/** Phrases that no native speaker would write, and what to write instead. */
const phrases = [
  [
    /(?<!\bthere )\b(?:is|are|was|were) no (?!(?:longer|more|less|such|need|other|better|worse|fewer|larger|smaller|later|earlier|slower|faster|older|newer|wider|deeper)\b)[a-z]/i,
    'is not a …',
  ],
  [/(?<!\bthere )\b(?:is|are|was|were) none\b/i, 'is not one, is not valid, must be one of'],
  [/\b(?:has|have) any[.,;:)]/i, 'exists, has one'],
  [/\bgo(?:es|ne|ing)? on with\b/i, 'continue, resume'],
  [/\bnot well \w+ed\b/i, 'failed'],
  [/\bas (?:anybody|nobody|anyone) (?:does|has|is)\b/i, 'like everybody'],
  [/\b(?:is|are|be|was|were) had\b/i, 'get, obtain'],
  [/\botherwise than\b/i, 'differently than'],
  [/\b(?:is|are|was|were|be) told\b(?! (?:to|apart|from)\b)/i, 'reported, notified'],
  [/\b(?:that|which|what) (?:is|are) of\b/i, 'belongs to'],
  [/\bsp(?:eaks?|oken?) of\b/i, 'mentions'],
  [/\bsmall letters\b/i, 'lower case'],
  [/\bshall\b/i, 'must, will'],
  [/\bin the place of\b/i, 'instead of'],
  [/\blook(?:s|ed|ing)? whether\b/i, 'check whether'],
  [/\banew\b/i, 'again'],
  [/\bone a line\b/i, 'one per line'],
  [/\bfor ever\b/i, 'forever'],
  [/\bhand(?:s|ed|ing)? on\b/i, 'pass on'],
  [/\bbut for the\b/i, 'except the'],
  [/\bthere by itself\b/i, 'always set'],
  [/(?<!\bas )\b(?:any|every)body\b/i, 'anyone, everyone, or who exactly'],
  [/\bin the meantime\b/i, 'meanwhile'],
] as const;

function found(path: string, lines: readonly string[]): readonly string[] {
  return lines.flatMap((line, index) =>
    phrases
      .filter(([pattern]) => pattern.test(line))
      .map(([pattern, better]) => `${path}:${index + 1}: "${pattern.exec(line)?.[0]}": ${better}`),
  );
}

/** The lines of a source that hold texts; those of comments are empty. */
function textLines(source: string): readonly string[] {
  return source
    .split('\n')
    .map((line) => (/^\s*(?:\*|\/\/|\/\*)/.test(line) || !/['"`]/.test(line) ? '' : line));
}

/** The lines of a document; those of its blocks of code are empty. */
function proseLines(markdown: string): readonly string[] {
  return markdown
    .replaceAll(/^```.*?^```$/gms, (block) => block.replaceAll(/[^\n]/g, ''))
    .replaceAll(/`[^`\n]*`/g, '``')
    .split('\n');
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('plain English', () => {
  test('is what messages and descriptions are written in', () => {
    const paths = globSync('{packages,actions}/*/src/**/*.ts', { cwd: root });
    expect(paths.length).toBeGreaterThan(400);
    expect(paths.flatMap((path) => found(path, textLines(read(path))))).toEqual([]);
  });

  test('is what documents are written in', () => {
    const paths = documentPaths(root);
    expect(paths.length).toBeGreaterThan(50);
    expect(paths.flatMap((path) => found(path, proseLines(read(path))))).toEqual([]);
  });

  // What the test looks for: a line with each of the phrases, so that none is lost from its list.
  test.each([
    "'it is no whole number from 1'",
    "'the sha256 is none'",
    "'the passphrase, if the key has any.'",
    "'Uploads that were killed are gone on with'",
    "'2 runs not well ended'",
    "'read it as anybody does'",
    "'new credentials could not be had'",
    "'it describes the node otherwise than its spec does'",
    "'How many targets were told'",
    "'an output that is of another action'",
    "'it speaks of x.zip'",
    "'40 hex digits in small letters'",
    "'what shall be published'",
    "'a link in the place of a directory'",
    "'it looks whether the key is there'",
    "'The inventory is made anew'",
    "'Paths, one a line'",
    "'A copy that is cached for ever'",
    "'It hands on the fields'",
    "'Everything but for the lines of masks'",
    "'archive is there by itself'",
    "'anybody may dispatch'",
    "'The index moved in the meantime'",
  ])('%s is refused', (line) => {
    expect(found('a.ts', textLines(line))).toHaveLength(1);
  });

  test.each([
    "'there is no bucket of that name'",
    "'it is no longer stored'",
    "'There is none, and there are no others'",
    "'Two clocks are told apart by their zone'",
    "'The workflow goes on'",
    "'none of them'",
    '  // it is none',
    ' * what shall be published',
  ])('%s is not', (line) => {
    expect(found('a.ts', textLines(line))).toEqual([]);
  });

  test('is not asked of code in documents', () => {
    const lines = proseLines('It is `no good`.\n\n```sh\necho "it is none"\n```\n\nThe end is none.\n');
    expect(found('a.md', lines)).toEqual(['a.md:7: "is none": is not one, is not valid, must be one of']);
  });
});
