import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  changeScope,
  type IndexPlan,
  planIndex,
  prefixKey,
  type SourceFile,
  scopedFiles,
} from '../src/index.ts';
import { etagOf, FakeIndex } from './fake-index.ts';
import { configurationOf, patterns, wheel } from './selections.ts';

function indexOf(prefix: object = {}, keys: readonly string[] = [], rest: object = {}): FakeIndex {
  const index = new FakeIndex(
    configurationOf({
      format: 1,
      prefixes: [{ prefix: 'whl', subdirectories: patterns, ...prefix }],
      ...rest,
    }),
  );
  for (const key of keys) index.put(key);
  return index;
}

const steps = (plan: IndexPlan) => plan.steps.map(({ kind, key }) => `${kind} ${key}`);
const codes = (plan: IndexPlan) => plan.findings.map(({ code, key }) => `${code} ${key}`);
const torch = `whl/cu118/${wheel('torch')}`;
const six = `whl/${wheel('six')}`;

describe('a plan', () => {
  test('writes pages of projects before those that list them, and state last', () => {
    const plan = indexOf({ formats: ['html'] }, [torch, six]).plan();
    expect(steps(plan)).toEqual([
      'write-page whl/cu118/six/index.html',
      'write-page whl/cu118/torch/index.html',
      'write-page whl/six/index.html',
      'write-page whl/torch/index.html',
      'write-page whl/cu118/index.html',
      'write-page whl/index.html',
      `write-state ${prefixKey('whl')}`,
    ]);
    expect(plan.steps[0]).toEqual({
      kind: 'write-page',
      key: 'whl/cu118/six/index.html',
      page: { prefix: 0, directory: 1, kind: 'project', project: 'six', format: 'html' },
      sizeBytes: expect.any(Number),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      contentType: 'text/html; charset=utf-8',
      gzip: false,
      cacheControl: 'no-cache',
      condition: 'absent',
      reason: 'it is new',
    });
    expect(JSON.parse(JSON.stringify(plan.steps))).toEqual(plan.steps);
  });

  test('has nothing to do after it was carried out', () => {
    const index = indexOf({ layout: 'both', gzip: true }, [torch, six]);
    const first = index.run();
    const again = index.plan();
    expect(again.steps).toEqual([]);
    expect(again.unchanged).toBe(first.steps.length - 1);
  });

  test('writes state and no page if state is lost: ETags are MD5', () => {
    const index = indexOf({ layout: 'both', gzip: true }, [torch, six]);
    index.run();
    index.states.clear();
    expect(steps(index.plan())).toEqual([`write-state ${prefixKey('whl')}`]);
  });

  test('trusts the state where ETags are not MD5', () => {
    const index = indexOf({}, [torch]);
    index.run();
    const selection = index.select();
    const input = index.input(selection);
    const pages = new Map([...(input.known.pages ?? [])].map(([key]) => [key, `"${key}"`]));
    const states = new Map(
      [...index.states].map(([prefix, state]) => [
        prefix,
        {
          ...state,
          pages: new Map([...state.pages].map(([key, page]) => [key, { ...page, etag: `"${key}"` }])),
        },
      ]),
    );
    expect(planIndex({ ...input, known: { pages, states } }).steps).toEqual([]);
    expect(planIndex({ ...input, known: { pages, states: new Map() } }).steps).toHaveLength(
      index.pages.size + 1,
    );
  });

  test('writes over what has changed, on the condition that nobody else did', () => {
    const index = indexOf({ formats: ['html'] }, [torch]);
    index.run();
    const before = etagOf(index.pages.get('whl/cu118/torch/index.html') ?? '');
    index.put(`whl/cu118/${wheel('torch', '2.0')}`);
    const plan = index.plan();
    expect(steps(plan)).toEqual(['write-page whl/cu118/torch/index.html', `write-state ${prefixKey('whl')}`]);
    expect(plan.steps[0]).toMatchObject({ condition: { etag: before }, reason: 'it has changed' });
  });

  test('writes all pages of a prefix whose headers change', () => {
    const index = indexOf({ formats: ['html'] }, [torch]);
    index.run();
    const other = indexOf({ formats: ['html'], 'cache-control': 'max-age=600' }, [torch]);
    for (const [key, text] of index.pages) other.pages.set(key, text);
    other.states = index.states;
    expect(steps(other.plan())).toEqual([
      'write-page whl/cu118/torch/index.html',
      'write-page whl/cu118/index.html',
      `write-state ${prefixKey('whl')}`,
    ]);
  });

  test('writes the layouts and formats that are configured', () => {
    const keys = (prefix: object) => {
      const index = indexOf(prefix, [torch]);
      index.run();
      return [...index.pages.keys()].filter((key) => key.includes('torch')).sort();
    };
    expect(keys({})).toEqual(['whl/cu118/torch/index.html', 'whl/cu118/torch/index.json']);
    expect(keys({ layout: 'slash-keys' })).toEqual(['whl/cu118/torch/']);
    expect(keys({ layout: 'both', formats: ['html'] })).toEqual([
      'whl/cu118/torch/',
      'whl/cu118/torch/index.html',
    ]);
    const types = (formats: readonly string[]) =>
      indexOf({ layout: 'slash-keys', formats }, [torch])
        .plan()
        .steps.flatMap((step) => (step.kind === 'write-page' ? step.contentType : []));
    expect(new Set(types(['html', 'json']))).toEqual(new Set(['application/vnd.pypi.simple.v1+json']));
    expect(new Set(types(['html']))).toEqual(new Set(['text/html; charset=utf-8']));
  });
});

