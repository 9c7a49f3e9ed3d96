import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ObjectStore, silentProgress } from '@slipway/core';
import { type ExternalConfiguration, externalKey, parseProjectPage } from '@slipway/simple-index';
import { openStore } from '@slipway/store';
import { type DoubledFault, SimpleIndexDouble, temporaryDirectory } from '@slipway/testkit';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type BuildOptions,
  type BuildResult,
  buildIndex,
  type ExternalKnowledge,
  fetchPort,
  type HttpPort,
  readExternal,
  readExternalPage,
} from '../src/index.ts';
import {
  configurationOf,
  pagesOf,
  put,
  quickClock,
  refusingStore,
  textOf,
  wheelName,
} from './index-store.ts';

const sum = (text: string) => createHash('sha256').update(text).digest('hex');
const attrs = JSON.parse(readFileSync(new URL('../testdata/pypi-attrs.json', import.meta.url), 'utf8'));
const http = fetchPort(fetch);

function file(name: string, rest: object = {}) {
  return {
    filename: name,
    url: `../../files/${name}`,
    hashes: { sha256: sum(name) },
    size: name.length,
    'upload-time': '2026-01-02T03:04:05.678901Z',
    yanked: false,
    ...rest,
  };
}

const [old, current] = ['numpy-1.0-py3-none-any.whl', 'numpy-2.0-py3-none-any.whl'];

