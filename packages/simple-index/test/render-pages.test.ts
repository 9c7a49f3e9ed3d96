import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  gzipPage,
  type IndexedFile,
  type ProjectPage,
  renderListingHtml,
  renderProjectHtml,
  renderProjectJson,
  renderRootHtml,
  renderRootJson,
} from '../src/index.ts';
import { indexedFile, projectPage, sums } from './pages.ts';

const wheel = indexedFile('whl/cu118/torch-2.9.0+cu118-cp313-cp313-linux_x86_64.whl', {
  sha256: sums.file,
  metadata: { sha256: sums.metadata, requiresPython: '>=3.10,<4' },
});

function anchorsOf(html: string): readonly string[] {
  return html.split('\n').filter((line) => line.startsWith('<a '));
}

function hrefsOf(html: string): readonly string[] {
  return [...html.matchAll(/<a href="([^"]*)"/g)].map(([, href = '']) => href);
}

function urlsOf(page: ProjectPage): readonly string[] {
  const { files } = JSON.parse(renderProjectJson(page)) as { files: { url: string }[] };
  expect(hrefsOf(renderProjectHtml(page))).toEqual(files.map(({ url }) => url));
  return files.map(({ url }) => url);
}

function fileNamesOf(page: ProjectPage): readonly string[] {
  const { files } = JSON.parse(renderProjectJson(page)) as { files: { filename: string }[] };
  expect([...renderProjectHtml(page).matchAll(/>([^<>]*)<\/a>/g)].map(([, text]) => text)).toEqual(
    files.map(({ filename }) => filename),
  );
  return files.map(({ filename }) => filename);
}

