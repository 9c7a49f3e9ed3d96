import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type IndexConfiguration,
  linkStyle,
  parseConfiguration,
  readConfigurationText,
} from '../src/index.ts';
import { FakeIndex } from './fake-index.ts';
import { pagesOf, wheel } from './selections.ts';

function shipped(name: string): IndexConfiguration {
  const text = readConfigurationText(
    readFileSync(new URL(`../configurations/${name}.yaml`, import.meta.url), 'utf8'),
  );
  if ('problems' in text) throw new Error(text.problems.join('\n'));
  const result = parseConfiguration(text.value);
  if ('problems' in result) throw new Error(result.problems.join('\n'));
  return result.configuration;
}

function prefixOf(configuration: IndexConfiguration, pages: string) {
  const found = configuration.prefixes.find((prefix) => prefix.pages === pages);
  if (found === undefined) throw new Error(`there is no ${pages}`);
  return found;
}

function pages(configuration: IndexConfiguration, keys: readonly string[]) {
  const index = new FakeIndex(configuration);
  for (const key of keys) index.put(key);
  return pagesOf(index.select());
}

describe('the configuration that does what manage.py does', () => {
  const configuration = shipped('manage');

  test('has its eight prefixes', () => {
    expect(configuration.prefixes.map((prefix) => [prefix.pages, prefix.kind])).toEqual([
      ['whl', 'packages'],
      ['whl/nightly', 'packages'],
      ['whl/test', 'packages'],
      ['libtorch', 'listing'],
      ['libtorch/nightly', 'listing'],
      ['whl/test/variant', 'packages'],
      ['whl/variant', 'packages'],
      ['whl/preview/forge', 'packages'],
    ]);
    expect(configuration.destinations).toHaveLength(2);
    for (const { cacheControl } of configuration.prefixes) {
      expect(cacheControl).toBe('no-cache,no-store,must-revalidate');
    }
  });

  test('filters nightly alone: its allow list, 60 versions, and no hashes', () => {
    for (const { pages: at, allowList, keep, hashes } of configuration.prefixes) {
      expect([at, allowList?.size, keep, hashes]).toEqual(
        at === 'whl/nightly' ? [at, 292, 60, 'omit'] : [at, undefined, undefined, 'available'],
      );
    }
    const { allowList } = prefixOf(configuration, 'whl/nightly');
    for (const name of ['torch', 'pyyaml', 'antlr4-python3-runtime', 'gitpython'])
      expect(allowList).toContain(name);
    expect(allowList).not.toContain('cuda-toolkit');
  });

  test('has the pages of its rules', () => {
    const own = `whl/${wheel('six')}`;
    const nightly = `whl/nightly/cu130/${wheel('torch', '2.10.0.dev20251128+cu130')}`;
    const libtorch = ['libtorch/libtorch-1.zip', 'libtorch/cu118/libtorch-2.zip', 'libtorch/cu118/other.zip'];
    const keys = [
      own,
      `whl/cu118/${wheel('torch')}`,
      `whl/cpu-cxx11-abi/${wheel('torch')}`,
      `whl/lts/1.8/cu111/${wheel('torch')}`,
      nightly,
      `whl/nightly/cpu/${wheel('not_allowed')}`,
      `whl/test/variant/${wheel('torch')}`,
      ...libtorch,
    ];
    expect(pages(configuration, keys)).toEqual({
      whl: { six: [own], torch: [keys[2], keys[1]] },
      'whl/cpu-cxx11-abi': { six: [own], torch: [keys[2]] },
      'whl/cu118': { six: [own], torch: [keys[1]] },
      'whl/nightly/cpu': {},
      'whl/nightly/cu130': { torch: [nightly] },
      'whl/test/variant': { torch: [`whl/test/variant/${wheel('torch')}`] },
      libtorch: { '': [libtorch[1], libtorch[0]] },
      'libtorch/cu118': { '': [libtorch[1]] },
    });
  });

  test('says which Python two files of networkx need', () => {
    const rules = prefixOf(configuration, 'whl').requiresPython;
    const specifierOf = (fileName: string) =>
      rules.find((rule) => rule.kind === 'name' && rule.isMatch(fileName))?.specifier;
    expect(specifierOf('networkx-3.3-py3-none-any.whl')).toBe('>=3.10');
    expect(specifierOf('networkx-3.4.2-py3-none-any.whl')).toBe('>=3.10');
    expect(specifierOf('networkx-3.2-py3-none-any.whl')).toBeUndefined();
  });
});

