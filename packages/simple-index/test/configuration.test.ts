import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  configurationSchema,
  configurationSchemaDocument,
  type IndexConfiguration,
  linkStyle,
  type PrefixConfiguration,
  parseConfiguration,
  readConfigurationText,
  schemaProblems,
} from '../src/index.ts';

function parsed(value: unknown, read?: (path: string) => string | undefined): IndexConfiguration {
  const result = parseConfiguration(value, read);
  if ('problems' in result) throw new Error(result.problems.join('\n'));
  return result.configuration;
}

function onlyPrefix(options: Readonly<Record<string, unknown>>): PrefixConfiguration {
  const [prefix] = parsed({ format: 1, prefixes: [{ prefix: 'whl', ...options }] }).prefixes;
  if (prefix === undefined) throw new Error('there is no prefix');
  return prefix;
}

function problemsOf(value: unknown, read?: (path: string) => string | undefined): readonly string[] {
  const result = parseConfiguration(value, read);
  return 'problems' in result ? result.problems : [];
}

describe('a configuration', () => {
  test('needs a prefix, and has defaults for the rest', () => {
    const prefix = onlyPrefix({});
    expect(prefix).toMatchObject({
      pages: 'whl',
      files: 'whl',
      kind: 'packages',
      ownPages: 'with-own-files',
      extensions: ['.whl', '.tar.gz', '.zip'],
      allowList: undefined,
      keep: undefined,
      hashes: 'available',
      links: 'relative',
      layout: 'index-files',
      formats: ['html', 'json'],
      gzip: false,
      cacheControl: 'no-cache',
      copiedPages: [],
    });
    expect(prefix.subdirectories.isMatch('cu118')).toBe(false);
    expect(prefix.isIncluded('torch-1-py3-none-any.whl')).toBe(true);
  });

  test('takes an option from defaults where a prefix or view does not have it', () => {
    const { prefixes } = parsed({
      format: 1,
      defaults: { keep: 60, 'cache-control': 'no-store' },
      prefixes: [{ prefix: 'whl', keep: 3 }, { prefix: 'whl/nightly' }],
      views: [{ page: 'latest', files: 'whl', 'cache-control': 'max-age=5' }],
    });
    expect(
      prefixes.map(({ pages, files, keep, cacheControl }) => [pages, files, keep, cacheControl]),
    ).toEqual([
      ['whl', 'whl', 3, 'no-store'],
      ['whl/nightly', 'whl/nightly', 60, 'no-store'],
      ['latest', 'whl', 60, 'max-age=5'],
    ]);
  });

  test('tells every problem at once, each with its path', () => {
    expect(
      problemsOf({
        format: 2,
        colour: 'red',
        prefixes: [
          { prefix: '/whl/' },
          { prefix: 'whl', keep: 0, hashes: 'some', gzip: 'yes' },
          { 'own-pages': 'always' },
          { prefix: 'a', subdirectories: { match: ['/cu*'] }, 'allow-list': [1, 'ok', '-'] },
          { prefix: 'b', 'base-url': { packages: { torch: 'ftp://x', 'no name': null } } },
          { prefix: 'c', yanked: { 'torch==1': 'a\nb' }, 'allow-list': 'torch' },
        ],
      }),
    ).toEqual([
      'format must be 1',
      'colour is not an option: there are format, source, destinations, defaults, prefixes, views, external',
      'prefixes[0].prefix must be a directory such as "whl/nightly", without "/" at its ends, or empty',
      'prefixes[1].keep must be a whole number from 1 to 1000000',
      'prefixes[1].hashes must be required, available, all-or-none or omit',
      'prefixes[1].gzip must be true or false',
      'prefixes[2].prefix is missing',
      'prefixes[3].subdirectories.match[0] must be a glob of 1 to 1000 characters that does not begin with "/"',
      'prefixes[3].allow-list[0] must be the name of a project, such as "torch" or "zope.interface"',
      'prefixes[3].allow-list[2] must be the name of a project, such as "torch" or "zope.interface"',
      'prefixes[4].base-url.packages.torch must be a URL that begins with https:// or http://',
      'the name of prefixes[4].base-url.packages["no name"] must be the name of a project, such as "torch" or "zope.interface"',
      'prefixes[5].yanked["torch==1"] must be a text of one line and at most 500 characters',
      'prefixes[5].allow-list must be a list of project names, or a mapping with "file"',
    ]);
  });

  test('tells what the schema cannot say, each with the path where it was written', () => {
    expect(
      problemsOf({
        format: 1,
        defaults: { exclude: ['a(b|c)'] },
        source: { url: 's3://b', 'endpoint-url': 'https://user@example.org' },
        prefixes: [
          { prefix: 'whl', subdirectories: { match: ['!a'], names: ['..', 'test'] } },
          { prefix: 'whl', gzip: true },
          { prefix: '.slipway/x' },
          { prefix: 'whl/test', kind: 'listing', keep: 2, hashes: 'omit' },
        ],
        views: [{ page: 'whl', files: '../secret' }],
        external: [{ names: ['numpy'], prefixes: ['whl/test', 'whl'] }, { names: ['six', 'NumPy'] }],
      }),
    ).toEqual([
      'source.endpoint-url must not have a user name or password',
      'defaults.exclude[0] is not a glob: "(a|b)" needs an "@" before it, or is written {a,b}; a "(" in a name is \\(',
      expect.stringContaining('prefixes[0].subdirectories.match[0] is not a glob: a "!" begins no glob here'),
      'prefixes[0].subdirectories.names[0] cannot be a directory: it has a ".." segment',
      'prefixes[1].gzip is about objects of the layouts slash-keys and both, not of index-files',
      'prefixes[2].prefix is where Slipway keeps its own documents: .slipway',
      'prefixes[3] is a listing, which has no keep, hashes',
      'views[0].files cannot be a directory: it has a ".." segment',
      'external[0].prefixes[0] is not the directory of a prefix or view with packages',
      'prefixes[1] has its pages in the directory of prefixes[0], "whl"',
      'views[0] has its pages in the directory of prefixes[0], "whl"',
      'prefixes[0].subdirectories.names "test" has its pages in the directory of prefixes[3], "whl/test"',
      'external[1].names has "numpy", which external[0] has as well',
    ]);
  });

  test('has at most 101 problems', () => {
    const problems = problemsOf({
      format: 1,
      prefixes: Array.from({ length: 500 }, () => ({ prefix: '/' })),
    });
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)).toBe('there are 400 more problems');
  });

  test('of any form is refused and not thrown at (I8)', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(parseConfiguration(value)).toHaveProperty('problems');
      }),
    );
  });
});