describe('pages that are left over', () => {
  test('are deleted if they are ours, after nothing lists them any more (I6)', () => {
    const index = indexOf({ formats: ['html'] }, [torch, `whl/cu118/${wheel('numpy')}`]);
    index.run();
    index.files.delete(torch);
    expect(steps(index.plan())).toEqual([
      'write-page whl/cu118/index.html',
      'delete-page whl/cu118/torch/index.html',
      `write-state ${prefixKey('whl')}`,
    ]);
    index.run();
    expect([...index.pages.keys()].sort()).toEqual(['whl/cu118/index.html', 'whl/cu118/numpy/index.html']);
    expect(index.pages.get('whl/cu118/index.html')).not.toContain('torch');
    expect(index.plan().steps).toEqual([]);
  });

  test('are listed and never touched if somebody else wrote them', () => {
    const index = indexOf({ formats: ['html'] }, [torch, six]);
    index.pages.set('whl/foreign/index.html', 'x');
    index.pages.set('whl/deep/er/index.html', 'x');
    index.pages.set('whl/Not_Normal/index.html', 'x');
    index.pages.set('whl/cu92/index.html', 'x');
    index.pages.set('whl/cu118/only-json/index.json', 'x');
    index.run();
    const names = (key: string) =>
      [...(index.pages.get(key) ?? '').matchAll(/href="([^"]*)\/"/g)].map(([, name]) => name);
    expect(names('whl/index.html')).toEqual(['foreign', 'six', 'torch']);
    expect(names('whl/cu118/index.html')).toEqual(['only-json', 'six', 'torch']);
    expect(index.pages.get('whl/foreign/index.html')).toBe('x');
    // A page of ours that somebody replaced is theirs.
    index.pages.set('whl/torch/index.html', 'theirs');
    index.files.delete(torch);
    index.put(`whl/cpu/${wheel('numpy')}`);
    index.run();
    expect(index.pages.get('whl/torch/index.html')).toBe('theirs');
    expect(names('whl/index.html')).toEqual(['foreign', 'numpy', 'six', 'torch']);
  });

  test('are taken over for a project that has files, such as those of another script', () => {
    const index = indexOf({ formats: ['html'] }, [torch]);
    index.pages.set('whl/cu118/torch/index.html', 'x');
    expect(index.plan().steps[0]).toMatchObject({
      kind: 'write-page',
      key: 'whl/cu118/torch/index.html',
      condition: { etag: etagOf('x') },
    });
  });

  test('are pages, whatever a document of state says', () => {
    const index = indexOf({ formats: ['html'] }, [torch, six]);
    index.run();
    const state = index.states.get('whl');
    if (state === undefined) throw new Error('there is no state');
    index.pages.set('whl/cu118/x.whl', 'x');
    index.pages.set('other/torch/index.html', 'x');
    const pages = new Map(state.pages);
    for (const key of ['whl/cu118/x.whl', 'other/torch/index.html'])
      pages.set(key, { etag: etagOf('x'), sha256: 'a'.repeat(64) });
    index.states.set('whl', { ...state, pages });
    const known = { pages: new Map([...pages].map(([key, { etag }]) => [key, etag])), states: index.states };
    expect(steps(index.plan({ known })).filter((step) => step.startsWith('delete'))).toEqual([]);
  });
});

