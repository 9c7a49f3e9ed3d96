import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type IndexedFile,
  type PageReading,
  type ProjectPage,
  parseProjectPage,
  parseRootPage,
  type ReadProjectPage,
  type ReadRootPage,
  renderProjectHtml,
  renderProjectJson,
  renderRootHtml,
  renderRootJson,
} from '../src/index.ts';
import { indexedFile, projectPage, sums } from './pages.ts';

const seed = 503;
const runs = 2_000;
const url = 'https://example.org/index/whl/cu118/torch/';
const version = '<meta name="pypi:repository-version" content="1.4">';

function readHtml(html: string, base = url): PageReading<ReadProjectPage> {
  return parseProjectPage({ url: base, format: 'html', bytes: Buffer.from(html) });
}

function readJson(page: unknown): PageReading<ReadProjectPage> {
  const bytes = Buffer.from(typeof page === 'string' ? page : JSON.stringify(page));
  return parseProjectPage({ url, format: 'json', bytes });
}

function jsonPage(...files: readonly object[]): object {
  return { meta: { 'api-version': '1.4' }, name: 'torch', versions: ['1.0'], files };
}

function codesOf({ findings }: PageReading<unknown>): readonly string[] {
  return findings.map(({ code, key }) => (key === undefined ? code : `${code} ${key}`));
}