describe('subdirectories', () => {
  const { isMatch } = onlyPrefix({
    subdirectories: {
      match: ['cu[0-9]*', 'rocm+([0-9]).[0-9]*', 'cpu*', 'xpu*'],
      exclude: ['cu+([0-9])_full*', '*/old'],
    },
  }).subdirectories;

  test.each([
    ['cu118', true],
    ['cu121_pypi', true],
    ['cu118/archive', true],
    ['cu118/archive/2020', true],
    ['rocm5.4.2', true],
    ['cpu-cxx11-abi', true],
    ['xpu', true],
    ['rocm7', false],
    ['CPU', false],
    ['lts/cu118', false],
    ['cu', false],
    ['nightly', false],
    ['cu121_full', false],
    ['cu121_full/archive', false],
    ['cu118/old', false],
    ['cu118/old/new', false],
  ])('%s: %s', (directory, expected) => {
    expect(isMatch(directory)).toBe(expected);
  });
});

describe('an allow list', () => {
  test('is about normalised names', () => {
    expect(
      onlyPrefix({ 'allow-list': ['PyYAML', 'antlr4_python3-runtime', 'zope.interface'] }).allowList,
    ).toEqual(new Set(['pyyaml', 'antlr4-python3-runtime', 'zope-interface']));
  });

  test('is read from a file with one name a line', () => {
    const read = (path: string) =>
      path === 'a.txt' ? '# names\ntorch  # of course\r\n\nTorch_Vision\n' : undefined;
    const configuration = { format: 1, prefixes: [{ prefix: 'whl', 'allow-list': { file: 'a.txt' } }] };
    expect(parsed(configuration, read).prefixes[0]?.allowList).toEqual(new Set(['torch', 'torch-vision']));
    expect(problemsOf(configuration)).toEqual(['prefixes[0].allow-list.file cannot be read: "a.txt"']);
    expect(problemsOf(configuration, () => 'torch\na b\n../c\n')).toEqual([
      'prefixes[0].allow-list.file must have one project name a line: see line 2, 3',
    ]);
    expect(problemsOf(configuration, () => 'x'.repeat(1_000_001))).toEqual([
      'prefixes[0].allow-list.file has more than 1000000 characters: "a.txt"',
    ]);
  });
});