describe('an index that would become empty', () => {
  test.each([{}, { kind: 'listing', extensions: ['whl'] }])('stays as it is, with an error: %j', (prefix) => {
    const index = indexOf({ 'own-pages': 'always', ...prefix }, [torch]);
    index.run();
    index.files.clear();
    const plan = index.plan();
    expect(plan.steps).toEqual([]);
    expect(codes(plan)).toEqual(['prefix-empty whl']);
    index.states.clear();
    expect(steps(index.plan()).filter((step) => !step.startsWith('write-state'))).toEqual([]);
  });

  test('is right if it was empty before, and may be new', () => {
    const index = indexOf({ subdirectories: { names: ['cu130'] }, formats: ['html'] });
    const plan = index.run();
    expect(steps(plan)).toEqual(['write-page whl/cu130/index.html', `write-state ${prefixKey('whl')}`]);
    expect(index.plan().steps).toEqual([]);
    index.pages.set('whl/cu130/index.html', 'old');
    expect(steps(index.plan())).toEqual([
      'write-page whl/cu130/index.html',
      `write-state ${prefixKey('whl')}`,
    ]);
  });
});

describe('what is not known of a file', () => {
  const newer = `whl/cu118/${wheel('torch', '2.0')}`;

  test('keeps the pages of its project as they are, and all others are right', () => {
    const index = indexOf({ formats: ['html'] }, [torch]);
    index.run();
    const old = index.pages.get('whl/cu118/torch/index.html');
    index.put(newer);
    index.put(`whl/cu118/${wheel('numpy')}`);
    index.failing.add(newer);
    const plan = index.run();
    expect(codes(plan)).toEqual([`facts-missing ${newer}`]);
    expect(plan.findings[0]?.severity).toBe('error');
    expect(index.pages.get('whl/cu118/torch/index.html')).toBe(old);
    expect(index.pages.get('whl/cu118/index.html')).toMatch(/numpy[\s\S]*torch/);
    index.failing.clear();
    index.run();
    expect(index.pages.get('whl/cu118/torch/index.html')).toContain('torch-2.0');
  });

  test('keeps a new project out of the root page until its page can be made', () => {
    const index = indexOf({ formats: ['html'] }, [torch, `whl/cu118/${wheel('numpy')}`]);
    index.failing.add(torch);
    index.run();
    expect([...index.pages.keys()].sort()).toEqual(['whl/cu118/index.html', 'whl/cu118/numpy/index.html']);
    expect(index.pages.get('whl/cu118/index.html')).not.toContain('torch');
  });

  test.each([
    ['required', ['hash-required'], false, false],
    ['available', ['hash-missing'], true, true],
    ['all-or-none', ['hash-missing'], true, true],
    ['omit', [], true, false],
  ])('is a hash, with the policy %s', (hashes, expected, isWritten, hasHash) => {
    const index = indexOf({ formats: ['html'], hashes }, [torch, newer]);
    index.hashless.add(newer);
    const plan = index.run();
    expect(plan.findings.map(({ code }) => code)).toEqual(expected);
    const page = index.pages.get('whl/cu118/torch/index.html');
    expect(page !== undefined).toBe(isWritten);
    expect(page?.includes('torch-1.0-py3-none-any.whl#sha256=') ?? false).toBe(hasHash);
  });
});

describe('what the configuration says of files', () => {
  test('is on their pages: yanked, requires-python and status', () => {
    const index = indexOf(
      {
        formats: ['json'],
        yanked: { 'torch==1': 'broken', 'torch==2.0+cu118': 'local', 'numpy-*': '' },
        'requires-python': { 'torch-2*': '>=3.12' },
        status: { Torch: { status: 'archived', reason: 'old' } },
      },
      [
        torch,
        ...['2.0', '2.0+cu118', '1.0.0+cu118'].map((version) => `whl/cu118/${wheel('torch', version)}`),
        `whl/cu118/${wheel('numpy')}`,
      ],
    );
    index.put(`${torch}.metadata`);
    index.run();
    const page = (name: string) => JSON.parse(index.pages.get(`whl/cu118/${name}/index.json`) ?? '{}');
    const said = Object.fromEntries(
      page('torch').files.map((file: Record<string, unknown>) => [
        file['filename'],
        [file['yanked'], file['requires-python']],
      ]),
    );
    expect(said).toEqual({
      [wheel('torch')]: ['broken', '>=3.9'],
      [wheel('torch', '1.0.0+cu118')]: ['broken', undefined],
      [wheel('torch', '2.0')]: [undefined, '>=3.12'],
      [wheel('torch', '2.0+cu118')]: ['local', '>=3.12'],
    });
    expect(page('torch')['project-status']).toEqual({ status: 'archived', reason: 'old' });
    expect(page('numpy').files[0].yanked).toBe(true);
  });

  test('is where they are served, by destination', () => {
    const destinations = [{ url: 's3://a' }, { url: 's3://b', 'base-url': 'https://cdn.example' }];
    const index = indexOf({ formats: ['html'] }, [torch], { destinations });
    index.run();
    expect(index.pages.get('whl/cu118/torch/index.html')).toContain('href="../torch-1.0');
    const plan = index.plan({ destination: 1 });
    expect(plan.steps[0]).toMatchObject({ key: 'whl/cu118/torch/index.html', reason: 'it has changed' });
    index.apply(plan, index.input(index.select(), { destination: 1 }));
    expect(index.pages.get('whl/cu118/torch/index.html')).toContain(
      'href="https://cdn.example/whl/cu118/torch-1.0',
    );
  });
});

