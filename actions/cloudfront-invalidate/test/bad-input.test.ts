import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ActionRunResult, failureOf, runAction, temporaryDirectory } from '@slipway/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';
import { parseManifest } from '../src/files.ts';
import { parsePaths, parseProofs, parseTags } from '../src/parsers.ts';

const sha256 = 'a'.repeat(64);
const fine = { 'distribution-id': 'E1A2B3C4D5E6F7', 'dry-run': 'true' };

function run(more: Readonly<Record<string, string>>, workDirectory?: string): Promise<ActionRunResult> {
  return runAction(action, { ...fine, ...more }, workDirectory === undefined ? {} : { workDirectory });
}

describe('bad input', () => {
  it('is reported in one error that names each input, and every path', async () => {
    const failure = await failureOf(
      runAction(action, {
        'distribution-id': 'd111111abcdef8.cloudfront.net',
        paths: 'no-slash\n/fine\n/a?query\n/50%\n#tag\n/a*b',
        'paths-file': 'no-such-file',
        'path-prefix': '/a*',
        'cache-tags': 'fine\nnot fine',
        'max-paths': '0',
        'max-wildcards': '16',
        'wildcard-depth': 'deep',
        wait: 'perhaps',
        'wait-deadline': 'soon',
        prove: `https://cdn.example.org/x ${sha256}\nhttps://cdn.example.org/y\nhttp://cdn.example.org/ ${sha256}\nhttps://u:hunter2@cdn.example.org/ ${sha256}\nhttps://cdn.example.org/?token=hunter2 ${sha256}`,
        'prove-file': 'no-such-manifest',
        'base-url': 'ftp://cdn.example.org',
        'prove-deadline': '-1',
        'role-to-assume': 'publish',
        'endpoint-url': 'http://example.org',
        'dry-run': '2',
      }),
    );
    expect(failure).toMatchObject({ code: 'input-invalid' });
    const named = [
      ...[
        'distribution-id',
        'paths',
        'paths-file',
        'path-prefix',
        'cache-tags',
        'max-paths',
        'max-wildcards',
      ],
      ...['wildcard-depth', 'wait', 'wait-deadline', 'prove', 'prove-file', 'base-url', 'prove-deadline'],
      ...['role-to-assume', 'endpoint-url', 'dry-run'],
    ];
    for (const name of named) expect(failure.message).toContain(`input "${name}"`);
    for (const path of ['no-slash', '/a?', '/50%', '#tag', '/a*b'])
      expect(failure.message).toContain(`"${path}`);
    expect(failure.message).not.toContain('"/fine"');
    expect(failure.message).not.toContain('hunter2');
  });

  it('is a path to prove without base-url', async () => {
    const failure = await failureOf(run({ paths: '/a', prove: `/a ${sha256}` }));
    expect(failure.message).toMatch(/base-url/);
    const directory = temporaryDirectory('manifest');
    writeFileSync(join(directory, 'm.json'), JSON.stringify([{ key: 'a', sizeBytes: 1, sha256 }]));
    const later = await failureOf(run({ paths: '/a', 'prove-file': 'm.json' }, directory));
    expect(later).toMatchObject({ code: 'input-invalid', message: expect.stringMatching(/base-url/) });
  });

  it.each([
    ['no JSON', 'it is not JSON: the value'],
    [`[\n{"key":"a",}]`, 'remove the "," before "}" (line 2, column 12)'],
    ['{}', 'not a JSON array'],
    ['[1]', 'has no key'],
    ['[{"key":"a","sizeBytes":1,"sha256":"A"}]', '"a": its sha256'],
    [`[{"key":"a","sizeBytes":-1,"sha256":"${sha256}"}]`, '"a": its sizeBytes'],
    [`[{"key":"../a","sizeBytes":1,"sha256":"${sha256}"}]`, '".." segment'],
    [
      `[{"key":"a","sizeBytes":1,"sha256":"${sha256}","url":"http://example.org/a"}]`,
      'must be an https:// URL',
    ],
  ])('is a manifest that is %s', async (text, reason) => {
    const directory = temporaryDirectory('manifest');
    writeFileSync(join(directory, 'm.json'), text);
    const failure = await failureOf(run({ 'prove-file': 'm.json' }, directory));
    expect(failure.message).toContain(reason);
  });

  it('needs credentials except in a dry run', async () => {
    const failure = await failureOf(
      runAction(action, { 'distribution-id': 'E1', paths: '/a', 'access-key-id': 'AKIA' }),
    );
    expect(failure.message).toMatch(/without secret-access-key/);
    expect((await run({ paths: '/a' })).failure).toBeUndefined();
  });
});