describe('a page in HTML', () => {
  test('is read with everything that clients use', () => {
    const html = `${version}<meta name="pypi:project-status" content="deprecated"><meta name="pypi:project-status-reason" content="a &amp; b">
      <a href="../torch-1.0+cpu.zip#sha256=${sums.file.toUpperCase()}" data-requires-python="&gt;=3.10" data-core-metadata="sha256=${sums.metadata}"
      data-dist-info-metadata="true" data-yanked="why &quot;not&quot;" data-upload-time="2026-11-27T08:30:15.123456Z" data-size="12">torch-1.0+cpu.zip</a>`;
    expect(readHtml(html)).toEqual({
      page: {
        apiVersion: '1.4',
        status: { status: 'deprecated', reason: 'a & b' },
        files: [
          {
            fileName: 'torch-1.0+cpu.zip',
            url: 'https://example.org/index/whl/cu118/torch-1.0+cpu.zip',
            hashes: new Map([['sha256', sums.file]]),
            requiresPython: '>=3.10',
            metadataHashes: new Map([['sha256', sums.metadata]]),
            yanked: 'why "not"',
            uploadedAtMs: Date.UTC(2026, 10, 27, 8, 30, 15, 123),
            sizeBytes: 12,
          },
        ],
      },
      findings: [],
    });
  });

  test('is read as clients read what is not quite HTML', () => {
    const html = `${version}<BASE HREF="https://files.example.org/x/"><base href="https://other.example.org/">
      <A HREF='a-1.0.zip'>a-1.0.zip</A><a>no link</a><a href="">none</a><!-- <a href="b-1.0.zip">b-1.0.zip</a> -->
      <script>"<a href='c-1.0.zip'>c-1.0.zip</a>"</script><a href=d%2B1-1.0.zip?x=1>d+1-1.0.zip<a href="e-1.0.zip">e-1.0.zip`;
    const { page, findings } = readHtml(html);
    expect(page?.files.map((file) => file.url)).toEqual([
      'https://files.example.org/x/a-1.0.zip',
      'https://files.example.org/x/d%2B1-1.0.zip?x=1',
      'https://files.example.org/x/e-1.0.zip',
    ]);
    expect(page?.files.map((file) => file.fileName)).toEqual(['a-1.0.zip', 'd+1-1.0.zip', 'e-1.0.zip']);
    expect(findings).toEqual([]);
  });

  test.each([
    ['<a href="a-1.0.zip">a-1.0.zip</a>', ['page-version']],
    [`<meta name="pypi:repository-version" content="1.5">`, ['page-version']],
    [`${version}<a href="a-1.0.zip">another</a>`, ['page-name a-1.0.zip']],
    [`${version}<a href="a-1.0.zip" data-yanked>a-1.0.zip</a>`, ['page-yanked a-1.0.zip']],
    [`${version}<a href="javascript:alert(1)">x</a><a href="http://[">x</a>`, ['page-link', 'page-link']],
    [`${version}<a href="../">x</a><a href="%ff">x</a>`, ['page-link', 'page-link']],
    [`${version}<a href="a-1.0.zip#sha256=12">a-1.0.zip</a>`, ['page-hash a-1.0.zip']],
    [`${version}<a href="a-1.0.zip#md5=${'0'.repeat(31)}g">a-1.0.zip</a>`, ['page-hash a-1.0.zip']],
    [`${version}<a href="a-1.0.zip#egg=a&amp;subdirectory=b">a-1.0.zip</a>`, []],
    [
      `${version}<a href="a-1.0.zip" data-core-metadata="sha256=00">a-1.0.zip</a>`,
      ['page-hash a-1.0.zip.metadata'],
    ],
    [`${version}<a href="a-1.0.zip" data-core-metadata="yes">a-1.0.zip</a>`, ['page-value a-1.0.zip']],
    [`${version}<a href="a-1.0.zip" data-size="-1">a-1.0.zip</a>`, ['page-value a-1.0.zip']],
    [
      `${version}<a href="a-1.0.zip" data-upload-time="2026-02-30T00:00:00Z">a-1.0.zip</a>`,
      ['page-value a-1.0.zip'],
    ],
    [`${version}<a href="a-1.0.zip" data-upload-time="2026-02-03">a-1.0.zip</a>`, ['page-value a-1.0.zip']],
    [
      `${version}<a href="a-1.0.zip">a-1.0.zip</a><a href="b/a-1.0.zip">a-1.0.zip</a>`,
      ['page-file-twice a-1.0.zip'],
    ],
    [`${version}<meta name="pypi:project-status" content="lost">`, ['page-value']],
    [`${version}<meta name="pypi:project-status-reason" content="alone">`, ['page-value']],
  ])('%s has the findings %j', (html, codes) => {
    const reading = readHtml(html);
    expect(codesOf(reading)).toEqual(codes);
    expect(reading.page).toBeDefined();
  });

  test('says whether METADATA is there', () => {
    const html = ['true', 'false', `sha256=${sums.metadata}`].map(
      (value, index) => `<a href="a-${index}.zip" data-dist-info-metadata="${value}">a-${index}.zip</a>`,
    );
    expect(readHtml(version + html.join('')).page?.files.map((file) => file.metadataHashes)).toEqual([
      new Map(),
      undefined,
      new Map([['sha256', sums.metadata]]),
    ]);
  });

  test('can be in a store or in files', () => {
    const html = `${version}<a href="../a-1.0%2Bcpu.zip">a-1.0+cpu.zip</a>`;
    expect(readHtml(html, 's3://bucket/whl/a/').page?.files[0]?.url).toBe('s3://bucket/whl/a-1.0%2Bcpu.zip');
    expect(readHtml(html, 'file:///tmp/whl/a/index.html').page?.files[0]?.url).toBe(
      'file:///tmp/whl/a-1.0%2Bcpu.zip',
    );
  });
});