describe('the configuration that does what manage_v2.py does', () => {
  const configuration = shipped('manage-v2');

  test('filters whl, whl/nightly and whl/test by one allow list', () => {
    expect(
      configuration.prefixes.map((prefix) => [prefix.pages, prefix.allowList?.size, prefix.keep]),
    ).toEqual([
      ['whl', 235, undefined],
      ['whl/nightly', 235, 60],
      ['whl/test', 235, undefined],
      ['libtorch', undefined, undefined],
      ['libtorch/nightly', undefined, undefined],
      ['whl/test/variant', undefined, undefined],
      ['whl/variant', undefined, undefined],
      ['whl/preview/forge', undefined, undefined],
      ['source_code/test', undefined, undefined],
    ]);
  });

  test('refuses some subdirectories, with all below them', () => {
    const { isMatch } = prefixOf(configuration, 'whl').subdirectories;
    const refused = [
      'cpu-cxx11-abi',
      'cpu_pypi_pkg',
      'cu121_full',
      'cu118_pypi_cudnn',
      'cu121_full/x',
      'cpu-cxx11-abi2',
    ];
    for (const directory of refused) expect([directory, isMatch(directory)]).toEqual([directory, false]);
    for (const directory of ['cpu', 'cu121', 'cu121_pypi', 'rocm6.4', 'xpu'])
      expect(isMatch(directory)).toBe(true);
  });

  const r2 = 'https://download-r2.pytorch.org';
  const cdn = 'https://d21usjoq99fcb9.cloudfront.net';
  test.each([
    ['whl', 0, 'torch', r2],
    ['whl', 1, 'torch', r2],
    ['whl/nightly', 0, 'pytorch-triton-xpu', r2],
    ['whl/variant', 1, 'fbgemm-gpu', r2],
    ['whl/preview/forge', 0, 'triton', r2],
    ['whl/test', 0, 'torch', undefined],
    ['whl/test', 1, 'torch', undefined],
    ['whl/test/variant', 1, 'torch', undefined],
    ['whl', 0, 'six', undefined],
    ['whl', 1, 'six', cdn],
    ['whl/test', 1, 'six', cdn],
    ['libtorch', 1, undefined, undefined],
    ['source_code/test', 1, undefined, undefined],
  ])('of %s in destination %i has %s at %s', (at, destination, project, expected) => {
    const style = linkStyle(prefixOf(configuration, at), configuration.destinations[destination], project);
    expect(style.kind === 'absolute' ? style.baseUrl : undefined).toBe(expected);
  });

  test('caches released channels for ten minutes, and others never', () => {
    const cached = configuration.prefixes.filter(({ cacheControl }) =>
      cacheControl.startsWith('max-age=600, public'),
    );
    expect(cached.map((prefix) => prefix.pages)).toEqual(['whl', 'libtorch', 'whl/variant']);
    for (const { cacheControl, pages: at } of configuration.prefixes) {
      if (!['whl', 'libtorch', 'whl/variant'].includes(at))
        expect(cacheControl).toBe('no-cache,no-store,must-revalidate');
    }
  });

  test('copies the pages of 97 projects, and those of flash-attn-3 from whl into whl/nightly', () => {
    for (const { pages: at, kind, copiedPages } of configuration.prefixes) {
      if (kind === 'listing') continue;
      expect(copiedPages[0]?.names.size).toBe(97);
      expect(copiedPages[0]?.names).toContain('rocm-sdk-device-gfx90a');
      expect(copiedPages[1]).toEqual(
        at === 'whl/nightly' ? { names: new Set(['flash-attn-3']), from: 'whl' } : undefined,
      );
    }
  });

  test('lists archives of source code, only those in the prefix itself', () => {
    const keys = [
      'source_code/test/pytorch-v2.9.0.tar.gz',
      'source_code/test/cpu/pytorch.tar.gz',
      'source_code/test/x.zip',
    ];
    expect(pages(configuration, keys)['source_code/test']).toEqual({ '': [keys[0]] });
    expect(pages(configuration, [])).toEqual({ 'source_code/test': {} });
  });
});