describe('external projects', () => {
  const rest = { external: [{ names: ['numpy'], prefixes: ['whl'] }] };
  const file = {
    key: '',
    sizeBytes: 5,
    etag: '',
    modifiedAtMs: 0,
    fileName: wheel('numpy', '9.0'),
    project: 'numpy',
    version: '9.0',
    uploadedAtMs: 0,
    sha256: 'a'.repeat(64),
    url: 'https://files.example/numpy-9.0-py3-none-any.whl',
  };

  test('have the files of the other index and none of the source, in all directories', () => {
    const index = indexOf({ formats: ['html'] }, [torch, six, `whl/cu118/${wheel('numpy')}`], rest);
    index.external = new Map([['numpy', { files: [file] }]]);
    const plan = index.run();
    for (const directory of ['whl', 'whl/cu118']) {
      const page = index.pages.get(`${directory}/numpy/index.html`);
      expect(page).toContain('https://files.example/numpy-9.0-py3-none-any.whl#sha256=aaaa');
      expect(page).not.toContain('numpy-1.0');
      expect(index.pages.get(`${directory}/index.html`)).toContain('numpy');
    }
    expect(codes(plan)).toEqual(['project-elsewhere whl/numpy']);
    expect(index.plan().steps).toEqual([]);
  });

  test('stay as they are while the other index cannot be read', () => {
    const index = indexOf({ formats: ['html'] }, [torch], rest);
    index.external = new Map([['numpy', { files: [file] }]]);
    index.run();
    index.external = new Map();
    const plan = index.plan();
    expect(plan.steps).toEqual([]);
    expect(codes(plan)).toEqual(['external-missing whl/numpy']);
  });
});

describe('copied pages', () => {
  const copied = {
    formats: ['html'],
    'copied-pages': [{ names: ['numpy', 'absent'] }, { names: ['flash'], from: 'other' }],
  };
  const page = (isRelative = false) => ({
    etag: etagOf('n'),
    sizeBytes: 1,
    sha256: 'b'.repeat(64),
    isRelative,
  });

  test('are those of the prefix in every subdirectory, and of another prefix in all; no page is made of files', () => {
    const index = indexOf(copied, [torch, six, `whl/cu118/${wheel('numpy')}`]);
    for (const key of ['whl/numpy/index.html', 'other/flash/index.html']) index.pages.set(key, 'n');
    index.copied = new Map(['whl/numpy/index.html', 'other/flash/index.html'].map((key) => [key, page()]));
    const plan = index.run();
    expect(plan.steps.filter(({ kind }) => kind === 'copy-page')).toEqual([
      expect.objectContaining({
        key: 'whl/cu118/numpy/index.html',
        from: 'whl/numpy/index.html',
        fromEtag: etagOf('n'),
      }),
      expect.objectContaining({ key: 'whl/flash/index.html', from: 'other/flash/index.html' }),
    ]);
    expect(index.pages.get('whl/numpy/index.html')).toBe('n');
    expect(index.pages.get('whl/index.html')).toMatch(/flash[\s\S]*numpy[\s\S]*six[\s\S]*torch/);
    expect(index.plan().steps).toEqual([]);
    expect(index.plan().unchanged).toBe(plan.steps.length - 1);
  });

  test('with relative links are not copied, and stay', () => {
    const index = indexOf(copied, [torch]);
    index.pages.set('whl/numpy/index.html', 'n');
    index.copied = new Map([['whl/numpy/index.html', page(true)]]);
    const plan = index.plan();
    expect(steps(plan).filter((step) => step.includes('numpy'))).toEqual([]);
    expect(codes(plan)).toEqual(['copied-page-relative whl/numpy/index.html']);
  });
});