describe('a page in JSON', () => {
  const file = { filename: 'a-1.0.zip', url: 'a-1.0.zip', hashes: {} };

  test('is read with everything that clients use', () => {
    const page = {
      ...jsonPage({
        filename: 'a-1.0.zip',
        url: 'https://files.example.org/a-1.0.zip#x',
        hashes: { SHA256: sums.file.toUpperCase(), blake2b: 'ab' },
        'requires-python': '>=3.10',
        'core-metadata': { sha256: sums.metadata },
        yanked: 'why',
        size: 12,
        'upload-time': '2026-11-27T08:30:15.123456Z',
        provenance: null,
        _private: [],
      }),
      'project-status': { status: 'archived' },
    };
    expect(readJson(page)).toEqual({
      page: {
        apiVersion: '1.4',
        name: 'torch',
        status: { status: 'archived' },
        versions: ['1.0'],
        files: [
          {
            fileName: 'a-1.0.zip',
            url: 'https://files.example.org/a-1.0.zip',
            hashes: new Map([
              ['sha256', sums.file],
              ['blake2b', 'ab'],
            ]),
            requiresPython: '>=3.10',
            metadataHashes: new Map([['sha256', sums.metadata]]),
            yanked: 'why',
            sizeBytes: 12,
            uploadedAtMs: Date.UTC(2026, 10, 27, 8, 30, 15, 123),
          },
        ],
      },
      findings: [],
    });
  });

  test.each([
    [{ yanked: true }, { yanked: '' }],
    [{ yanked: false }, {}],
    [{ 'core-metadata': true }, { metadataHashes: new Map() }],
    [{ 'core-metadata': false, 'dist-info-metadata': true }, {}],
    [
      { 'dist-info-metadata': { sha256: sums.metadata } },
      { metadataHashes: new Map([['sha256', sums.metadata]]) },
    ],
    [{ 'requires-python': null, size: null, 'upload-time': null }, {}],
  ])('takes %j as clients do', (more, expected) => {
    const reading = readJson(jsonPage({ ...file, ...more }));
    expect(reading.page?.files).toEqual([
      { fileName: 'a-1.0.zip', url: `${url}a-1.0.zip`, hashes: new Map(), ...expected },
    ]);
    expect(reading.findings).toEqual([]);
  });

  test.each([
    [{ hashes: [] }, 'page-value a-1.0.zip'],
    [{ hashes: { sha256: 1 } }, 'page-hash a-1.0.zip'],
    [{ hashes: { sha256: 'AB' } }, 'page-hash a-1.0.zip'],
    [{ filename: 'b-1.0.zip' }, 'page-name b-1.0.zip'],
    [{ filename: 1 }, 'page-link'],
    [{ url: undefined }, 'page-link'],
    [{ url: 'data:text/plain,x' }, 'page-link'],
    [{ size: 1.5 }, 'page-value a-1.0.zip'],
    [{ size: '1' }, 'page-value a-1.0.zip'],
    [{ filename: 'a-1.1.zip', url: 'a-1.1.zip' }, 'page-version-unlisted a-1.1.zip'],
    [{ yanked: 1 }, 'page-value a-1.0.zip'],
    [{ yanked: '' }, 'page-yanked a-1.0.zip'],
    [{ 'core-metadata': 'true' }, 'page-value a-1.0.zip'],
    [{ 'upload-time': 5 }, 'page-value a-1.0.zip'],
    [{ 'upload-time': '2026-11-27T08:30:15+00:00' }, 'page-value a-1.0.zip'],
    [{ 'requires-python': 3 }, 'page-value a-1.0.zip'],
  ])('with %j has the finding %s', (more, code) => {
    const reading = readJson(jsonPage({ ...file, ...more }));
    expect(codesOf(reading)).toEqual([code]);
    expect(reading.page).toBeDefined();
  });
});

