import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  blobKey,
  classifyKey,
  dagHashMatchesContent,
  indexManifestKey,
  keyIndexManifestKey,
  mediaTypes,
  NodeMemo,
  PackageIndex,
  parseKeyIndex,
  specManifestKey,
} from '@slipway/spack-buildcache';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AttackKeys,
  addEntry,
  listKeys,
  listSpecManifests,
  makeAttackKeys,
  openGpgHome,
  publishByHand,
  readManifest,
  readManifestText,
  readObject,
  readSpecJson,
  requiredRecord,
  signManifests,
  spackFixture,
  stageHonestMirror,
  stagePackages,
  temporaryDirectory,
} from '../src/index.ts';
import { tarListing, tarText } from './programs.ts';

let keys: AttackKeys;
beforeAll(async () => {
  keys = await makeAttackKeys();
});

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Every blob matches its name, and every record of every manifest its blob. */
function expectSoundBlobs(directory: string): void {
  for (const key of listKeys(directory)) {
    const classified = classifyKey(key);
    expect(classified.kind, key).not.toBe('unknown');
    if (classified.kind === 'blob') expect(sha256(readObject(directory, key))).toBe(classified.sha256);
    if (!key.endsWith('.manifest.json')) continue;
    for (const record of readManifest(directory, key).data) {
      expect(readObject(directory, blobKey(record.checksum)).length).toBe(record.contentLength);
    }
  }
}

describe('the honest mirror', () => {
  it('has signatures that gpg accepts, over the text that Spack wrote', async () => {
    const { directory } = await stageHonestMirror(keys.honest);
    using gpg = openGpgHome(keys.honest.publicArmored);
    const manifests = listSpecManifests(directory);
    expect(manifests).toHaveLength(7);
    for (const key of manifests) {
      const { status, text } = gpg.verify(join(directory, key));
      expect(status).toContain(`VALIDSIG ${keys.honest.fingerprint}`);
      expect(text.trimEnd()).toBe(readManifestText(directory, key));
      const fixture = join(spackFixture('v3-unsigned'), key);
      if (!key.includes('/twin/'))
        expect(readManifestText(directory, key)).toBe(readFileSync(fixture, 'utf8'));
    }
  });

  it('has the frame around the text that gpg wrote in the fixture', async () => {
    const { directory } = await stageHonestMirror(keys.honest);
    const frame = (document: string): string[] =>
      document
        .split('\n')
        .map((line) => (/^[A-Za-z0-9+/=]{5,76}$/.test(line) ? 'base64' : line))
        .filter((line, index, lines) => line !== 'base64' || lines[index - 1] !== 'base64');
    for (const key of listSpecManifests(spackFixture('v3-signed'))) {
      const theirs = frame(readObject(spackFixture('v3-signed'), key).toString());
      expect(frame(readObject(directory, key).toString())).toEqual(theirs);
    }
  });

  it('has sound blobs, a key list with its key, and no index', async () => {
    const { directory } = await stageHonestMirror(keys.honest);
    expectSoundBlobs(directory);
    const keyIndex = requiredRecord(readManifest(directory, keyIndexManifestKey), mediaTypes.keyIndex);
    expect(parseKeyIndex(readObject(directory, blobKey(keyIndex.checksum)))).toEqual([
      keys.honest.fingerprint,
    ]);
    expect(listKeys(directory).filter((key) => classifyKey(key).kind === 'index-manifest')).toEqual([]);
  });

  it('is unsigned without a key', async () => {
    const { directory } = await stageHonestMirror();
    expectSoundBlobs(directory);
    for (const key of listSpecManifests(directory)) expect(readObject(directory, key)[0]).toBe(0x7b);
  });

  it('has keys that are what they are called', async () => {
    const { directory } = await stageHonestMirror(keys.honest);
    const [manifest = ''] = listSpecManifests(directory);
    const expected = {
      expired: 'EXPKEYSIG',
      revoked: 'REVKEYSIG',
      expiredSubkey: 'EXPKEYSIG',
      revokedSubkey: 'REVKEYSIG',
    } as const;
    for (const name of ['expired', 'revoked', 'expiredSubkey', 'revokedSubkey'] as const) {
      using gpg = openGpgHome(keys[name].publicArmored);
      await signManifests(directory, keys[name], [manifest]);
      const { status } = gpg.verify(join(directory, manifest));
      expect(status, name).toContain(expected[name]);
      expect(status, name).toContain(keys[name].fingerprint);
    }
  });
});