describe('a run for changed keys', () => {
  const index = indexOf({ 'allow-list': ['torch', 'numpy', 'six'], exclude: ['*-9*'] }, [
    torch,
    `${torch}.metadata`,
    `whl/cu118/${wheel('numpy')}`,
  ]);
  index.run();
  const scope = (keys: readonly string[], of = index) =>
    changeScope(of.configuration, keys, [{ states: index.states }]);

  test('is about the projects of files and of their METADATA, and about nothing else', () => {
    expect(
      scope([
        `whl/cu118/${wheel('Torch', '2.0')}`,
        `whl/cu118/${wheel('numpy')}.metadata`,
        `whl/cu118/${wheel('other')}`,
        `whl/cu118/${wheel('six', '9.0')}`,
        'whl/cu118/torch/index.html',
        'whl/cu118/notes.txt',
        'whl/cu118/torch.whl',
        `elsewhere/${wheel('six')}`,
      ]),
    ).toEqual({
      kind: 'projects',
      projects: new Set(['torch', 'numpy']),
      keys: [wheel('Torch', '2.0'), wheel('numpy')].flatMap((name) => [
        `whl/cu118/${name}`,
        `whl/cu118/${name}.metadata`,
      ]),
    });
  });

  test.each([
    [`whl/cpu/${wheel('torch')}`, 'a file has changed in a directory that had none, "cpu" of "whl"'],
    [six, 'a file has changed in a directory that had none, "" of "whl"'],
  ])('is a whole one for %s', (key, reason) => {
    expect(scope([key])).toEqual({ kind: 'whole', reason });
  });

  test('is a whole one if the configuration is another, nothing is known, or a listing changes', () => {
    const reason = (of: FakeIndex, key = torch) => {
      const result = scope([key], of);
      return result.kind === 'whole' ? result.reason : undefined;
    };
    expect(reason(indexOf({ keep: 3 }))).toBe('the configuration of "whl" has changed');
    expect(reason(indexOf({ prefix: 'lib' }), `lib/${wheel('a')}`)).toBe(
      'nothing is known of the pages in "lib"',
    );
    const listing = indexOf({ kind: 'listing', extensions: ['whl'] }, [torch]);
    listing.run();
    expect(changeScope(listing.configuration, [torch], [{ states: listing.states }])).toEqual({
      kind: 'whole',
      reason: 'a file of the listing "whl" has changed',
    });
  });

  test('has the files that are known, with what has changed, unless a directory may have become empty', () => {
    const projects = new Set(['torch']);
    const files = (answers: Iterable<[string, SourceFile | undefined]>) => {
      const result = scopedFiles(projects, index.facts, new Map(answers));
      return 'files' in result ? result.files.map(({ key, etag }) => `${key} ${etag}`).sort() : result.reason;
    };
    const newer = { key: `whl/cu118/${wheel('torch', '2.0')}`, etag: '"n"', sizeBytes: 1, modifiedAtMs: 1 };
    const all = [`${torch} "${torch}"`, `${torch}.metadata "${torch}.metadata"`];
    expect(files([])).toEqual(all);
    expect(files([[newer.key, newer]])).toEqual([...all, `${newer.key} "n"`].sort());
    expect(
      files([
        [torch, undefined],
        [newer.key, newer],
      ]),
    ).toEqual([all[1], `${newer.key} "n"`].sort());
    expect(files([[`${torch}.metadata`, undefined]])).toEqual([all[0]]);
    expect(files([[torch, undefined]])).toBe(
      'no file of a project is left where it had some, "torch" in "whl/cu118/"',
    );
  });
});

const directories = ['', 'cu118/', 'cu118/old/', 'cpu/'];
const anyKey = fc
  .tuple(
    fc.constantFrom('whl/', 'whl/nightly/'),
    fc.constantFrom(...directories),
    fc.constantFrom('torch', 'Torch', 'numpy', 'cpu', 'nightly', 'six', 'hidden'),
    fc.constantFrom('1.0', '2.0', '2.0+cu118', '3.0.dev1', 'odd_'),
  )
  .map(([prefix, directory, name, version]) => `${prefix}${directory}${wheel(name, version)}`);