describe('I8: a page that clients cannot use', () => {
  test.each([
    ['[]', 'not a JSON object'],
    ['{', 'not JSON'],
    ['{"meta":{"api-version":"1.0"},"meta":{}}', 'not JSON'],
    [`${'['.repeat(40)}`, 'deeper'],
    ['{"meta":{"api-version":"2.0"},"files":[]}', 'only 1.x'],
    ['{"meta":{"api-version":"one"},"files":[]}', 'only 1.x'],
    ['{"meta":{"api-version":"1.0"}}', '"files" is not a list'],
  ])('in JSON is %s', (text, words) => {
    const { page, findings } = readJson(text);
    expect(page).toBeUndefined();
    expect(findings).toMatchObject([
      { code: 'page-unreadable', severity: 'error', message: expect.stringContaining(words) },
    ]);
  });

  test('is not UTF-8, or of a later major version', () => {
    expect(parseProjectPage({ url, format: 'html', bytes: Buffer.from([0xff]) }).page).toBeUndefined();
    expect(codesOf(readHtml('<meta name="pypi:repository-version" content="2.0">'))).toEqual([
      'page-unreadable',
    ]);
  });

  test('is larger than the limits', () => {
    const limits = { maxBytes: 1_000, maxEntries: 2 };
    const read = (page: ProjectPage, format: 'html' | 'json') => {
      const bytes = Buffer.from(format === 'html' ? renderProjectHtml(page) : renderProjectJson(page));
      return parseProjectPage({ url, format, bytes }, limits);
    };
    const files = ['a-1.zip', 'a-2.zip', 'a-3.zip'].map((name) => indexedFile(name));
    for (const format of ['html', 'json'] as const) {
      expect(read(projectPage(files.slice(1)), format).page?.files).toHaveLength(2);
      expect(codesOf(read(projectPage(files), format))).toEqual(['page-unreadable']);
      const reason = { yanked: 'x'.repeat(1_000) };
      expect(codesOf(read(projectPage([indexedFile('a-1.zip', reason)]), format))).toEqual([
        'page-unreadable',
      ]);
    }
  });

  test('is nested without end', () => {
    expect(codesOf(readHtml('<div>'.repeat(100_000)))).toEqual(['page-unreadable']);
    expect(readHtml(`${version}<p>`.repeat(5_000)).page?.files).toEqual([]);
  });

  test('has a thousand findings, of which a thousand are kept', () => {
    expect(readHtml(version + '<a href="data:">x</a>'.repeat(3_000)).findings).toHaveLength(1_000);
  });

  test('says nothing that a terminal or a runner would obey', () => {
    const html = `${version}<a href="a-1.0.zip">::error::\u001b[2J</a><a href="x:\u001b::">x</a><a href="%1b%0a::a">y</a>`;
    for (const { message, key = '' } of readHtml(html).findings) {
      expect(message + key).not.toMatch(/[\u0000-\u001f]|::/);
    }
  });
});

describe('the page of a root', () => {
  const root = 'https://example.org/index/whl/';
  const read = (format: 'html' | 'json', text: string): PageReading<ReadRootPage> =>
    parseRootPage({ url: root, format, bytes: Buffer.from(text) });

  test('is read as it was made', () => {
    const page = { projects: ['a', 'b-c', 'torch'] };
    const expected = { page: { apiVersion: '1.4', projects: page.projects }, findings: [] };
    expect(read('html', renderRootHtml(page))).toEqual(expected);
    expect(read('json', renderRootJson(page))).toEqual(expected);
  });

  test.each([
    ['html', `${version}<a href="/index/whl/a-b/">A_b</a>`, ['A_b'], []],
    ['html', `${version}<a href="A_b/">A_b</a>`, ['A_b'], ['page-name A_b']],
    ['html', `${version}<a href="a-b">a-b</a>`, ['a-b'], ['page-name a-b']],
    ['html', `${version}<a href="a/">-a</a>`, [], ['page-link']],
    [
      'json',
      '{"meta":{"api-version":"1.0"},"projects":[{"name":"A_b"},{"name":"-"},{}]}',
      ['A_b'],
      ['page-value'],
    ],
    ['json', '{"meta":{},"projects":[]}', [], ['page-version']],
  ] as const)('in %s %s', (format, text, projects, codes) => {
    const reading = read(format, text);
    expect(reading.page?.projects).toEqual(projects);
    expect(codesOf(reading)).toEqual(codes);
  });
});

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const sum = fc.option(fc.constantFrom(sums.file, sums.metadata, '0f'.repeat(32)), { nil: undefined });
const indexed: fc.Arbitrary<IndexedFile> = fc
  .record({
    directory: fc.constantFrom('whl', 'whl/cu118', 'whl/cu 118 #?&"', 'é/e\u0301', 'whl/a%2Bb'),
    version: fc.constantFrom('1.0', '1.0+cu118', '2.10.dev3', 'nightly', '1.0%2Bcu118'),
    build: fc.nat({ max: 9999 }),
    sizeBytes: fc.nat(),
    uploadedAtMs: fc.nat({ max: 4e12 }),
    sha256: sum,
    metadata: fc.option(
      fc.record({
        sha256: sum,
        requiresPython: fc.option(
          text.filter((some) => some !== ''),
          { nil: undefined },
        ),
      }),
      { nil: undefined },
    ),
    yanked: fc.option(text, { nil: undefined }),
    url: fc.option(fc.constantFrom('https://files.example.org/x%20y/'), { nil: undefined }),
  })
  .map(({ directory, version: some, build, url: external, ...more }) => {
    const name = `torch-${some}-${build}-py3-none-any.whl`;
    return indexedFile(`${directory}/${name}`, {
      ...more,
      ...(external === undefined ? {} : { url: external + encodeURIComponent(name) }),
    });
  });