describe('projects of another index', () => {
  let double: SimpleIndexDouble;
  let store: ObjectStore;
  beforeEach(async () => {
    double = await SimpleIndexDouble.start();
    double.projects.set('numpy', { files: [file(old), file(current)] });
    store = await openStore(`file://${temporaryDirectory('external')}`);
    await put(store, `whl/${wheelName('six')}`);
  });
  afterEach(() => double.close());

  const entry = (rest: Partial<ExternalConfiguration> = {}): ExternalConfiguration => ({
    names: ['numpy'],
    index: double.url,
    prefixes: undefined,
    retain: false,
    ...rest,
  });
  const read = (rest: Partial<ExternalConfiguration> = {}, memory: ObjectStore | undefined = store) =>
    readExternal(
      {
        configuration: { external: [entry(rest)] },
        http,
        memory,
        clock: quickClock,
        progress: silentProgress,
      },
      { concurrency: 8, isDryRun: false, mayContinue: () => true },
    );
  const namesOf = ({ projects }: ExternalKnowledge, name = 'numpy') =>
    projects
      .get(name)
      ?.files.map(({ fileName }) => fileName)
      .sort();
  const build = (options: BuildOptions = {}, rest: object = {}, source = store): Promise<BuildResult> =>
    buildIndex(
      {
        configuration: configurationOf([{ prefix: 'whl', formats: ['html', 'json'] }], {
          external: [{ names: ['numpy'], index: double.url, ...rest }],
        }),
        source,
        destinations: [],
        clock: quickClock,
      },
      { http, ...options },
    );
  const statuses = () => double.requests.map(({ status }) => status);

  it('are on pages with their hashes, sizes, times, metadata and what is yanked', async () => {
    double.projects.set('numpy', {
      status: { status: 'deprecated', reason: 'use numpy2' },
      files: [
        file(old, { yanked: 'broken', 'requires-python': '>=3.9' }),
        file(current, { 'core-metadata': { sha256: sum('m') }, provenance: 'https://p.example/' }),
      ],
    });
    const result = await build();
    expect(result).toMatchObject({ isDone: true, findings: [], memoryError: undefined });
    const page = JSON.parse((await textOf(store, 'whl/numpy/index.json')) ?? '');
    expect(page).toEqual({
      meta: { 'api-version': '1.4' },
      name: 'numpy',
      'project-status': { status: 'deprecated', reason: 'use numpy2' },
      versions: ['1.0', '2.0'],
      files: [
        {
          filename: old,
          url: new URL(`../files/${old}`, double.url).href,
          hashes: { sha256: sum(old) },
          'requires-python': '>=3.9',
          yanked: 'broken',
          size: old.length,
          'upload-time': '2026-01-02T03:04:05.678Z',
        },
        {
          filename: current,
          url: new URL(`../files/${current}`, double.url).href,
          hashes: { sha256: sum(current) },
          'core-metadata': { sha256: sum('m') },
          size: current.length,
          'upload-time': '2026-01-02T03:04:05.678Z',
        },
      ],
    });
    expect(await textOf(store, 'whl/index.html')).toContain('numpy/');
  });

  it('cost one answer 304 each and no write when nothing has changed', async () => {
    await build();
    const again = await build(
      {},
      {},
      refusingStore(store, (call) => call === 'write' || call === 'delete'),
    );
    expect(again).toMatchObject({ isDone: true, factsWritten: 0, memoryError: undefined });
    expect(again.destinations[0]?.written).toEqual([]);
    expect(statuses()).toEqual([200, 304]);
  });

  it('are read as PyPI writes them', async () => {
    double.failNext({
      status: 200,
      headers: { 'content-type': 'application/vnd.pypi.simple.v1+json' },
      body: JSON.stringify(attrs),
    });
    const { projects, findings } = await read({ names: ['attrs'] });
    expect(findings).toEqual([]);
    expect(projects.get('attrs')?.files.map((one) => [one.fileName, one.sizeBytes, one.yanked])).toEqual([
      ['attrs-21.1.0.tar.gz', 187841, 'Installable but not importable on Python 3.4.'],
      ['attrs-26.1.0-py3-none-any.whl', 67548, undefined],
      ['attrs-26.1.0.tar.gz', 952055, undefined],
    ]);
    const wheel = projects.get('attrs')?.files[1];
    expect(wheel).toMatchObject({
      uploadedAtMs: Date.parse(attrs.files[1]['upload-time']),
      sha256: attrs.files[1].hashes.sha256,
      metadata: { sha256: attrs.files[1]['core-metadata'].sha256 },
      requiresPython: '>=3.9',
      url: attrs.files[1].url,
    });
    expect(projects.get('attrs')?.status).toEqual({ status: 'active' });
    expect(JSON.stringify([...projects])).not.toContain('provenance');
  });

  it('come from HTML where there is no JSON, with what it says', async () => {
    double.formats = ['html'];
    double.projects.set('numpy', { files: [file(old, { yanked: true, 'core-metadata': true })] });
    await build();
    const { files } = JSON.parse((await textOf(store, 'whl/numpy/index.json')) ?? '');
    const url = new URL(`../files/${old}`, double.url).href;
    expect(files).toEqual([
      { filename: old, url, hashes: { sha256: sum(old) }, 'core-metadata': true, yanked: true },
    ]);
    expect(await textOf(store, 'whl/numpy/index.html')).not.toContain('data-size');
    expect(double.requests[0]?.headers.accept).toMatch(/json, .*html; q=0\.1, text\/html; q=0\.01$/);
  });

  describe('that upstream drops', () => {
    const drop = () => double.projects.set('numpy', { files: [file(current)] });

    it('stay on the page if they are retained, until they are not', async () => {
      await read({ retain: true });
      drop();
      expect(namesOf(await read({ retain: true }))).toEqual([old, current]);
      expect(namesOf(await read({ retain: true }))).toEqual([old, current]);
      expect(namesOf(await read())).toEqual([current]);
      expect(namesOf(await read({ retain: true }))).toEqual([old, current]);
      expect(statuses()).toEqual([200, 200, 304, 304, 304]);
    });

    it('go from the page if they are not retained', async () => {
      await build();
      drop();
      await build();
      expect(await textOf(store, 'whl/numpy/index.html')).not.toContain(old);
    });

    it('come back as the index has them', async () => {
      await read({ retain: true });
      drop();
      await read({ retain: true });
      double.projects.set('numpy', { files: [file(old, { yanked: 'bad' }), file(current)] });
      const { projects } = await read({ retain: true });
      expect(projects.get('numpy')?.files.find(({ fileName }) => fileName === old)?.yanked).toBe('bad');
    });

    it('are not kept of another index', async () => {
      await read({ retain: true });
      drop();
      const index = double.url.replace('127.0.0.1', 'localhost');
      expect(namesOf(await read({ retain: true, index }))).toEqual([current]);
      expect(statuses()).toEqual([200, 200]);
    });

    it('I3: are kept although two runs read at once', async () => {
      await read({ retain: true });
      drop();
      let other: Promise<unknown> | undefined;
      const racing: HttpPort = async (request) => {
        const answer = await http(request);
        other ??= read({ retain: true });
        await other;
        return answer;
      };
      const input = { configuration: { external: [entry({ retain: true })] }, http: racing, memory: store };
      const options = { concurrency: 8, isDryRun: false, mayContinue: () => true };
      const raced = await readExternal({ ...input, clock: quickClock, progress: silentProgress }, options);
      expect(namesOf(raced)).toEqual([old, current]);
      expect(namesOf(await read({ retain: true }))).toEqual([old, current]);
    });

    it('are shown only if they are remembered', async () => {
      const full = refusingStore(store, (call, key) => call === 'write' && key === externalKey('numpy'));
      const kept = await read({ retain: true }, full);
      expect(namesOf(kept)).toBeUndefined();
      expect(kept).toMatchObject({
        error: { code: 'access-denied' },
        findings: [{ code: 'external-stale' }],
      });
      const others = await read({}, full);
      expect(namesOf(others)).toEqual([old, current]);
      expect(others).toMatchObject({ error: { code: 'access-denied' }, findings: [] });
    });
  });

  describe('of an index that cannot be read', () => {
    const page = 'application/vnd.pypi.simple.v1+json';
    const empty = '{"meta":{"api-version":"1.4"},"name":"numpy","versions":[],"files":[]}';
    it.each<[string, DoubledFault, RegExp, number]>([
      ['is down', { status: 503 }, /answers 503\. Run again later$/, 4],
      ['breaks off', 'cut', /connection failed/, 4],
      ['asks for patience', { status: 429, headers: { 'retry-after': '1' } }, /answers 429/, 4],
      ['does not have it', { status: 404 }, /does not have the project.*Check the name/, 1],
      ['refuses', { status: 403 }, /refuses access/, 1],
      [
        'is a web site',
        { status: 200, headers: { 'content-type': 'image/png' } },
        /content type "image\/png"/,
        1,
      ],
      ['is damaged', { status: 200, headers: { 'content-type': page }, body: '{' }, /cannot use the page/, 1],
      [
        'is of the future',
        { status: 200, headers: { 'content-type': page }, body: '{"meta":{"api-version":"2.0"},"files":[]}' },
        /"2\.0"/,
        1,
      ],
      [
        'lists no file',
        { status: 200, headers: { 'content-type': page }, body: empty },
        /no file.*remove the name/,
        1,
      ],
      [
        'is too large',
        { status: 200, headers: { 'content-type': page }, body: Buffer.alloc(2 ** 25 + 1, 32) },
        /more than 33554432 bytes/,
        1,
      ],
      ['answers with an unknown status', { status: 418 }, /answers 418/, 1],
      ['leads to nowhere', { status: 302 }, /redirects to nowhere/, 1],
      [
        'leads round and round',
        { status: 302, headers: { location: '/simple/numpy/' } },
        /more than 5 times/,
        6,
      ],
      [
        'leads to a file',
        { status: 302, headers: { location: 'file:///etc/passwd' } },
        /redirects to file:/,
        1,
      ],
      [
        'wants a password',
        { status: 302, headers: { location: 'https://u:p@i.example/' } },
        /not followed/,
        1,
      ],
    ])('stay as they are if it %s', async (_, fault, message, requests) => {
      await build();
      const before = await pagesOf(store);
      double.failAlways(fault);
      const seen = double.requests.length;
      const result = await build();
      expect(result.findings).toEqual([
        {
          code: 'external-stale',
          severity: 'warning',
          key: 'numpy',
          message: expect.stringMatching(message),
        },
      ]);
      expect(result.findings[0]?.message).toMatch(/^the pages of "numpy" stay as they are: http/);
      expect(await pagesOf(store)).toEqual(before);
      if (fault !== 'cut') expect(double.requests.length - seen).toBe(requests);
      double.failAlways(undefined);
      expect(await build()).toMatchObject({ isDone: true, findings: [] });
    });

    it('have no page of which nothing is known, and are right later', async () => {
      double.failAlways({ status: 503 });
      const result = await build();
      expect(result.findings.map(({ code }) => code)).toEqual(['external-stale']);
      expect(await textOf(store, 'whl/numpy/index.html')).toBeUndefined();
      expect(await textOf(store, 'whl/six/index.html')).toContain('six');
      double.failAlways(undefined);
      await build();
      expect(await textOf(store, 'whl/numpy/index.html')).toContain(current);
    });

    it('are asked for three times in a row, and no more', async () => {
      const names = Array.from({ length: 40 }, (_, index) => `p${index}`);
      double.failAlways({ status: 503 });
      const { findings } = await read({ names });
      expect(findings).toHaveLength(40);
      expect(double.requests.length).toBeLessThanOrEqual(4 * (8 + 2));
    });

    it('are tried again when it recovers', async () => {
      double.failNext({ status: 500 }, 'cut', { status: 503 });
      expect(namesOf(await read())).toEqual([old, current]);
    });
  });

  it('are read again if what is remembered is damaged', async () => {
    await read();
    await put(store, externalKey('numpy'), 'no gzip');
    const again = await read();
    expect(namesOf(again)).toEqual([old, current]);
    expect(again.findings).toMatchObject([{ code: 'state-damaged', key: externalKey('numpy') }]);
    expect((await read()).findings).toEqual([]);
  });

  it('are not written if a run only plans', async () => {
    const full = refusingStore(store, (call) => call === 'write');
    const result = await build({ dryRun: true }, {}, full);
    expect(result).toMatchObject({ memoryError: undefined, findings: [] });
    expect(result.destinations[0]?.plan?.steps.map(({ key }) => key)).toContain('whl/numpy/index.html');
  });

  it('are not asked for without time', async () => {
    await build();
    const seen = double.requests.length;
    const late = await readExternal(
      {
        configuration: { external: [entry()] },
        http,
        memory: store,
        clock: quickClock,
        progress: silentProgress,
      },
      { concurrency: 8, isDryRun: false, mayContinue: () => false },
    );
    expect(namesOf(late)).toEqual([old, current]);
    expect(late.findings[0]?.message).toMatch(/no time left/);
    expect(double.requests).toHaveLength(seen);
  });

  it('I8: never lead to a place that no page may name', async () => {
    const urls = [
      'file:///etc/passwd',
      'javascript:alert(1)',
      'https://u:p@f.example/x',
      `https://f.example/${'x'.repeat(2_000)}`,
    ];
    const files = urls.map((url, index) => {
      const name = `numpy-3.${index}-py3-none-any.whl`;
      return file(name, { url: `${url}/${name}` });
    });
    double.projects.set('numpy', {
      files: [file(current), ...files, file('six-1.0-py3-none-any.whl'), file('numpy.egg')],
    });
    const result = await read();
    expect(namesOf(result)).toEqual([current]);
    expect(new Set(result.findings.map(({ code }) => code))).toEqual(new Set(['external-file']));
  });

  it('I7: send nothing but what a page needs, also after a redirect to another host', async () => {
    const other = await SimpleIndexDouble.start();
    other.projects.set('numpy', { files: [file(old)] });
    await read();
    double.failNext({ status: 302, headers: { location: `${other.url}numpy/` } });
    expect(namesOf(await read())).toEqual([old]);
    other.close();
    expect(double.requests[1]?.headers['if-none-match']).toMatch(/^"/);
    expect(other.requests[0]?.headers).not.toHaveProperty('if-none-match');
    expect(other.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it('I7: are not looked for on this machine because another one says so', async () => {
    const answers: HttpPort = async () => ({
      status: 302,
      header: (name) => (name === 'location' ? double.url : undefined),
      body: (async function* () {})(),
      cancel: () => undefined,
    });
    await expect(readExternalPage(answers, quickClock, 'http://i.example/numpy/', null)).rejects.toThrow(
      /not followed/,
    );
    await expect(readExternalPage(answers, quickClock, 'https://i.example/numpy/', null)).rejects.toThrow(
      /not followed/,
    );
    expect(double.requests).toEqual([]);
  });

  it('I8: whatever an index answers, its pages can be read, or stay as they are', async () => {
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue());
    const entryOf = fc.record(
      {
        filename: fc.oneof(fc.constantFrom(old, current, 'numpy-3.0.tar.gz'), fc.string({ unit: 'binary' })),
        url: fc.oneof(
          fc.webUrl(),
          fc.constant(`https://f.example/${current}`),
          fc.string({ unit: 'binary' }),
        ),
        hashes: fc.oneof(fc.constant({ sha256: sum('x') }), fc.jsonValue()),
        size: value,
        'upload-time': value,
        'requires-python': value,
        yanked: value,
        'core-metadata': value,
      },
      { requiredKeys: ['filename', 'url'] },
    );
    const body = fc.record({
      meta: fc.constant({ 'api-version': '1.4' }),
      name: value,
      files: fc.array(entryOf),
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(body, fc.jsonValue()), async (page) => {
        double.failNext({
          status: 200,
          headers: { 'content-type': 'application/vnd.pypi.simple.v1+json' },
          body: JSON.stringify(page),
        });
        await build();
        for (const format of ['html', 'json'] as const) {
          const text = await textOf(store, `whl/numpy/index.${format}`);
          if (text === undefined) continue;
          const bytes = Buffer.from(text);
          const { page: shown, findings } = parseProjectPage({
            url: 'https://i.example/numpy/',
            format,
            bytes,
          });
          expect(shown?.files.every(({ url }) => /^https?:/.test(url))).toBe(true);
          expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
        }
      }),
      { seed: 20261128, numRuns: 60 },
    );
  });
});
