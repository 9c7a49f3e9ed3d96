import { describe, expect, test } from 'vitest';
import { fileNameOf } from '../src/index.ts';
import { findings, pagesOf, patterns, select, wheel } from './selections.ts';

describe('the directories of a prefix', () => {
  const prefix = { prefix: 'whl', subdirectories: patterns };

  test('are those where a file lies that match, from their beginning and with any end', () => {
    const keys = [
      'cu118',
      'cu118/archive',
      'rocm5.4.2',
      'cpu-cxx11-abi',
      'rocm7',
      'CPU',
      'lts/cu118',
      'test',
    ].map((directory) => `whl/${directory}/${wheel('torch')}`);
    expect(Object.keys(pagesOf(select([prefix], keys)))).toEqual([
      'whl/cpu-cxx11-abi',
      'whl/cu118',
      'whl/cu118/archive',
      'whl/rocm5.4.2',
    ]);
  });

  test('need a file with an extension, with its dot, directly in them', () => {
    expect(
      pagesOf(
        select(
          [prefix],
          ['whl/cu118/index.html', 'whl/cu118/torch/index.html', 'whl/cpu/a.xwhl', 'whl/xpu/.whl'],
        ),
      ),
    ).toEqual({});
    expect(Object.keys(pagesOf(select([prefix], [`whl/cu118/archive/${wheel('a')}`])))).toEqual([
      'whl/cu118/archive',
    ]);
  });

  test('show the files in them and below them, and those of the prefix itself', () => {
    const keys = [
      `whl/${wheel('six')}`,
      `whl/cu118/${wheel('torch')}`,
      `whl/cu118/archive/${wheel('torch', '0.9')}`,
      `whl/cu1180/${wheel('torch', '2.0')}`,
      `whl/cpu/${wheel('numpy')}`,
    ];
    const six = [`whl/${wheel('six')}`];
    expect(pagesOf(select([prefix], keys))).toEqual({
      whl: {
        six,
        numpy: [keys[4]],
        torch: [keys[1], keys[2], keys[3]].sort(),
      },
      'whl/cpu': { six, numpy: [keys[4]] },
      'whl/cu118': { six, torch: [keys[1], keys[2]].sort() },
      'whl/cu118/archive': { six, torch: [keys[2]] },
      'whl/cu1180': { six, torch: [keys[3]] },
    });
  });

  test('have pages in the prefix itself if a file lies there, always, or never', () => {
    const below = `whl/cu118/${wheel('torch')}`;
    const own = `whl/${wheel('six')}`;
    const pages = (ownPages: string | undefined, keys: readonly string[]) =>
      Object.keys(
        pagesOf(select([{ ...prefix, ...(ownPages === undefined ? {} : { 'own-pages': ownPages }) }], keys)),
      );
    expect(pages(undefined, [below])).toEqual(['whl/cu118']);
    expect(pages(undefined, [below, own])).toEqual(['whl', 'whl/cu118']);
    expect(pages('always', [])).toEqual(['whl']);
    expect(pages('never', [below, own])).toEqual(['whl/cu118']);
  });

  test('are there while they are empty if they are declared, and have the files of the prefix', () => {
    const declared = { prefix: 'whl', subdirectories: { names: ['cu130', 'a/b'] } };
    expect(pagesOf(select([declared], []))).toEqual({ 'whl/cu130': {}, 'whl/a/b': {} });
    expect(pagesOf(select([declared], [`whl/${wheel('six')}`, `whl/a/${wheel('a')}`]))).toEqual({
      whl: { six: [`whl/${wheel('six')}`] },
      'whl/cu130': { six: [`whl/${wheel('six')}`] },
      'whl/a/b': { six: [`whl/${wheel('six')}`] },
    });
  });

  test('stay although the allow list, keep or exclude leave nothing in them', () => {
    const narrow = { ...prefix, 'allow-list': ['torch'], exclude: ['xpu/**'], keep: 1 };
    expect(
      pagesOf(
        select(
          [narrow],
          [
            `whl/cpu/${wheel('numpy')}`,
            `whl/xpu/${wheel('torch', '9')}`,
            `whl/cu118/${wheel('torch', '1')}`,
            `whl/cu121/${wheel('torch', '2')}`,
          ],
        ),
      ),
    ).toEqual({
      'whl/cpu': {},
      'whl/xpu': {},
      'whl/cu118': {},
      'whl/cu121': { torch: [`whl/cu121/${wheel('torch', '2')}`] },
    });
  });

  test('belong to the prefix that is furthest inside', () => {
    const outer = { prefix: 'whl', subdirectories: { match: ['**'] }, 'own-pages': 'always' };
    const inner = { prefix: 'whl/nightly', subdirectories: { match: ['cu*'] } };
    expect(
      pagesOf(
        select(
          [outer, inner],
          [`whl/a/${wheel('x')}`, `whl/nightly/${wheel('b')}`, `whl/nightly/cu118/${wheel('c')}`],
        ),
      ),
    ).toEqual({
      whl: { x: [`whl/a/${wheel('x')}`] },
      'whl/a': { x: [`whl/a/${wheel('x')}`] },
      'whl/nightly': { b: [`whl/nightly/${wheel('b')}`], c: [`whl/nightly/cu118/${wheel('c')}`] },
      'whl/nightly/cu118': { b: [`whl/nightly/${wheel('b')}`], c: [`whl/nightly/cu118/${wheel('c')}`] },
    });
  });

  test('may be the whole store, but never those of Slipway', () => {
    const whole = { prefix: '', subdirectories: { match: ['*'] } };
    expect(
      pagesOf(
        select(
          [whole],
          [wheel('six'), `a/${wheel('b')}`, `.slipway/${wheel('b')}`, `.SLIPWAY/x/${wheel('b')}`],
        ),
      ),
    ).toEqual({
      '': { six: [wheel('six')], b: [`a/${wheel('b')}`] },
      a: { six: [wheel('six')], b: [`a/${wheel('b')}`] },
    });
  });
});

