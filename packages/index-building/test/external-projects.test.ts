import type { ObjectStore } from '@slipway/core';
import { openStore } from '@slipway/store';
import { temporaryDirectory } from '@slipway/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { buildIndex, type PageFetch } from '../src/index.ts';
import {
  configurationOf,
  pagesOf,
  put,
  quickClock,
  subdirectories,
  textOf,
  wheelName,
} from './index-store.ts';

const sha256 = 'a'.repeat(64);

/** A file as PyPI writes it. */
const file = (name: string, more: object = {}) => ({
  filename: name,
  url: `https://files.pythonhosted.org/packages/ab/cd/${name}`,
  hashes: { sha256 },
  'requires-python': '>=3.9',
  size: 12_345,
  'upload-time': '2024-03-01T10:20:30.123456Z',
  yanked: false,
  'core-metadata': { sha256: 'b'.repeat(64) },
  'data-dist-info-metadata': { sha256: 'b'.repeat(64) },
  provenance: null,
  ...more,
});

/** Stands in for another index: pages by name, in the shape of PyPI. */
class IndexDouble {
  readonly pages = new Map<string, readonly object[]>();
  readonly asked: string[] = [];
  status = 200;
  contentType = 'application/vnd.pypi.simple.v1+json';

  readonly fetch: PageFetch = async (url, { accept }) => {
    this.asked.push(`${url} ${accept}`);
    const [, name = ''] = /^https:\/\/pypi\.org\/simple\/([^/]+)\/$/.exec(url) ?? [];
    const files = this.pages.get(name);
    const page = { meta: { 'api-version': '1.4', '_last-serial': 1 }, name, files, versions: ['1.0', '2.0'] };
    return {
      status: files === undefined ? 404 : this.status,
      contentType: this.contentType,
      url,
      bytes: Buffer.from(JSON.stringify(page)),
    };
  };
}

describe('external projects', () => {
  let store: ObjectStore;
  let index: IndexDouble;
  const run = (retain = false, names: readonly string[] = ['NumPy']) =>
    buildIndex(
      {
        configuration: configurationOf([{ prefix: 'whl', subdirectories }], {
          external: [{ names, retain }],
        }),
        source: store,
        destinations: [],
        clock: quickClock,
      },
      { fetchPage: index.fetch },
    );
  const page = async () => JSON.parse((await textOf(store, 'whl/cu118/numpy/index.json')) ?? '{}');

  beforeEach(async () => {
    store = await openStore(`file://${temporaryDirectory('external')}`);
    await put(store, `whl/cu118/${wheelName('torch')}`);
    index = new IndexDouble();
    index.pages.set('numpy', [file(wheelName('numpy')), file('numpy-2.0.tar.gz', { yanked: 'broken' })]);
  });

  it('are copied with hashes, sizes, times, metadata and what is yanked, and listed', async () => {
    expect((await run()).isDone).toBe(true);
    expect(index.asked).toEqual(['https://pypi.org/simple/numpy/ application/vnd.pypi.simple.v1+json']);
    expect((await page()).files).toEqual([
      {
        filename: wheelName('numpy'),
        url: `https://files.pythonhosted.org/packages/ab/cd/${wheelName('numpy')}`,
        hashes: { sha256 },
        'requires-python': '>=3.9',
        'core-metadata': { sha256: 'b'.repeat(64) },
        size: 12_345,
        'upload-time': '2024-03-01T10:20:30.123Z',
      },
      expect.objectContaining({ filename: 'numpy-2.0.tar.gz', yanked: 'broken' }),
    ]);
    expect(await textOf(store, 'whl/cu118/index.html')).toContain('numpy');
    expect((await run()).destinations[0]?.written).toEqual([]);
  });

  it('lose what the other index has dropped, unless it is retained', async () => {
    await run(true);
    index.pages.set('numpy', [file('numpy-3.0.tar.gz')]);
    await run(true);
    expect((await page()).files.map(({ filename }: { filename: string }) => filename)).toEqual([
      wheelName('numpy'),
      'numpy-2.0.tar.gz',
      'numpy-3.0.tar.gz',
    ]);
    expect((await page()).files[0]).toMatchObject({
      'upload-time': '2024-03-01T10:20:30.123Z',
      hashes: { sha256 },
    });
    expect((await run(true)).destinations[0]?.written).toEqual([]);
    await run(false);
    expect((await page()).files).toHaveLength(1);
  });

  it.each([
    ['the index fails', () => (index.status = 503)],
    ['the index has HTML alone', () => (index.contentType = 'text/html')],
    ['the project is gone', () => index.pages.clear()],
    [
      'a file has no size',
      () =>
        index.pages.set('numpy', [file(wheelName('numpy')), file('numpy-3.0.tar.gz', { size: undefined })]),
    ],
  ])('keep their pages if %s, and the run says so', async (_, breakIndex) => {
    await run();
    const before = await pagesOf(store);
    breakIndex();
    const result = await run();
    expect(result.isDone).toBe(false);
    expect(result.externalFailures.map(({ project }) => project)).toEqual(['numpy']);
    expect(await pagesOf(store)).toEqual(before);
  });

  it('do not stop the others if one cannot be read', async () => {
    const result = await run(false, ['numpy', 'pillow']);
    expect(result.externalFailures.map(({ project }) => project)).toEqual(['pillow']);
    expect((await page()).files).toHaveLength(2);
    expect(await textOf(store, 'whl/cu118/torch/index.html')).toContain('torch');
  });

  it('I8: show no file whose name or address is not that of a distribution', async () => {
    index.pages.set('numpy', [
      file(wheelName('numpy')),
      file('evil-1.0.tar.gz'),
      file('numpy-1.0.exe'),
      file('numpy-4.0.tar.gz', { url: 'javascript:alert(1)' }),
    ]);
    await run();
    expect((await page()).files.map(({ filename }: { filename: string }) => filename)).toEqual([
      wheelName('numpy'),
    ]);
  });
});