const anyChange = fc.record({
  key: anyKey,
  suffix: fc.constantFrom('', '', '.metadata'),
  etag: fc.option(fc.constantFrom('"1"', '"2"'), { freq: 3 }),
});
type AnyChange = { readonly key: string; readonly suffix: string; readonly etag: string | null };

function propertyIndex(): FakeIndex {
  return new FakeIndex(
    configurationOf({
      format: 1,
      defaults: { subdirectories: patterns },
      prefixes: [
        { prefix: 'whl', exclude: ['hidden-2*'] },
        {
          prefix: 'whl/nightly',
          keep: 1,
          'allow-list': ['torch', 'cpu', 'six'],
          'own-pages': 'always',
          layout: 'both',
        },
      ],
      views: [{ page: 'view', files: 'whl/nightly', formats: ['html'] }],
    }),
  );
}

function change(index: FakeIndex, changes: readonly AnyChange[]): void {
  for (const { key, suffix, etag } of changes) {
    if (etag === null) index.files.delete(key + suffix);
    else index.put(key + suffix, etag);
  }
}

describe('whatever the files are', () => {
  const anyChanges = fc.array(anyChange, { maxLength: 25 });

  test('a run leaves nothing to do, and no root page lists what is not there (I1)', () => {
    fc.assert(
      fc.property(anyChanges, anyChanges, (first, second) => {
        const index = propertyIndex();
        for (const changes of [first, second]) {
          change(index, changes);
          index.run();
          const again = index.plan();
          expect(again.steps).toEqual([]);
          expectNoDeadNames(index);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a run that dies anywhere lists only what is there, and the next one ends as if it had not (I1, I5)', () => {
    fc.assert(
      fc.property(anyChanges, anyChanges, fc.nat(30), (first, second, died) => {
        const index = propertyIndex();
        change(index, first);
        index.run();
        change(index, second);
        const other = index.clone();
        index.run(died);
        expectNoDeadNames(index);
        index.run();
        other.run();
        expect(index.pages).toEqual(other.pages);
      }),
      { numRuns: 60 },
    );
  });

  test('a run for the changed keys makes the pages that a whole run makes, or says why it cannot', () => {
    let narrow = 0;
    let whole = 0;
    fc.assert(
      fc.property(
        fc.array(anyChange, { minLength: 10, maxLength: 40 }),
        fc.array(anyChange, { maxLength: 4 }),
        (first, second) => {
          const index = propertyIndex();
          change(index, first);
          index.run();
          change(index, second);
          const other = index.clone();
          other.run();
          if (runForKeys(index, second)) narrow += 1;
          else {
            whole += 1;
            return;
          }
          expect(Object.fromEntries([...index.pages].sort())).toEqual(
            Object.fromEntries([...other.pages].sort()),
          );
          expect(index.states).toEqual(other.states);
          expect(index.facts).toEqual(other.facts);
        },
      ),
      { numRuns: 200 },
    );
    // Both must happen often, or this test would say nothing.
    expect(narrow).toBeGreaterThan(20);
    expect(whole).toBeGreaterThan(20);
  });
});

/** Returns false if the run must be a whole one. */
function runForKeys(index: FakeIndex, changes: readonly AnyChange[]): boolean {
  const keys = changes.map(({ key, suffix }) => key + suffix);
  const scope = changeScope(index.configuration, keys, [{ states: index.states }]);
  if (scope.kind === 'whole') return false;
  const answers = new Map<string, SourceFile | undefined>(
    scope.keys.map((key) => [key, index.files.get(key)]),
  );
  const result = scopedFiles(scope.projects, index.facts, answers);
  if ('reason' in result) return false;
  const known = new Map([...index.states].map(([prefix, { directories: paths }]) => [prefix, paths]));
  const selection = index.select(result.files, known);
  for (const key of scope.keys) if (index.files.get(key) === undefined) index.facts.delete(key);
  index.observe(selection, false);
  const changesOfInput = { known: { pages: undefined, states: index.states }, scope: scope.projects };
  const input = index.input(selection, changesOfInput);
  index.apply(planIndex(input), input);
  return true;
}

function expectNoDeadNames(index: FakeIndex): void {
  for (const [key, text] of index.pages) {
    if (!key.endsWith('/index.html')) continue;
    for (const [, name] of text.matchAll(/href="([a-z0-9-]+)\/"/g)) {
      expect(
        index.pages.has(`${key.slice(0, -'index.html'.length)}${name}/index.html`),
        `${key}: ${name}`,
      ).toBe(true);
    }
  }
}