describe('parsers of outside text', () => {
  const parsers = { parsePaths, parseTags, parseProofs, parseManifest };
  it.each(Object.entries(parsers))('%s returns a value or throws an Error for any text', (_, parse) => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.json(),
          fc.string().map((text) => `/${text}\n${text} ${sha256}`),
        ),
        (text) => {
          try {
            expect(Array.isArray(parse(text))).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
            expect(error).not.toBeInstanceOf(TypeError);
            expect(error instanceof Error && error.message.length).toBeLessThan(20_000);
          }
        },
      ),
    );
  });

  it('read keys of a manifest literally, and lines as in URLs', () => {
    const entry = { key: 'a b/100%/c*~+.txt', sizeBytes: 1, sha256, etag: 'ignored', url: 's3://bucket/a' };
    expect(parseManifest(JSON.stringify([entry]))).toEqual([
      { place: { kind: 'path', name: '/a b/100%/c*~+.txt' }, sha256, sizeBytes: 1 },
    ]);
    expect(
      parseProofs(`/a%20b  ${sha256.toUpperCase()}\n\n# a comment\nhttps://x.example.org/y ${sha256}`),
    ).toEqual([
      { place: { kind: 'path', name: '/a b' }, sha256 },
      { place: { kind: 'url', url: 'https://x.example.org/y' }, sha256 },
    ]);
    expect(parseTags('#B\na\n\nb')).toEqual(['a', 'b']);
    expect(parsePaths('/a\r\n# comment\n#\n/b*\n')).toEqual([
      { kind: 'path', name: '/a' },
      { kind: 'prefix', name: '/b' },
    ]);
  });
});

describe('paths as users write them', () => {
  const a = { kind: 'path', name: '/a' };
  const b = { kind: 'path', name: '/b' };
  it.each([
    ['with blanks', '/a /b'],
    ['with commas', '/a,/b'],
    ['with commas and blanks', ' /a , /b,'],
    ['with tabs and line breaks', '/a\t\n\n/b\r\n'],
    ['with a comma at each end of line', '/a,\n/b,'],
    ['in quotes', `"/a" '/b'`],
    ['in quotes, with commas', `"/a","/b"`],
    ['as JSON', '["/a", "/b"]'],
    ['as JSON of several lines', '[\n  "/a",\n  "/b"\n]'],
  ])('%s are several', async (_, text) => {
    expect(parsePaths(text)).toEqual([a, b]);
    const { log } = await run({ paths: text });
    expect(log).toEqual(expect.arrayContaining(['  /a', '  /b']));
  });

  it('keep spaces in quotes, and commas that do not separate paths', () => {
    expect(parsePaths('"/a b" /c,d')).toEqual([
      { kind: 'path', name: '/a b' },
      { kind: 'path', name: '/c,d' },
    ]);
    expect(parsePaths('["/a b, c"]')).toEqual([{ kind: 'path', name: '/a b, c' }]);
  });

  it.each([
    ['/my file.html', 'write a space in a name as %20'],
    ['/a, b.html', 'write a space in a name as %20'],
    ['a.html b.html', 'begin each path with "/"'],
    [', ,', 'it names no path'],
    ['""', 'does not start with "/"'],
    ['[1]', 'JSON array'],
    ['["a"]', 'does not start with "/"'],
    ['["/a","/b",]', 'looks like JSON, but it is not JSON: remove the "," before "]"'],
    ['[/a, /b]', 'looks like JSON'],
    ['{"paths":["/a"]}', 'it is JSON, but not an array of paths'],
    ['"/a /b"', 'looks like several paths'],
    ['"/a,/b"', 'looks like several paths'],
    ['["/a /b"]', 'looks like several paths'],
    ['/a;/b', 'write a ";" in a name as %3B'],
    ['/a; /b', 'looks like several paths'],
    ['/a|/b', 'write a "|" in a name as %7C'],
    [JSON.stringify('/a\n/b'), 'toJSON() writes a line break as'],
    ['/images\\a.png', 'write a backslash in a name as %5C'],
    ['/a\u200b', 'write %E2%80%8B if it is meant'],
    ['//cdn.example.org/a', 'a URL with https://'],
    ['/@scope%2fname', 'use a wildcard that ends before it'],
  ])('that cannot match, or are ambiguous, are refused: %s', async (text, words) => {
    expect((await failureOf(run({ paths: text }))).message).toContain(words);
    const directory = temporaryDirectory('paths');
    writeFileSync(join(directory, 'paths.txt'), text);
    expect((await failureOf(run({ 'paths-file': 'paths.txt' }, directory))).message).toContain(words);
  });

  it('that only look strange are accepted', () => {
    const name = (text: string) => parsePaths(text).map((target) => target.name);
    expect(name('/a;b /c|d /e%3B/f /g%5Ch /%2Fi "/dir%20/j" /k//l /👩‍💻')).toEqual([
      ...['/a;b', '/c|d', '/e;/f', '/g\\h', '//i', '/dir /j', '/k//l', '/👩‍💻'],
    ]);
  });

  it('that already begin with path-prefix cause a warning', async () => {
    const inputs = { 'path-prefix': '/spack', 'base-url': 'https://cdn.example.org' };
    const { problems } = await run({
      ...inputs,
      paths: '/spack/a /b /spackage https://cdn.example.org/spack/c',
    });
    expect(problems).toMatchObject([{ code: 'prefix-repeated', severity: 'warning' }]);
    expect(problems[0]?.message).toContain('1 path with path-prefix twice, such as /spack/spack/a');
    expect((await run({ ...inputs, paths: '/b /spackage' })).problems).toEqual([]);
  });

  it('of a URL belong to the CDN, and get no prefix', async () => {
    const cdn = { 'base-url': 'https://cdn.example.org', 'path-prefix': '/spack' };
    const { log } = await run({
      ...cdn,
      paths: 'https://cdn.example.org/spack/a%20b /c https://cdn.example.org',
    });
    expect(log).toEqual(expect.arrayContaining(['  /spack/a%20b', '  /spack/c', '  /']));
    const other = await failureOf(run({ ...cdn, paths: 'https://www.example.org/a' }));
    expect(other.message).toMatch(/www.example.org, and base-url is https:\/\/cdn.example.org/);
    const none = await failureOf(run({ paths: 'https://www.example.org/a' }));
    expect(none.message).toMatch(/base-url/);
    const secret = await failureOf(run({ ...cdn, paths: 'https://u:hunter2@cdn.example.org/a /b?hunter2' }));
    expect(secret.message).not.toContain('hunter2');
    const prove = await failureOf(
      run({ prove: `https://u:hunter2@cdn.example.org/a ${sha256}`, 'base-url': 'https://u:hunter2@x' }),
    );
    expect(prove.message).not.toContain('hunter2');
  });

  it('are read in linear time, however many there are', () => {
    expect(parsePaths('/a,'.repeat(50_000))).toHaveLength(50_000);
    expect(() => parsePaths(`"${' ,'.repeat(100_000)}x`)).toThrow('begin each path');
  });
});

