import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isNormalizedProjectName, isProjectName, normalizeProjectName, parseFileName } from '../src/index.ts';

const seed = 427;
const runs = 100_000;

function reasonOf(fileName: string): string | undefined {
  const parsed = parseFileName(fileName);
  return parsed.kind === 'refused' ? parsed.reason : undefined;
}

describe('a project name', () => {
  test.each([
    ['Friendly-Bard', 'friendly-bard'],
    ['FrIeNdLy-._.-bArD', 'friendly-bard'],
    ['zope.interface', 'zope-interface'],
    ['cuda_toolkit', 'cuda-toolkit'],
    ['a__b', 'a-b'],
    ['7', '7'],
  ])('%s is known as %s', (name, normalized) => {
    expect(isProjectName(name)).toBe(true);
    expect(normalizeProjectName(name)).toBe(normalized);
    expect(isNormalizedProjectName(normalized)).toBe(true);
    expect(isNormalizedProjectName(name)).toBe(name === normalized);
  });

  test.each(['', '.', '..', '-a', 'a-', '_a', 'a b', 'a/b', 'a\n', 'é', 'a'.repeat(256)])(
    'is not %j',
    (name) => {
      expect(isProjectName(name)).toBe(false);
    },
  );
});

describe('the file name of a wheel', () => {
  test('has a name, a version and tags', () => {
    expect(
      parseFileName('Torch.Vision-0.24.0+cu118-cp313-cp313t-manylinux_2_28_x86_64.linux_x86_64.whl'),
    ).toEqual({
      kind: 'wheel',
      name: 'Torch.Vision',
      project: 'torch-vision',
      version: '0.24.0+cu118',
      doubts: [],
      pythonTags: ['cp313'],
      abiTags: ['cp313t'],
      platformTags: ['manylinux_2_28_x86_64', 'linux_x86_64'],
    });
  });

  test('can have a build tag', () => {
    expect(parseFileName('a-1.0-1_local-py2.py3-none-any.whl')).toMatchObject({
      build: '1_local',
      pythonTags: ['py2', 'py3'],
    });
    expect(parseFileName('a-1.0-py3-none-any.whl')).not.toHaveProperty('build');
  });

  test('is taken with a doubt where only some clients take it', () => {
    expect(parseFileName('a__b-1.0-py3-none-any.whl')).toMatchObject({
      project: 'a-b',
      doubts: ['double-underscore'],
    });
    expect(parseFileName('a-1.0%2Bcu118-py3-none-any.whl')).toMatchObject({
      version: '1.0%2Bcu118',
      doubts: ['version-unknown'],
    });
    expect(parseFileName('a-nightly-py3-none-any.whl')).toMatchObject({ doubts: ['version-unknown'] });
  });

  test.each([
    ['a-1.0-py3-none.whl', 'five or six parts'],
    ['a-1.0-1-2-py3-none-any.whl', 'five or six parts'],
    ['-1.0-py3-none-any.whl', 'project name'],
    ['..-1.0-py3-none-any.whl', 'project name'],
    ['_a-1.0-py3-none-any.whl', 'project name'],
    ['a"-1.0-py3-none-any.whl', 'project name'],
    ['a--py3-none-any.whl', 'version'],
    ['a-<1>-py3-none-any.whl', 'version'],
    ['a-<1-py3-none-any.whl', 'version'],
    ["a-1'-py3-none-any.whl", 'version'],
    ['a-1.0-b1-py3-none-any.whl', 'build tag'],
    ['a-1.0-1<-py3-none-any.whl', 'build tag'],
    ['a-1.0--py3-none-any.whl', 'build tag'],
    ['a-1.0-py3-none-.whl', 'a tag is empty'],
    ['a-1.0-py3..py2-none-any.whl', 'a tag is empty'],
    ['a-1.0-py3-none-any&.whl', 'a tag is empty'],
    ['a-1.0-py3-none-any.WHL', 'neither a wheel'],
  ])('is not %s', (fileName, reason) => {
    expect(reasonOf(fileName)).toContain(reason);
  });
});

describe('the file name of a source distribution', () => {
  test.each([
    ['antlr4-python3-runtime-4.9.3.tar.gz', 'antlr4-python3-runtime', '4.9.3'],
    ['foo-1.0.tar.gz', 'foo', '1.0'],
    ['Foo.Bar_baz-1.0.dev3+cpu.zip', 'foo-bar-baz', '1.0.dev3+cpu'],
    ['foo-1.0-beta1.tar.gz', 'foo', '1.0-beta1'],
    ['foo-1.0-r4.zip', 'foo', '1.0-r4'],
    ['foo-2-1.0.tar.gz', 'foo-2', '1.0'],
    ['foo-v1.0.tar.gz', 'foo', 'v1.0'],
  ])('%s is of %s, version %s', (fileName, project, version) => {
    expect(parseFileName(fileName)).toMatchObject({ kind: 'sdist', project, version, doubts: [] });
  });

  test.each([
    ['foo-nightly.tar.gz', 'version of PEP 440'],
    ['foo-1.0-linux-x86_64.tar.gz', 'version of PEP 440'],
    ['foo.tar.gz', 'version of PEP 440'],
    ['-1.0.tar.gz', 'version of PEP 440'],
    ['.tar.gz', 'version of PEP 440'],
    ['foo_-1.0.tar.gz', 'project name'],
    ['<b>-1.0.zip', 'project name'],
    ['foo-1.0-py3.13.egg', 'egg'],
    ['foo-1.0.tar.bz2', 'neither'],
    ['foo-1.0.exe', 'neither'],
  ])('is not %s', (fileName, reason) => {
    expect(reasonOf(fileName)).toContain(reason);
  });
});