describe('the projects of a prefix', () => {
  test('have the name of PEP 503, however a file spells it', () => {
    const keys = [
      wheel('Pillow'),
      wheel('pillow', '2.0'),
      wheel('zope.interface'),
      'antlr4-python3-runtime-4.9.3.tar.gz',
    ];
    expect(pagesOf(select([{ prefix: '' }], keys))['']).toEqual({
      pillow: [wheel('Pillow'), wheel('pillow', '2.0')],
      'zope-interface': [wheel('zope.interface')],
      'antlr4-python3-runtime': ['antlr4-python3-runtime-4.9.3.tar.gz'],
    });
  });

  test('are those of the allow list, however it spells them', () => {
    const prefix = { prefix: '', 'allow-list': ['PyYAML', 'zope_interface'] };
    expect(
      Object.keys(
        pagesOf(select([prefix], [wheel('pyyaml'), wheel('zope.interface'), wheel('six')]))[''] ?? {},
      ),
    ).toEqual(['pyyaml', 'zope-interface']);
  });

  test('keep their most recent versions over all directories, without local versions', () => {
    const prefix = { prefix: 'whl', subdirectories: patterns, keep: 2 };
    const key = (version: string, directory = 'cpu') => `whl/${directory}/${wheel('torch', version)}`;
    const keys = [
      key('2.10.0+cu118', 'cu118'),
      key('2.10.0', 'cpu'),
      key('2.9.0+cu118', 'cu118'),
      key('2.9.0.dev20250101', 'cu121'),
      key('not-a-version'.replaceAll('-', '_'), 'cpu'),
    ];
    const selection = select([prefix], keys);
    expect(pagesOf(selection)).toEqual({
      'whl/cpu': { torch: [keys[1]] },
      'whl/cu118': { torch: [keys[0], keys[2]] },
      'whl/cu121': {},
    });
    expect(selection.prefixes[0]?.projects.get('torch')?.hidden.map(({ source }) => source.key)).toEqual([
      keys[3],
      keys[4],
    ]);
  });

  test('are not made of names that are no distribution: they are listed with the reason', () => {
    const selection = select(
      [{ prefix: '' }],
      ['torch.whl', 'a b-1-py3-none-any.whl', 'notes.zip', wheel('six')],
    );
    expect(Object.keys(pagesOf(selection)[''] ?? {})).toEqual(['six']);
    expect(findings(selection)).toEqual([
      expect.stringMatching(/^name-refused a b-1-py3-none-any\.whl: it is left out: /),
      expect.stringMatching(/^name-refused notes\.zip: /),
      expect.stringMatching(/^name-refused torch\.whl: /),
    ]);
  });

  test('that clients do not see are told', () => {
    const selection = select([{ prefix: '' }], [wheel('a__b'), wheel('c', 'x_y')]);
    expect(Object.keys(pagesOf(selection)[''] ?? {})).toEqual(['a-b', 'c']);
    expect(findings(selection)).toEqual([
      expect.stringMatching(/^version-unknown c-/),
      expect.stringMatching(/^name-hidden-from-pip a__b-/),
    ]);
  });

  test('never have the page of a directory, of whatever prefix', () => {
    const prefixes = [
      { prefix: 'whl', subdirectories: { match: ['cu*'], names: ['empty'] } },
      { prefix: 'whl/nightly' },
    ];
    const selection = select(prefixes, [
      `whl/${wheel('nightly')}`,
      `whl/${wheel('cu118')}`,
      `whl/cu118/${wheel('empty')}`,
      `whl/cu118/${wheel('Nightly', '2.0')}`,
      `whl/cu118/${wheel('torch')}`,
    ]);
    const nightly = [`whl/cu118/${wheel('Nightly', '2.0')}`, `whl/${wheel('nightly')}`];
    expect(pagesOf(selection)).toEqual({
      whl: { torch: [`whl/cu118/${wheel('torch')}`] },
      'whl/cu118': {
        cu118: [`whl/${wheel('cu118')}`],
        empty: [`whl/cu118/${wheel('empty')}`],
        nightly,
        torch: [`whl/cu118/${wheel('torch')}`],
      },
      'whl/empty': { cu118: [`whl/${wheel('cu118')}`], nightly: [`whl/${wheel('nightly')}`] },
    });
    expect(findings(selection)).toEqual([
      'project-collision whl/cu118: the project "cu118" is left out of "whl", where its page would be that of a directory',
      'project-collision whl/empty: the project "empty" is left out of "whl", where its page would be that of a directory',
      'project-collision whl/nightly: the project "nightly" is left out of "whl", where its page would be that of a directory',
    ]);
  });
});