describe('the base URL of a file', () => {
  const { prefixes, destinations } = parsed({
    format: 1,
    destinations: [
      { url: 's3://a' },
      {
        url: 's3://b',
        'base-url': { default: 'https://d.example/', packages: { numpy: null, six: 'https://six.example' } },
      },
    ],
    prefixes: [
      { prefix: 'whl', 'base-url': { packages: { Torch: 'https://r2.example', six: null } } },
      { prefix: 'test', 'base-url': 'https://test.example/x/', links: 'absolute' },
      { prefix: 'none', 'base-url': null, links: 'absolute' },
    ],
  });

  test.each([
    [0, 0, 'torch', 'https://r2.example'],
    [0, 1, 'torch', 'https://r2.example'],
    [0, 0, 'numpy', undefined],
    [0, 1, 'numpy', undefined],
    [0, 1, 'other', 'https://d.example'],
    [0, 0, 'other', undefined],
    [0, 1, 'six', undefined],
    [0, 1, undefined, 'https://d.example'],
    [1, 1, 'torch', 'https://test.example/x'],
    [1, 1, 'six', 'https://six.example'],
    [2, 1, 'torch', ''],
  ])('of prefix %i in destination %i and project %s is %s', (prefix, destination, project, expected) => {
    const rules = prefixes[prefix];
    if (rules === undefined) throw new Error('there is no such prefix');
    expect(linkStyle(rules, destinations[destination], project)).toEqual(
      expected === undefined ? { kind: 'relative' } : { kind: 'absolute', baseUrl: expected },
    );
  });
});

test('the text of a prefix tells configurations apart that make other pages, and no others', () => {
  const texts = (options: Readonly<Record<string, unknown>>) => onlyPrefix(options).text;
  expect(texts({ keep: 2, hashes: 'omit' })).toBe(texts({ hashes: 'omit', keep: 2 }));
  expect(texts({ keep: 2 })).not.toBe(texts({ keep: 3 }));
  expect(texts({ 'allow-list': ['a', 'b'] })).toBe(texts({ 'allow-list': ['B', 'a'] }));
  expect(texts({ 'allow-list': ['a'] })).not.toBe(texts({ 'allow-list': ['b'] }));
});