describe('I8: a hostile file name', () => {
  test.each([
    ['', 'neither'],
    ['..', 'neither'],
    ['a/../b-1.0.zip', 'slash'],
    ['a//b-1.0.zip', 'slash'],
    ['a\\b-1.0.zip', 'slash'],
    ['a-1.0.zip\n', 'control character'],
    ['a\0-1.0.zip', 'control character'],
    ['a b-1.0.zip', 'a blank'],
    ['a\u202e-1.0.zip', 'beyond ASCII'],
    ['ä-1.0.zip', 'beyond ASCII'],
    ['\ud800-1.0.zip', 'beyond ASCII'],
    [`${'a'.repeat(2000)}-1.0.zip`, 'more than 255 characters'],
    [`${'a'.repeat(248)}-1.0.zip`, 'more than 255 characters'],
  ])('%j is refused with the reason', (fileName, reason) => {
    expect(reasonOf(fileName)).toContain(reason);
  });

  test('of 255 characters is taken', () => {
    expect(reasonOf(`${'a'.repeat(247)}-1.0.zip`)).toBeUndefined();
  });
});

const character = fc.constantFrom(...'abzABZ019');
const name = fc
  .tuple(character, fc.string({ unit: fc.constantFrom(...'abAB019._'), maxLength: 12 }), character)
  .map((parts) => parts.join(''));
const version = fc.constantFrom(
  '1.0',
  '2.9.0+cu118',
  '2.10.0.dev20251128',
  '1!3.1rc1',
  'v1.0.post2',
  '0',
  '1.0+a_b',
);
const tags = fc
  .array(fc.string({ unit: fc.constantFrom(...'cp13anylinux_64'), minLength: 1, maxLength: 6 }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => parts.join('.'));

describe(`any name (seed ${seed}, ${runs} cases)`, () => {
  test('of a wheel is read as it was made', () => {
    const wheel = fc.record({
      name,
      version,
      build: fc.option(fc.constantFrom('1', '0_cuda', '12.x'), { nil: undefined }),
      python: tags,
      abi: tags,
      platform: tags,
    });
    fc.assert(
      fc.property(wheel, (made) => {
        const stem = [made.name, made.version, made.build, made.python, made.abi, made.platform]
          .filter((part) => part !== undefined)
          .join('-');
        const parsed = parseFileName(`${stem}.whl`);
        return (
          parsed.kind === 'wheel' &&
          parsed.name === made.name &&
          parsed.version === made.version &&
          parsed.build === made.build &&
          parsed.pythonTags.join('.') === made.python &&
          parsed.abiTags.join('.') === made.abi &&
          parsed.platformTags.join('.') === made.platform
        );
      }),
      { seed, numRuns: runs },
    );
  });

  test('of a source distribution is read as it was made', () => {
    const source = fc.record({
      name: fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('-')),
      version,
      extension: fc.constantFrom('.tar.gz', '.zip'),
    });
    fc.assert(
      fc.property(source, (made) => {
        const parsed = parseFileName(`${made.name}-${made.version}${made.extension}`);
        return parsed.kind === 'sdist' && parsed.name === made.name && parsed.version === made.version;
      }),
      { seed, numRuns: runs },
    );
  });

  test('I8: is refused, or is one that can be in a page, a path and a command', () => {
    const part = fc.oneof(
      fc.constantFrom(
        '-',
        '-',
        '-',
        '.',
        '..',
        '/',
        '1.0',
        'py3',
        'none',
        'any',
        'a',
        '"',
        '<',
        '\n',
        '\0',
        '%2B',
        '+',
        '__',
        '\u202e',
        'ä',
      ),
      fc.string({ maxLength: 2 }),
    );
    const text = fc
      .tuple(fc.array(part, { maxLength: 14 }), fc.constantFrom('.whl', '.tar.gz', '.zip', ''))
      .map(([parts, extension]) => parts.join('') + extension);
    fc.assert(
      fc.property(text, (fileName) => {
        const parsed = parseFileName(fileName);
        return parsed.kind === 'refused'
          ? parsed.reason !== ''
          : /^[\w.+!%~-]{5,255}$/.test(fileName) && isNormalizedProjectName(parsed.project);
      }),
      { seed, numRuns: runs },
    );
  });
});
