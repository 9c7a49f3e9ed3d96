import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ObjectStore } from '@slipway/core';
import { openStore } from '@slipway/store';
import { copyOfSpackFixture, listKeys, temporaryDirectory, writeObject } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { detectLayout, listStaged } from '../src/index.ts';
import { auditV2 } from './layout-v2-mirror.ts';

const hash = 'abcdefghijklmnopqrstuvwxyz234567';
const stem = `linux-rhel7-x86_64-gcc-9.3.0-demo-1.0-${hash}`;
const node = {
  demo: {
    version: '1.0',
    arch: { platform: 'linux', platform_os: 'rhel7', target: 'x86_64' },
    compiler: { name: 'gcc', version: '9.3.0' },
    namespace: 'builtin',
    parameters: {},
    hash,
  },
};
/** As Spack 0.16 wrote it: the version comes after the records, whose format differs from today's. */
const index = JSON.stringify({
  database: { installs: { [hash]: { spec: node, ref_count: 0, in_buildcache: true } }, version: '5' },
});

async function mirrorOfLayoutV1(): Promise<{ readonly directory: string; readonly store: ObjectStore }> {
  const directory = join(temporaryDirectory('layout-v1'), 'mirror');
  mkdirSync(directory);
  writeObject(directory, 'build_cache/index.json', index);
  writeObject(directory, `build_cache/${stem}.spec.yaml`, 'spec: []\n');
  const store = await openStore(pathToFileURL(directory).href);
  return { directory, store };
}

const saysWhatItIs = {
  code: 'not-supported',
  message: expect.stringMatching(/is a mirror of layout v1, which Spack 0\.16 and older wrote/),
  hint: expect.stringContaining('Build its packages again'),
};

describe('a mirror of layout v1', () => {
  it('is refused as layout v1, not as damaged layout v2', async () => {
    const { store } = await mirrorOfLayoutV1();
    await expect(detectLayout(store)).rejects.toMatchObject(saysWhatItIs);
  });

  it('is refused as layout v1 when staged', async () => {
    const { store } = await mirrorOfLayoutV1();
    await expect(listStaged(store, [])).rejects.toMatchObject(saysWhatItIs);
  });

  it('is recognized by its index if it cannot be listed, whatever its records are', async () => {
    const { directory } = await mirrorOfLayoutV1();
    const { findings } = await auditV2(directory, '', { allowUnsigned: true });
    expect(findings[0]).toMatchObject({
      code: 'index-malformed',
      message: expect.stringMatching(/layout v1, .*it is a Spack database of version 5/),
      hint: expect.stringContaining('Build its packages again'),
    });
  });

  it.each(['0.9.3', '4'])('may have a database of version %s', async (version) => {
    const { directory } = await mirrorOfLayoutV1();
    writeObject(directory, 'build_cache/index.json', index.replace('"5"', `"${version}"`));
    const { findings } = await auditV2(directory, '', { allowUnsigned: true });
    expect(findings[0]?.message).toContain(`it is a Spack database of version ${version}`);
  });

  it('counts as layout v2 as soon as it contains one such spec', async () => {
    const { directory, store } = await mirrorOfLayoutV1();
    const v2 = copyOfSpackFixture('v2-unsigned');
    const spec = listKeys(v2).find((key) => key.endsWith('.spec.json')) ?? '';
    writeObject(directory, spec, '{}');
    expect(await detectLayout(store)).toBe('v2');
    rmSync(join(directory, spec));
    await expect(detectLayout(store)).rejects.toMatchObject(saysWhatItIs);
  });

  it('is not assumed for an unknown database version', async () => {
    const { directory } = await mirrorOfLayoutV1();
    writeObject(directory, 'build_cache/index.json', index.replace('"5"', '"10"'));
    const { findings } = await auditV2(directory, '', { allowUnsigned: true });
    expect(findings[0]).toMatchObject({
      code: 'index-malformed',
      message: expect.stringContaining('not a Spack database of version 6, 7 or 8'),
    });
  });
});