describe('hostile keys', () => {
  test.each([
    `whl//${wheel('torch')}`,
    `whl/../${wheel('torch')}`,
    `whl/cu118/../../${wheel('torch')}`,
    `whl/cu118/./${wheel('torch')}`,
    `whl/cu118\n/${wheel('torch')}`,
    `whl/cu118/a\\${wheel('torch')}`,
    `whl/cu118/\u0000${wheel('torch')}`,
    `whl/cu118/${'a/'.repeat(1_000)}${wheel('torch')}`,
    `whl/cu118/\ud800${wheel('torch')}`,
  ])('%j is refused, and the rest is as it would be without it (I8)', (key) => {
    const prefix = { prefix: 'whl', subdirectories: { match: ['**'] } };
    const honest = [`whl/cu118/${wheel('torch')}`];
    const selection = select([prefix], [key, ...honest]);
    expect(pagesOf(selection)).toEqual(pagesOf(select([prefix], honest)));
    expect(selection.findings.list()).toEqual([expect.objectContaining({ code: 'key-hostile', key })]);
  });

  test.each([
    `whl/cu118/<script>${wheel('x')}`,
    `whl/cu118/"${wheel('x')}`,
    `whl/cu118/\u202e${wheel('x')}`,
    `whl/cu118/${'a'.repeat(300)}${wheel('x')}`,
    `whl/cu118/torch -1.0-py3-none-any.whl`,
  ])('%j is left out with the reason (I8)', (key) => {
    const selection = select([{ prefix: 'whl', subdirectories: patterns }], [key]);
    expect(pagesOf(selection)).toEqual({ 'whl/cu118': {} });
    expect(selection.findings.list()).toEqual([expect.objectContaining({ code: 'name-refused', key })]);
  });

  test('are counted, and of many the first by key are kept, in whatever order they come', () => {
    const keys = Array.from({ length: 5_000 }, (_, n) => `${String(n).padStart(5, '0')}.zip`);
    const inOrder = select([{ prefix: '' }], keys).findings;
    const backwards = select([{ prefix: '' }], keys.toReversed()).findings;
    expect(inOrder.list()).toHaveLength(1_000);
    expect(inOrder.list()).toEqual(backwards.list());
    expect(inOrder.counts()).toEqual(new Map([['name-refused', 5_000]]));
  });
});