const pages = fc.record({
  files: fc.uniqueArray(indexed, { maxLength: 6, selector: ({ fileName }) => fileName }),
  links: fc.constantFrom(
    { kind: 'relative' } as const,
    { kind: 'absolute', baseUrl: 'https://cdn.example.org/a%20b' } as const,
  ),
  hashes: fc.constantFrom('available', 'omit'),
  status: fc.option(
    fc.record({ status: fc.constantFrom('active', 'archived', 'deprecated'), reason: text }),
    { nil: undefined },
  ),
});

/** What a page of these files says, in the order of the page. */
function expectedFiles(page: ProjectPage, order: readonly string[]): readonly object[] {
  const above = page.links.kind === 'relative' ? 'https://example.org/index' : page.links.baseUrl;
  const asShown = (some: string): string =>
    some.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '\ufffd');
  return page.files
    .toSorted((a, b) => order.indexOf(a.fileName) - order.indexOf(b.fileName))
    .map((file) => ({
      fileName: file.fileName,
      url: file.url ?? `${above}/${file.key.split('/').map(encodeURIComponent).join('/')}`,
      hashes: new Map(file.sha256 === undefined || page.hashes === 'omit' ? [] : [['sha256', file.sha256]]),
      ...(file.metadata?.requiresPython === undefined
        ? {}
        : { requiresPython: asShown(file.metadata.requiresPython) }),
      ...(file.metadata === undefined
        ? {}
        : {
            metadataHashes: new Map(
              file.metadata.sha256 === undefined ? [] : [['sha256', file.metadata.sha256]],
            ),
          }),
      ...(file.yanked === undefined ? {} : { yanked: asShown(file.yanked) }),
      sizeBytes: file.sizeBytes,
      uploadedAtMs: file.uploadedAtMs,
    }));
}

describe(`any page (seed ${seed}, ${runs} cases)`, () => {
  test.each(['html', 'json'] as const)('in %s is read as it was made', (format) => {
    fc.assert(
      fc.property(pages, (made) => {
        const page = projectPage(made.files, made);
        const bytes = Buffer.from(format === 'html' ? renderProjectHtml(page) : renderProjectJson(page));
        const reading = parseProjectPage({ url, format, bytes });
        expect(reading.findings).toEqual([]);
        const files = reading.page?.files ?? [];
        expect(files).toEqual(
          expectedFiles(
            page,
            files.map(({ fileName }) => fileName),
          ),
        );
        expect(reading.page?.status?.status).toBe(made.status?.status);
      }),
      { seed, numRuns: runs },
    );
  });

  test('I8: of any text is read without an error', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '<a',
        ' href="',
        '">',
        '</a>',
        '<meta name="pypi:',
        '<base href="',
        '{"',
        '":',
        '[',
        ']',
        '}',
        ',',
        '&',
        '#sha256=',
        '%',
        '<!--',
        '<script>',
        ' data-yanked',
        ' data-size=',
      ),
      fc.constantFrom('a', '1', '\0', '\n', '\ud800', '\u202e', 'é', '<', '"', '/', ':'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.constantFrom('html', 'json'), (pieces, format) => {
        const bytes = Buffer.from(pieces.join(''));
        expect(parseProjectPage({ url, format, bytes }).findings.length).toBeLessThan(100);
        expect(parseRootPage({ url, format, bytes }).findings.length).toBeLessThan(100);
      }),
      { seed, numRuns: runs },
    );
  });
});
