import { describe, expect, test } from 'vitest';
import { blocksOf, documentBlock, documentBlocks } from '../src/document-blocks.ts';
import { runShellBlock, withReplacements } from '../src/shell-block.ts';

const fence = '```';

function block(text: string, language = 'sh') {
  return { name: 'x.md#x', path: 'x.md', line: 1, language, text };
}

describe('the blocks of a document', () => {
  test('are named after their section and number, and have their languages and exact text', () => {
    const markdown = [
      '# One: `x`, *y*',
      `${fence}sh`,
      'a',
      '',
      '  b # no heading',
      fence,
      '- a list',
      `  ${fence}yaml`,
      '  c:',
      '    d',
      `  ${fence}`,
      '',
      'Two',
      '---',
      '~~~',
      `${fence}js`,
      '~~~',
    ].join('\n');
    expect(blocksOf('x.md', markdown)).toEqual([
      { name: 'x.md#one-x-y', path: 'x.md', line: 2, language: 'sh', text: 'a\n\n  b # no heading\n' },
      { name: 'x.md#one-x-y:2', path: 'x.md', line: 8, language: 'yaml', text: 'c:\n  d\n' },
      { name: 'x.md#two', path: 'x.md', line: 15, language: '', text: '```js\n' },
    ]);
  });

  test('have no language if they are only indented', () => {
    expect(blocksOf('x.md', '# A\n\n    rm -rf x\n\nText.\n')).toMatchObject([
      { name: 'x.md#a', language: '' },
    ]);
  });

  test('are found by name, and the error for a wrong name lists the others', () => {
    expect(documentBlock('README.md#try-it').text).toContain('scripts/quickstart');
    expect(() => documentBlock('README.md#try-that')).toThrow('README.md#try-it');
  });
});

describe('a block of shell', () => {
  test('runs with only the given environment, and ends at the first line that fails', async () => {
    const run = await runShellBlock(
      block('greet $NAME\necho "$(printenv EDITOR || echo none)"\nfalse\necho never\n'),
      {
        programs: { greet: 'echo "hello $1"' },
        environment: { NAME: 'you' },
      },
    );
    expect(run).toEqual({ exitCode: 1, output: 'hello you\nnone\n', error: '' });
  });

  test('never leaves the machine', () => {
    expect(() => runShellBlock(block('curl https://example.org/x\n'))).toThrow('would reach example.org');
  });

  test('must be marked as one', () => {
    expect(() => runShellBlock(block('echo', 'yaml'))).toThrow('marked yaml');
  });

  test('makes every replacement, and refuses one that finds nothing', () => {
    expect(withReplacements('cp a.b a.bc a+b', { 'a.b': '1', 'a.bc': '2' })).toBe('cp 1 2 a+b');
    expect(() => withReplacements('cp a', { b: 'c' })).toThrow('the block does not contain b');
  });
});

test.each(documentBlocks().map((each) => [each.name, each.language]))(
  '%s says its language',
  (_, language) => {
    expect(['sh', 'yaml', 'json', 'js', 'ts', 'python', 'text', 'hcl', 'php']).toContain(language);
  },
);