describe('a listing', () => {
  const libtorch = { prefix: 'libtorch', kind: 'listing', subdirectories: patterns, include: ['libtorch-*'] };

  test('has the files of a glob; the prefix lists all, a directory only what is in or below it', () => {
    const keys = [
      'libtorch-1.zip',
      'other.zip',
      'cu118/libtorch-2+cu118.zip',
      'cu118/old/libtorch-0.zip',
      'cpu/other.zip',
    ].map((key) => `libtorch/${key}`);
    expect(pagesOf(select([libtorch], keys))).toEqual({
      libtorch: { '': [keys[2], keys[3], keys[0]] },
      'libtorch/cu118': { '': [keys[2], keys[3]] },
      'libtorch/cu118/old': { '': [keys[3]] },
      'libtorch/cpu': {},
    });
  });

  test('of source code has the archives that lie in the prefix itself', () => {
    const sources = {
      prefix: 'source_code/test',
      kind: 'listing',
      extensions: ['tar.gz'],
      'own-pages': 'always',
    };
    const keys = ['pytorch-v2.tar.gz', 'pytorch-v2.zip', 'old/pytorch-v1.tar.gz'].map(
      (key) => `source_code/test/${key}`,
    );
    expect(pagesOf(select([sources], keys))).toEqual({ 'source_code/test': { '': [keys[0]] } });
    expect(pagesOf(select([sources], []))).toEqual({ 'source_code/test': {} });
  });
});

test('a view has pages about files that lie elsewhere, beside those of their own prefix', () => {
  const commits = { prefix: '', subdirectories: { match: ['+([0-9a-f])'] } };
  const nightly = {
    page: 'nightly',
    files: 'c0ffee',
    subdirectories: { match: ['cu*'] },
    exclude: ['cu*/six-*'],
  };
  const keys = [
    `c0ffee/${wheel('vllm')}`,
    `c0ffee/cu118/${wheel('vllm', '2.0')}`,
    `c0ffee/cu118/${wheel('six')}`,
  ];
  expect(pagesOf(select([commits], keys, [nightly]))).toEqual({
    c0ffee: { six: [keys[2]], vllm: [keys[1], keys[0]].sort() },
    'c0ffee/cu118': { six: [keys[2]], vllm: [keys[1]] },
    nightly: { vllm: [keys[1], keys[0]].sort() },
    'nightly/cu118': { vllm: [keys[1], keys[0]].sort() },
  });
});

test('METADATA files are found in the listing, wherever they come in it', () => {
  const key = `whl/${wheel('torch')}`;
  for (const keys of [
    [key, `${key}.metadata`],
    [`${key}.metadata`, key],
  ]) {
    const { metadata } = select([{ prefix: 'whl' }], keys);
    expect(metadata).toEqual(new Map([[key, { etag: `"${key}.metadata"`, sizeBytes: 1 }]]));
  }
  expect(select([{ prefix: 'whl' }], [`other/${wheel('a')}.metadata`]).metadata.size).toBe(0);
  expect(fileNameOf('a/b/c.whl')).toBe('c.whl');
});