describe('a synthetic entry', () => {
  it('has a DAG hash of its content, a closure, and a tarball of its own prefix', async () => {
    const directory = temporaryDirectory('synthetic');
    const base = await addEntry(directory, { name: 'base' });
    const entry = await addEntry(directory, {
      name: 'tool',
      version: '2.1',
      dependencies: [{ entry: base, deptypes: ['link', 'run'] }],
      files: { 'bin/tool': 'tool\n' },
    });
    expect(specManifestKey(entry)).toBe(entry.manifestKey);
    const document = new NodeMemo().read(readObjectOfSpec(directory, entry.manifestKey));
    expect(document.hashes).toEqual([entry.hash, base.hash]);
    expect(document.fresh.map(dagHashMatchesContent)).toEqual([true, true]);
    expectSoundBlobs(directory);
    const tarball = join(directory, blobKey(entry.tarballSha256));
    const prefix = `opt/spack/opt/spack/linux-x86_64_v3/tool-2.1-${entry.hash}`;
    expect(tarListing(tarball)).toContain(`${prefix}/bin/tool`);
    const inside: unknown = JSON.parse(tarText(tarball, `${prefix}/.spack/spec.json`));
    expect(inside).toMatchObject({ spec: { nodes: [{ hash: entry.hash }, { hash: base.hash }] } });
  });

  it('has the same bytes when it is made again, and another hash with other parameters', async () => {
    const [first, second] = [temporaryDirectory('first'), temporaryDirectory('second')];
    const one = await addEntry(first, { name: 'same', parameters: { shared: true } });
    const again = await addEntry(second, { name: 'same', parameters: { shared: true } });
    const other = await addEntry(second, { name: 'same', parameters: { shared: false } });
    expect(again).toEqual(one);
    expect(other.hash).not.toBe(one.hash);
  });

  it('shares its dependencies with other publishers', async () => {
    const [first, second] = [temporaryDirectory('first'), temporaryDirectory('second')];
    await stagePackages(first, { count: 3, prefix: 'one', sharedDependencies: 2 });
    await stagePackages(second, { count: 100, prefix: 'two', sharedDependencies: 2, signer: keys.honest });
    const shared = (directory: string): string[] =>
      listSpecManifests(directory).filter((key) => key.includes('/shared-'));
    expect(listSpecManifests(first)).toHaveLength(5);
    expect(listSpecManifests(second)).toHaveLength(102);
    expect(shared(first)).toEqual(shared(second));
    for (const key of shared(first)) expect(readManifestText(first, key)).toBe(readManifestText(second, key));
    expectSoundBlobs(second);
  });
});

describe('publishing by hand', () => {
  it('makes the index that Spack made of the fixture, byte for byte', async () => {
    const { directory } = await stageHonestMirror();
    const fixture = spackFixture('v3-unsigned');
    const expected = requiredRecord(
      readManifest(fixture, indexManifestKey(undefined)),
      mediaTypes.index,
    ).checksum;
    const index = PackageIndex.parse(readObject(fixture, blobKey(expected)));
    expect(await publishByHand(directory, { index, lineage: 'none' })).toBe(expected);
    expect(readObject(directory, indexManifestKey(undefined))).toEqual(
      readObject(fixture, indexManifestKey(undefined)),
    );
    const twins = listSpecManifests(directory).filter((key) => key.includes('/twin/'));
    const all = PackageIndex.parse(readObject(directory, blobKey(await publishByHand(directory))));
    expect(twins).toHaveLength(2);
    expect(new Set(all.entries())).toEqual(
      new Set([...index.entries(), ...twins.map((key) => key.slice(-51, -19))]),
    );
  });

  it('numbers the pointers and keeps a copy of each', async () => {
    const { directory } = await stageHonestMirror(keys.honest);
    const first = await publishByHand(directory, { signer: keys.honest });
    const pointer = readObject(directory, indexManifestKey(undefined));
    await addEntry(directory, { name: 'later', signer: keys.honest });
    await publishByHand(directory, { signer: keys.honest });
    expect(readManifest(directory, indexManifestKey(undefined)).lineage).toEqual({
      generation: 2,
      index: '@main',
      mirror: expect.any(String),
      previous: first,
    });
    const history = listKeys(directory).filter((key) => classifyKey(key).kind === 'history');
    expect(history).toHaveLength(2);
    expect(readObject(directory, history[0] ?? '')).toEqual(pointer);
    using gpg = openGpgHome(keys.honest.publicArmored);
    expect(gpg.verify(join(directory, indexManifestKey(undefined))).status).toContain('VALIDSIG');
    expectSoundBlobs(directory);
  });
});

function readObjectOfSpec(directory: string, manifestKey: string): Buffer {
  return Buffer.from(readSpecJson(directory, manifestKey));
}
