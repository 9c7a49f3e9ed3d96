import { cpSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { keyProblem, type ObjectStore, silentProgress, systemClock } from '@slipway/core';
import { HttpsStore, openStore } from '@slipway/store';
import {
  copyOfSpackFixture,
  listKeys,
  spackFixture,
  takeOffSignature,
  temporaryDirectory,
  writeObject,
} from '@slipway/testkit';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { auditMirror, classifyKeyV2, detectLayout, findLayouts } from '../src/index.ts';
import { IndexDatabase } from '../src/layout-v2/index-database.ts';
import { locateV2 } from '../src/layout-v2/names.ts';
import { auditV2, codes, hashes, index, keyOf, readText, removeEntry, spackKey } from './layout-v2-mirror.ts';

const dagHash = fc.stringMatching(/^[a-z2-7]{32}$/);
const fileNamePart = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_+.-]{0,12}$/);
const anyKey = fc.oneof(
  fc.string(),
  fc.string().map((text) => `build_cache/${text}`),
  fc
    .array(
      fc.constantFrom(
        'build_cache',
        '_pgp',
        '..',
        '.',
        '',
        'a-b-c',
        'gcc-1',
        'z-1',
        'x.spec.json',
        'index.json',
      ),
    )
    .map((segments) => segments.join('/')),
);

describe('names of layout v2', () => {
  it('are read without ever throwing, and yield only keys of the right form', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const classified = classifyKeyV2(key);
        if (classified.kind === 'unknown') return;
        expect(keyProblem(key)).toBeUndefined();
        expect(key.startsWith('build_cache/')).toBe(true);
      }),
    );
  });

  it('give back the stem and hash that a spec and its tarball were named after', () => {
    const part = fileNamePart;
    const parts = fc.tuple(part, part, part, part, part, part, part, dagHash);
    fc.assert(
      fc.property(
        parts,
        ([platform, operatingSystem, target, compiler, compilerVersion, name, version, hash]) => {
          const label = `${compiler}@${compilerVersion}`;
          const node = { name, version, hash, platform, operatingSystem, target, compiler: { label } };
          const { stem, tarballKey } = locateV2(node, () => undefined);
          expect(stem).toBe(
            [platform, operatingSystem, target, compiler, compilerVersion, name, version, hash].join('-'),
          );
          expect(classifyKeyV2(`build_cache/${stem}.spec.json`)).toEqual({
            kind: 'spec',
            stem,
            dagHash: hash,
            signed: false,
          });
          expect(classifyKeyV2(`build_cache/${stem}.spec.json.sig`)).toMatchObject({
            kind: 'spec',
            signed: true,
          });
          expect(classifyKeyV2(tarballKey)).toEqual({ kind: 'tarball', stem, dagHash: hash });
        },
      ),
    );
  });

  it('I8: stay under build_cache, whatever a spec says', () => {
    const evil = fc.oneof(
      fc.string(),
      fc.constantFrom('..', '/', '../..', 'a/../b', '\u0000', '\\', '::error::'),
    );
    fc.assert(
      fc.property(
        evil,
        evil,
        evil,
        evil,
        evil,
        dagHash,
        (platform, target, compiler, name, version, hash) => {
          const node = {
            name,
            version,
            hash,
            platform,
            operatingSystem: target,
            target,
            compiler: { label: compiler },
          };
          const { tarballKey } = locateV2(node, () => undefined);
          expect(keyProblem(tarballKey)).toBeUndefined();
          expect(tarballKey.split('/')).toHaveLength(5);
        },
      ),
    );
  });

  it('are the ones that Spack wrote', () => {
    const kinds = listKeys(spackFixture('v2-signed')).map((key) => classifyKeyV2(key).kind);
    expect(kinds.filter((kind) => kind === 'spec')).toHaveLength(5);
    expect(kinds.filter((kind) => kind === 'tarball')).toHaveLength(5);
    expect(kinds).not.toContain('unknown');
  });

  it.each([
    ['a tarball in another directory', `build_cache/a-b-c/gcc-1/y-2/a-b-c-gcc-1-z-2-${hashes.data}.spack`],
    ['a tarball beside the specs', `build_cache/a-b-c-gcc-1-z-2-${hashes.data}.spack`],
    ['a name without its hash', 'build_cache/a-b-c-gcc-1-z-2.spec.json'],
    ['a name of too few parts', `build_cache/z-2-${hashes.data}.spec.json`],
    ['a name like an option', `build_cache/-a-b-c-gcc-1-z-2-${hashes.data}.spec.json`],
    ['a hidden name', `build_cache/.a-b-c-gcc-1-z-2-${hashes.data}.spec.json`],
    [
      'a name that no file system accepts',
      `build_cache/${'a'.repeat(255)}-b-c-gcc-1-z-2-${hashes.data}.spec.json`,
    ],
    ['a short key ID', 'build_cache/_pgp/59F7CF00.pub'],
    ['a fingerprint in lower case', `build_cache/_pgp/${spackKey.toLowerCase()}.pub`],
    ['layout v3', 'v3/layout.json'],
  ])('are not those of %s', (_, key) => {
    expect(classifyKeyV2(key)).toEqual({ kind: 'unknown' });
  });
});