describe('what is to be proven', () => {
  const other = 'b'.repeat(64);
  const [one, two] = [
    { place: { kind: 'path', name: '/a' }, sha256 },
    { place: { kind: 'path', name: '/b' }, sha256: other },
  ];

  it.each([
    ['one a line', `/a ${sha256}\n/b ${other}`],
    ['on one line', `/a ${sha256} /b ${other}`],
    ['with commas', `/a ${sha256}, /b ${other},`],
    ['in quotes', `"/a" ${sha256}\n'/b' "${other}"`],
    ['with the name of the checksum', `/a sha256:${sha256}\nSHA256:${other} /b`],
    ['as sha256sum prints it', `${sha256}  a\n${other} *b`],
  ])('is read %s', (_, text) => {
    expect(parseProofs(text)).toEqual([one, two]);
  });

  it.each([`/a b ${sha256}`, `/a ${sha256} ${other}`, `/a,/b ${sha256}`, `${sha256}`])(
    'is refused: %s',
    (text) => {
      expect(() => parseProofs(text)).toThrow('SHA-256 of 64 hex digits');
    },
  );

  it('is refused if it could never be served: "/a:"', () => {
    expect(() => parseProofs(`/a: ${sha256}`)).toThrow('a ":" follows the path');
  });

  it('is an error if a manifest has no objects', async () => {
    const directory = temporaryDirectory('manifest');
    writeFileSync(join(directory, 'm.json'), '[]');
    expect((await failureOf(run({ 'prove-file': 'm.json' }, directory))).message).toContain(
      'nothing would be proven',
    );
  });

  it('and is not covered by any path is reported', async () => {
    const inputs = { 'base-url': 'https://cdn.example.org', 'path-prefix': '/x' };
    const prove = `/a ${sha256}\n/dir/b ${sha256}\nhttps://cdn.example.org/c ${sha256}`;
    const { problems } = await run({ ...inputs, paths: '/a /dir/*', prove });
    expect(problems).toMatchObject([{ code: 'proof-not-invalidated', key: 'https://cdn.example.org/c' }]);
    expect((await run({ ...inputs, prove })).problems).toEqual([]);
  });
});

describe('a dry run', () => {
  it('prints the plan with its estimate, and sends no request', async () => {
    const paths = Array.from({ length: 30 }, (_, index) => `/v3/specs/gcc-${index}.json`).join('\n');
    const result = await run({ paths, 'path-prefix': '/spack', 'max-paths': '5', 'cache-tags': 'x' });
    expect(result.outputs).toMatchObject({ status: 'planned', 'billable-paths': 2, 'invalidation-ids': '' });
    const log = result.log.join('\n');
    expect(log).toContain('31 paths to invalidate, sent as 2, of them 1 wildcard (1 made).');
    expect(log).toContain('  /spack/v3/specs/gcc-*');
    expect(log).toContain('  #x');
    expect(log).toMatch(/Nothing to prove is given/);
    expect(result.problems).toMatchObject([{ code: 'wildcard-made', severity: 'notice' }]);
    expect(result.json('report')).toMatchObject({
      dryRun: true,
      plan: { billablePaths: 2 },
      invalidations: [],
    });
  });
});