describe('the page of a project', () => {
  test('in HTML has what pip and uv read', () => {
    expect(renderProjectHtml(projectPage([wheel]))).toBe(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="1.4">
<title>Links for torch</title>
</head>
<body>
<h1>Links for torch</h1>
<a href="../torch-2.9.0%2Bcu118-cp313-cp313-linux_x86_64.whl#sha256=${sums.file}" data-requires-python="&gt;=3.10,&lt;4" data-core-metadata="sha256=${sums.metadata}" data-dist-info-metadata="sha256=${sums.metadata}" data-upload-time="2026-11-27T08:30:15Z" data-size="1000">torch-2.9.0+cu118-cp313-cp313-linux_x86_64.whl</a><br>
</body>
</html>
`);
  });

  test('in JSON has what pip and uv read', () => {
    expect(JSON.parse(renderProjectJson(projectPage([wheel])))).toEqual({
      meta: { 'api-version': '1.4' },
      name: 'torch',
      versions: ['2.9.0+cu118'],
      files: [
        {
          filename: 'torch-2.9.0+cu118-cp313-cp313-linux_x86_64.whl',
          url: '../torch-2.9.0%2Bcu118-cp313-cp313-linux_x86_64.whl',
          hashes: { sha256: sums.file },
          'requires-python': '>=3.10,<4',
          'core-metadata': { sha256: sums.metadata },
          size: 1000,
          'upload-time': '2026-11-27T08:30:15Z',
        },
      ],
    });
  });

  test('leaves out what is not known', () => {
    const page = projectPage([indexedFile('whl/cu118/torch-1.0.zip', { uploadedAtMs: Number.NaN })]);
    expect(anchorsOf(renderProjectHtml(page))).toEqual([
      '<a href="../torch-1.0.zip" data-size="1000">torch-1.0.zip</a><br>',
    ]);
    expect(JSON.parse(renderProjectJson(page))).toMatchObject({
      files: [{ filename: 'torch-1.0.zip', url: '../torch-1.0.zip', hashes: {}, size: 1000 }],
    });
  });

  test('says that METADATA is there when nobody knows its hash', () => {
    const page = projectPage([indexedFile('whl/torch-1.0.zip', { metadata: {} })]);
    expect(renderProjectHtml(page)).toContain(' data-core-metadata="true" data-dist-info-metadata="true"');
    expect(JSON.parse(renderProjectJson(page))).toMatchObject({ files: [{ 'core-metadata': true }] });
  });

  test('has milliseconds in a time only if there are any', () => {
    const at = (uploadedAtMs: number): IndexedFile =>
      indexedFile(`whl/torch-1.${uploadedAtMs}.zip`, { uploadedAtMs });
    const html = renderProjectHtml(projectPage([at(0), at(1_500), at(253_402_300_800_000), at(-1)]));
    expect(html.match(/data-upload-time="[^"]*"/g)).toEqual([
      'data-upload-time="1970-01-01T00:00:00Z"',
      'data-upload-time="1970-01-01T00:00:01.500Z"',
    ]);
  });

  test.each([
    ['', 'data-yanked=""', true],
    [
      'broken "wheel" <b>&amp;\n',
      'data-yanked="broken &quot;wheel&quot; &lt;b&gt;&amp;amp;&#10;"',
      'broken "wheel" <b>&amp;\n',
    ],
    ['\0\ud800\u001b[2J', 'data-yanked="\ufffd\ufffd\ufffd[2J"', '\ufffd\ufffd\ufffd[2J'],
  ])('shows a file yanked for %j', (yanked, attribute, value) => {
    const page = projectPage([{ ...wheel, yanked }]);
    expect(renderProjectHtml(page)).toContain(` ${attribute}`);
    expect(JSON.parse(renderProjectJson(page))).toMatchObject({ files: [{ yanked: value }] });
  });

  test('has the status of the project', () => {
    const page = projectPage([wheel], { status: { status: 'archived', reason: 'see "other" <here>' } });
    expect(renderProjectHtml(page)).toContain(
      '<meta name="pypi:project-status" content="archived">\n<meta name="pypi:project-status-reason" content="see &quot;other&quot; &lt;here&gt;">\n',
    );
    expect(JSON.parse(renderProjectJson(page))).toMatchObject({
      'project-status': { status: 'archived', reason: 'see "other" <here>' },
      files: [{}],
    });
  });

  test('offers no file of a project in quarantine', () => {
    const page = projectPage([wheel], { status: { status: 'quarantined' } });
    expect(fileNamesOf(page)).toEqual([]);
    expect(JSON.parse(renderProjectJson(page))).toMatchObject({
      versions: [],
      'project-status': { status: 'quarantined' },
    });
  });

  test('can have no files', () => {
    expect(fileNamesOf(projectPage([]))).toEqual([]);
  });
});

describe('the files of a page', () => {
  const names = [
    'torch-1.9.zip',
    'torch-1.10.dev1.zip',
    'torch-1.10+cpu-py3-none-any.whl',
    'torch-1.10+CU118-b-none-any.whl',
    'torch-1.10+cu118-z-none-any.whl',
    'torch-2.0.zip',
    'torch-2.zip',
  ];

  test('are in the order of their versions, then names, however they came', () => {
    const files = names.map((name) =>
      indexedFile(`whl/${name}`, { version: name.replace(/^torch-/, '').replace(/(-.*|\.zip)$/, '') }),
    );
    for (const order of [files, files.toReversed(), [...files.slice(3), ...files.slice(0, 3)]]) {
      expect(fileNamesOf(projectPage(order))).toEqual(names);
      expect(renderProjectJson(projectPage(order))).toBe(renderProjectJson(projectPage(files)));
      expect(renderProjectHtml(projectPage(order))).toBe(renderProjectHtml(projectPage(files)));
    }
    expect(JSON.parse(renderProjectJson(projectPage(files)))).toMatchObject({
      versions: ['1.9', '1.10.dev1', '1.10+cpu', '1.10+cu118', '2.0'],
    });
  });

  test('of one version are in the order of their names, wherever they are', () => {
    const files = ['whl/z/torch-1.0-1-py3-none-any.whl', 'whl/a/torch-1.0-2-py3-none-any.whl'].map((key) =>
      indexedFile(key),
    );
    const names = files.map(({ fileName }) => fileName);
    expect(fileNamesOf(projectPage(files))).toEqual(names);
    expect(fileNamesOf(projectPage(files.toReversed()))).toEqual(names);
  });

  test('with one name in two directories are in the order of their keys', () => {
    const files = ['whl/torch-1.0.zip', 'whl/cu118/torch-1.0.zip'].map((key) => indexedFile(key));
    expect(urlsOf(projectPage(files))).toEqual(['../torch-1.0.zip', '../../torch-1.0.zip']);
    expect(urlsOf(projectPage(files.toReversed()))).toEqual(['../torch-1.0.zip', '../../torch-1.0.zip']);
  });

  test.each([
    ['available', [true, false, true, false]],
    ['required', [true, false, true, false]],
    ['all-or-none', [false, false, true, false]],
    ['omit', [false, false, false, false]],
  ] as const)('have hashes by the policy %s', (hashes, shown) => {
    const files = [
      indexedFile('whl/torch-1.0-a-none-any.whl', { sha256: sums.file }),
      indexedFile('whl/torch-1.0.0-b-none-any.whl'),
      indexedFile('whl/torch-1.1-a-none-any.whl', { sha256: sums.file, metadata: { sha256: sums.metadata } }),
      indexedFile('whl/torch-1.2-a-none-any.whl'),
    ];
    const html = renderProjectHtml(projectPage(files, { hashes }));
    expect(anchorsOf(html).map((line) => line.includes(`#sha256=${sums.file}"`))).toEqual(shown);
    const { files: entries } = JSON.parse(renderProjectJson(projectPage(files, { hashes }))) as {
      files: { hashes: object }[];
    };
    expect(entries.map((entry) => 'sha256' in entry.hashes)).toEqual(shown);
    expect(html).toContain(`data-core-metadata="sha256=${sums.metadata}"`);
  });
});

describe('a link', () => {
  test.each([
    ['whl/cu118/torch', 'whl/cu118/torch-1.0.zip', '../torch-1.0.zip'],
    ['whl/cu118/torch', 'whl/torch-1.0.zip', '../../torch-1.0.zip'],
    ['whl/torch', 'whl/cu118/torch-1.0.zip', '../cu118/torch-1.0.zip'],
    ['whl/torch', 'whl/torch/torch-1.0.zip', 'torch-1.0.zip'],
    ['whl/torch', 'whl/torch2/torch-1.0.zip', '../torch2/torch-1.0.zip'],
    ['torch', 'torch-1.0.zip', '../torch-1.0.zip'],
    ['pages/main/torch', 'files/a/torch-1.0.zip', '../../../files/a/torch-1.0.zip'],
    ['whl/torch', 'whl/torch-1.0+cu118.zip', '../torch-1.0%2Bcu118.zip'],
    ['whl/torch', 'whl/torch-1.0%2Bcu118.zip', '../torch-1.0%252Bcu118.zip'],
    ['whl/torch', 'whl/cu 118#a?b/torch-1.0.zip', '../cu%20118%23a%3Fb/torch-1.0.zip'],
    ['whl/torch', 'whl/a&"\'<>(*)/torch-1.0.zip', '../a%26%22%27%3C%3E%28%2A%29/torch-1.0.zip'],
    ['whl/torch', 'whl/é/e\u0301/torch-1.0.zip', '../%C3%A9/e%CC%81/torch-1.0.zip'],
    ['é/torch', 'é/torch-1.0.zip', '../torch-1.0.zip'],
    ['whl/torch', 'a:b/torch-1.0.zip', '../../a%3Ab/torch-1.0.zip'],
  ])('from %j to %j is %j, and leads there', (directory, key, url) => {
    expect(urlsOf(projectPage([indexedFile(key)], { directory }))).toEqual([url]);
    const base = `https://example.org/index/${directory.split('/').map(encodeURIComponent).join('/')}/`;
    expect(decodeURIComponent(new URL(url, base).pathname)).toBe(`/index/${key}`);
  });

  test.each([
    ['', '/whl/torch-1.0%2Bcpu.zip'],
    ['https://example.org', 'https://example.org/whl/torch-1.0%2Bcpu.zip'],
    ['https://example.org/a/?x=1&y=', 'https://example.org/a/?x=1&y=/whl/torch-1.0%2Bcpu.zip'],
    ['https://example.org/files//', 'https://example.org/files/whl/torch-1.0%2Bcpu.zip'],
  ])('below the base URL %j is %j', (baseUrl, url) => {
    const page = projectPage([indexedFile('whl/torch-1.0+cpu.zip')], {
      links: { kind: 'absolute', baseUrl },
    });
    expect(JSON.parse(renderProjectJson(page))).toMatchObject({ files: [{ url }] });
    expect(hrefsOf(renderProjectHtml(page))).toEqual([url.replace('&', '&amp;')]);
  });

  test('to a file of an external project is its URL', () => {
    const url = 'https://files.example.org/packages/a/b/torch-1.0.zip';
    expect(urlsOf(projectPage([indexedFile('torch-1.0.zip', { url: `${url}#egg=torch` })]))).toEqual([url]);
  });

  test.each([
    'javascript:alert(1)',
    '//example.org/a',
    'https://a/"onclick="b',
    'file:///etc/passwd',
    'https://a b/',
  ])('I8: to an external file is never %j', (url) => {
    expect(() => renderProjectHtml(projectPage([indexedFile('torch-1.0.zip', { url })]))).toThrow(
      'not absolute',
    );
  });

  test.each([
    'a/../torch-1.0.zip',
    '../torch-1.0.zip',
    'a//torch-1.0.zip',
    '/torch-1.0.zip',
    'a/\n/torch-1.0.zip',
    '.',
  ])('I8: is never made to the key %j', (key) => {
    expect(() => renderProjectJson(projectPage([indexedFile(key)]))).toThrow(
      'cannot be the name of an object',
    );
  });
});

test('I8: a link is never made to a key of more than 1,024 bytes', () => {
  const name = `torch-${'1'.repeat(200)}.zip`;
  const key = (length: number): string => `${'a/'.repeat((length - name.length) / 2)}${name}`;
  expect(renderProjectJson(projectPage([indexedFile(key(1_024))]))).toContain(name);
  expect(() => renderProjectJson(projectPage([indexedFile(key(1_026))]))).toThrow('longer than 1024 bytes');
});

describe('the page of a root', () => {
  test('lists each project once, sorted', () => {
    const page = { projects: ['torch', 'antlr4-python3-runtime', 'torch'] };
    expect(anchorsOf(renderRootHtml(page))).toEqual([
      '<a href="antlr4-python3-runtime/">antlr4-python3-runtime</a><br>',
      '<a href="torch/">torch</a><br>',
    ]);
    expect(renderRootHtml(page)).toContain('<meta name="pypi:repository-version" content="1.4">');
    expect(renderRootJson(page)).toBe(
      '{"meta":{"api-version":"1.4"},"projects":[{"name":"antlr4-python3-runtime"},{"name":"torch"}]}\n',
    );
  });

  test('I8: escapes names', () => {
    expect(anchorsOf(renderRootHtml({ projects: ['"><script>'] }))).toEqual([
      '<a href="%22%3E%3Cscript%3E/">&quot;&gt;&lt;script&gt;</a><br>',
    ]);
  });
});

test('a listing has each file with its encoded path from the directory, sorted', () => {
  const files = ['libtorch/z.zip', 'libtorch/cu118/libtorch-1.0+cu118.zip'].map((key) => ({ key }));
  expect(
    anchorsOf(renderListingHtml({ directory: 'libtorch', files, links: { kind: 'absolute', baseUrl: '' } })),
  ).toEqual([
    '<a href="/libtorch/cu118/libtorch-1.0%2Bcu118.zip">cu118/libtorch-1.0%2Bcu118.zip</a><br>',
    '<a href="/libtorch/z.zip">z.zip</a><br>',
  ]);
  expect(hrefsOf(renderListingHtml({ directory: 'libtorch', files, links: { kind: 'relative' } }))).toEqual([
    'cu118/libtorch-1.0%2Bcu118.zip',
    'z.zip',
  ]);
});

test('a packed page has neither time nor system in its header', () => {
  const page = Buffer.from(renderProjectHtml(projectPage([wheel])));
  const packed = gzipPage(page);
  expect(gunzipSync(packed)).toEqual(page);
  expect([...packed.subarray(4, 10)]).toEqual([0, 0, 0, 0, 2, 255]);
});