describe('the index of layout v2', () => {
  const text = readFileSync(join(spackFixture('v2-signed'), index), 'utf8');
  const parse = (json: string): IndexDatabase => IndexDatabase.parse(Buffer.from(json));

  it('says where the files of its entries are', () => {
    const keys = listKeys(spackFixture('v2-signed'));
    const locations = [...parse(text).locations()];
    expect(locations).toHaveLength(5);
    for (const { stem, tarballKey } of locations) {
      expect(keys).toContain(`build_cache/${stem}.spec.json.sig`);
      expect(keys).toContain(tarballKey);
    }
  });

  it.each(['6', '7', '8'])('is read when it is a database of version %s', (version) => {
    expect(parse(text.replace('"version":"7"', `"version":"${version}"`)).entryCount).toBe(5);
  });

  it.each([
    ['of a version before', '"version":"7"', '"version":"5"'],
    ['without a version', '"version":"7",', ''],
    ['without records', '"installs"', '"nothing"'],
    [
      'with a record that describes another node',
      `"hash":"${hashes.data}"},"ref_count"`,
      `"hash":"${hashes.twin}"},"ref_count"`,
    ],
    ['with a field that Spack refuses', '"ref_count":0', '"ref_count":0,"surprise":1'],
    ['with a count that is none', '"ref_count":0', '"ref_count":"0"'],
    ['with half an answer', '"in_buildcache":true', '"in_buildcache":"true"'],
    ['with a hash that is a path', `"${hashes.greet}":`, '"../../../etc/passwd":'],
    ['with a name that is a path', '"name":"greet"', '"name":"../greet"'],
    ['with a key twice', '{"database":', '{"database":{},"database":'],
    ['with something behind it', /$/, '{}'],
  ])('is refused %s', (_, from, to) => {
    const changed = text.replace(from, to);
    expect(changed).not.toBe(text);
    expect(() => parse(changed)).toThrow();
  });
});

/** A mirror behind a server that cannot list it. */
async function served(directory: string): Promise<ObjectStore> {
  const server = createServer((request, response) => {
    const key = decodeURIComponent(request.url ?? '').slice(1);
    if (!listKeys(directory).includes(key)) {
      response.writeHead(404).end();
      return;
    }
    const body = readFileSync(join(directory, key));
    response.writeHead(200, { 'content-length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const url = `http://127.0.0.1:${address.port}`;
  return new HttpsStore(url, url);
}

describe('I4: a mirror of layout v2 that cannot be listed', () => {
  it.each(['metadata', 'full'] as const)('is audited by its index at level %s', async (level) => {
    const store = await served(spackFixture('v2-signed'));
    const report = await auditV2('', spackKey, { store, level });
    expect(report).toMatchObject({ findings: [], listed: false });
    expect(report.statistics).toMatchObject({ entries: 5, tarballBytes: 32_879 });
  });

  it.each([
    ['index-names-missing-entry', (directory: string) => removeEntry(directory, hashes.greet)],
    [
      'blob-missing',
      (directory: string) => rmSync(join(directory, keyOf(directory, hashes.greet, 'tarball'))),
    ],
    [
      'unsigned',
      (directory: string) => {
        const key = keyOf(directory, hashes.greet);
        writeObject(directory, key.replace(/\.sig$/, ''), takeOffSignature(readText(directory, key)));
      },
    ],
    [
      'name-mismatch',
      (directory: string) =>
        writeObject(
          directory,
          keyOf(directory, hashes.library),
          readText(directory, keyOf(directory, hashes.data)),
        ),
    ],
  ])('has nothing but %s', async (code, attack) => {
    const directory = copyOfSpackFixture('v2-signed');
    attack(directory);
    const store = await served(directory);
    for (const level of ['metadata', 'full'] as const)
      expect(codes(await auditV2('', spackKey, { store, level }))).toEqual([code]);
  });
});

describe('the layout of a mirror', () => {
  const layoutOf = async (directory: string): Promise<'v3' | 'v2' | undefined> => {
    const listed = await detectLayout(await openStore(pathToFileURL(directory).href));
    expect(await detectLayout(await served(directory))).toBe(listed);
    return listed;
  };

  it.each([
    ['v3-signed', 'v3'],
    ['v3-unsigned', 'v3'],
    ['v2-signed', 'v2'],
    ['v2-unsigned', 'v2'],
  ] as const)('of %s is %s', async (fixture, layout) => {
    expect(await layoutOf(spackFixture(fixture))).toBe(layout);
  });

  it('is v3 if it has both', async () => {
    const directory = copyOfSpackFixture('v2-signed');
    writeObject(directory, 'v3/layout.json', '{"signing": "gpg"}');
    expect(await layoutOf(directory)).toBe('v3');
    const store = await openStore(pathToFileURL(directory).href);
    expect(await findLayouts(store)).toEqual({ v3: true, v2: true });
  });

  it('is v3 for the audit if it has both, with a finding', async () => {
    const directory = copyOfSpackFixture('v3-unsigned');
    cpSync(spackFixture('v2-unsigned'), directory, { recursive: true });
    const report = await auditMirror({
      store: await openStore(pathToFileURL(directory).href),
      trustedKeys: '',
      allowUnsigned: true,
      requireSignedIndex: false,
      expectedIndex: undefined,
      level: 'full',
      clock: systemClock,
      progress: silentProgress,
    });
    expect(report.layout).toBe('v3');
    expect(codes(report)).toContain('layout-v2-unaudited');
    expect(report.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('is determined from other files if there is no index', async () => {
    const old = copyOfSpackFixture('v2-signed');
    rmSync(join(old, index));
    expect(await detectLayout(await openStore(pathToFileURL(old).href))).toBe('v2');
    const staged = copyOfSpackFixture('v3-unsigned');
    rmSync(join(staged, 'v3/manifests/index'), { recursive: true });
    rmSync(join(staged, 'v3/layout.json'), { force: true });
    expect(await detectLayout(await openStore(pathToFileURL(staged).href))).toBe('v3');
  });

  it('is undefined for an empty directory', async () => {
    expect(await layoutOf(temporaryDirectory('empty'))).toBeUndefined();
  });
});