describe('the text of a configuration', () => {
  test('is YAML with anchors, or JSON', () => {
    const yaml =
      'format: 1\nprefixes:\n- {prefix: a, allow-list: &names [torch]}\n- {prefix: b, allow-list: *names}\n';
    expect(readConfigurationText(yaml)).toEqual({
      value: {
        format: 1,
        prefixes: [
          { prefix: 'a', 'allow-list': ['torch'] },
          { prefix: 'b', 'allow-list': ['torch'] },
        ],
      },
    });
    expect(readConfigurationText('{"format": 1}')).toEqual({ value: { format: 1 } });
  });

  test('has every mistake told with line and column', () => {
    expect(readConfigurationText('format: 1\nformat: 2\nx: [\n')).toEqual({
      problems: [
        'Map keys must be unique at line 2, column 1',
        expect.stringMatching(/at line 4, column 1$/),
      ],
    });
  });

  test('cannot make much of little (I8)', () => {
    const lines = Array.from(
      { length: 12 },
      (_, n) => `a${n}: &a${n} [${Array(9).fill(n === 0 ? 'x' : `*a${n - 1}`)}]`,
    );
    expect(readConfigurationText(lines.join('\n'))).toHaveProperty('problems');
    expect(readConfigurationText('x'.repeat(2_000_001))).toHaveProperty('problems');
  });
});

describe('the schema', () => {
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
  const validate = ajv.compile(configurationSchemaDocument());

  test('is published as it is', async () => {
    await expect(`${JSON.stringify(configurationSchemaDocument(), null, 2)}\n`).toMatchFileSnapshot(
      '../schema/package-index-1.schema.json',
    );
  });

  /** A configuration with everything in it, of which properties changes one part. */
  const whole = {
    format: 1,
    source: { url: 's3://bucket/x', 'endpoint-url': 'https://s3.example.org', region: 'auto' },
    destinations: [
      { url: 'r2:INDEX', 'base-url': { default: null, packages: { torch: 'https://x.example' } } },
    ],
    defaults: { keep: 60, formats: ['html', 'json'], extensions: ['whl'] },
    prefixes: [
      {
        prefix: 'whl',
        kind: 'packages',
        subdirectories: { match: ['cu*'], names: ['cu130'], exclude: ['cu1'] },
        'allow-list': { file: 'x' },
        'base-url': 'https://a.example',
        'copied-pages': [{ names: ['numpy'], from: 'whl' }],
        yanked: { 'torch==1': 'bad' },
        'requires-python': { 'a-*': '>=3.10' },
        status: { torch: { status: 'archived', reason: 'old' } },
      },
    ],
    views: [{ page: 'a', files: 'whl', include: ['a*'] }],
    external: [{ names: ['numpy'], index: 'https://pypi.org/simple/', prefixes: ['whl'], retain: true }],
  };

  test('takes a configuration with everything', () => {
    expect(validate(whole), JSON.stringify(validate.errors)).toBe(true);
    expect(schemaProblems(configurationSchema, whole)).toEqual([]);
  });

  test('is read here as ajv reads it, whatever part of a configuration is replaced by whatever', () => {
    const paths = pathsOf(whole);
    const odd = fc.oneof(
      fc.jsonValue(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '',
        '/',
        'a/',
        'x'.repeat(2_000),
        '😀'.repeat(600),
        '😀'.repeat(400),
        1.5,
        -1,
        0,
        [],
        {},
        [[]],
        null,
      ),
      fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...paths), odd, fc.string(), fc.boolean(), (path, value, name, isAdded) => {
        const changed = structuredClone(whole);
        replaceAt(changed, isAdded ? [...path.slice(0, -1), name] : path, value);
        expect(schemaProblems(configurationSchema, changed).length === 0).toBe(validate(changed));
      }),
      { numRuns: 500 },
    );
  });
});

function pathsOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([name, item]) => pathsOf(item, [...path, name]));
  return path.length === 0 ? inner : [path, ...inner];
}

function replaceAt(root: object, path: readonly string[], value: unknown): void {
  let at = root as Record<string, unknown>;
  for (const name of path.slice(0, -1)) at = at[name] as Record<string, unknown>;
  const last = path.at(-1) ?? '';
  if (last === '__proto__' || (Array.isArray(at) && !/^\d+$/.test(last))) return;
  at[last] = value;
}
