import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { blobKey, indexManifestKey, mediaTypes } from '@slipway/spack-buildcache';
import {
  addEntry,
  addKeys,
  copyOfSpackFixture,
  failureOf,
  listSpecManifests,
  makeKey,
  pictureOf,
  publishByHand,
  readManifest,
  readObject,
  requiredRecord,
  runAction,
  serveDirectory,
  spackFixture,
  stageHonestMirror,
  type TestKey,
  temporaryDirectory,
  writeBlob,
  writeObject,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { action } from '../src/action.ts';
import { plan } from '../src/plan.ts';
import { faultsOf, fixtureFingerprint, fixtureFingerprintV2, unsigned, verify } from './verifying.ts';

let key: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
});

/** A signed mirror of seven entries, published twice, the second time with one more. */
async function publishedMirror() {
  const { directory } = await stageHonestMirror(key);
  const first = await publishByHand(directory, { signer: key });
  const late = await addEntry(directory, { name: 'late', signer: key });
  const second = await publishByHand(directory, { signer: key });
  return { directory, first, second, late };
}

async function served(directory: string, etags = true) {
  const server = await serveDirectory(directory, { etags });
  onTestFinished(() => server.close());
  return server;
}

describe('verifying what Spack wrote', () => {
  it.each([
    ['v3-signed', { 'trusted-keys': fixtureFingerprint }, 5],
    ['v3-unsigned', unsigned, 5],
    ['v4-specs', unsigned, 5],
    ['v2-signed', { 'trusted-keys': fixtureFingerprintV2 }, 5],
    ['v2-unsigned', unsigned, 5],
  ] as const)('%s is clean at both levels', async (fixture, inputs, entries) => {
    const before = pictureOf(spackFixture(fixture));
    for (const level of ['metadata', 'full']) {
      const result = await verify(spackFixture(fixture), { ...inputs, level });
      expect(result.failure).toBeUndefined();
      expect(result.outputs).toMatchObject({ verified: true, errors: 0, entries });
      expect(faultsOf(result)).toEqual([]);
    }
    expect(pictureOf(spackFixture(fixture))).toEqual(before);
  });

  it('reports the checksum of the main index, and all indexes', async () => {
    const mirror = spackFixture('v3-signed');
    const { outputs, json } = await verify(mirror, { 'trusted-keys': fixtureFingerprint });
    const checksum = (view?: string) =>
      requiredRecord(readManifest(mirror, indexManifestKey(view)), mediaTypes.index).checksum;
    expect(outputs['index-checksum']).toBe(checksum());
    expect(json('report')).toMatchObject({
      action: 'buildcache-verify',
      reportVersion: 1,
      verified: true,
      layout: 'v3',
      listed: true,
      indexes: [
        { checksum: checksum(), entries: 5 },
        { view: 'stable', checksum: checksum('stable'), entries: 3 },
      ],
    });
  });
});

describe('a mirror with a fault', () => {
  it('fails the step with what is wrong and what to do, and reports everything', async () => {
    const { directory } = await publishedMirror();
    const [first = '', second = ''] = listSpecManifests(directory);
    for (const name of [first, second])
      writeObject(
        directory,
        name,
        readObject(directory, name).toString().replace('"version":3', '"version":3 '),
      );
    const result = await verify(directory, { 'trusted-keys': key.fingerprint });
    expect(result.outputs).toMatchObject({ verified: false, errors: faultsOf(result).length });
    expect(result.failure).toMatchObject({
      code: 'mirror-refused',
      message: expect.stringMatching(/does not verify: .*\(signature-bad\) \(and \d+ more problems?\)$/),
    });
    const keys = result.problems.filter(({ code }) => code === 'signature-bad').map((problem) => problem.key);
    expect(keys.sort()).toEqual([first, second]);
    expect(result.json('report')).toMatchObject({
      verified: false,
      counts: { errors: 2 },
    });
  });

  it('in a tarball is found only at the level full', async () => {
    const { directory, late } = await publishedMirror();
    const tarball = Buffer.from(readObject(directory, blobKey(late.tarballSha256)));
    tarball.writeUInt8(tarball.readUInt8(tarball.length - 1) ^ 1, tarball.length - 1);
    writeObject(directory, blobKey(late.tarballSha256), tarball);
    const trust = { 'trusted-keys': key.fingerprint };
    expect((await verify(directory, { ...trust, level: 'metadata' })).outputs).toMatchObject({
      verified: true,
    });
    expect(faultsOf(await verify(directory, { ...trust, level: 'full' }))).toEqual(['blob-tampered']);
  });
});

describe('require-signed-index', () => {
  it.each([
    [true, []],
    [false, ['index-unsigned']],
  ])('with an index that is signed: %s', async (signed, faults) => {
    const { directory } = await stageHonestMirror(key);
    await publishByHand(directory, signed ? { signer: key } : {});
    const inputs = { 'trusted-keys': key.fingerprint, 'require-signed-index': true };
    expect(faultsOf(await verify(directory, inputs))).toEqual(faults);
    expect(faultsOf(await verify(directory, { ...inputs, 'require-signed-index': false }))).toEqual([]);
  });
});

describe('expected-index', () => {
  it('accepts the present index and an earlier one', async () => {
    const { directory, first, second } = await publishedMirror();
    for (const expected of [first, second]) {
      const inputs = { 'trusted-keys': key.fingerprint, 'expected-index': expected };
      expect(faultsOf(await verify(directory, inputs))).toEqual([]);
    }
  });

  it('fails for an index that never existed', async () => {
    const { directory, second } = await publishedMirror();
    const inputs = { 'trusted-keys': key.fingerprint, 'expected-index': 'f'.repeat(64) };
    const result = await verify(directory, inputs);
    expect(faultsOf(result)).toEqual(['index-not-expected']);
    expect(result.failure?.message).toContain(second);
  });

  it('fails if there is no index', async () => {
    const { directory } = await stageHonestMirror(key);
    const inputs = { 'trusted-keys': key.fingerprint, 'expected-index': 'f'.repeat(64) };
    expect(faultsOf(await verify(directory, inputs))).toContain('index-not-expected');
  });
});

describe('what a web server serves', () => {
  it('is verified by its index, without a listing', async () => {
    const { directory, second } = await publishedMirror();
    const { url, requests } = await served(directory);
    for (const level of ['metadata', 'full']) {
      const result = await verify(url, {
        'trusted-keys': key.fingerprint,
        'expected-index': second,
        'require-signed-index': true,
        level,
      });
      expect(faultsOf(result)).toEqual([]);
      expect(result.outputs).toMatchObject({ verified: true, entries: 8, 'index-checksum': second });
      expect(result.json('report')).toMatchObject({ listed: false });
    }
    expect(requests.filter((request) => /^(?!GET|HEAD)/.test(request))).toEqual([]);
  });

  it.each(['v3-signed', 'v2-signed'] as const)('of %s verifies', async (fixture) => {
    const { url } = await served(spackFixture(fixture));
    const trusted = fixture === 'v3-signed' ? fixtureFingerprint : fixtureFingerprintV2;
    expect(faultsOf(await verify(url, { 'trusted-keys': trusted, level: 'full' }))).toEqual([]);
  });

  it('needs no ETags', async () => {
    const { directory, second } = await publishedMirror();
    const { url } = await served(directory, false);
    const result = await verify(url, { 'trusted-keys': key.fingerprint, 'expected-index': second });
    expect(faultsOf(result)).toEqual([]);
  });

  it('from a stale cache is found by expected-index', async () => {
    const { directory } = await stageHonestMirror(key);
    await publishByHand(directory, { signer: key });
    const stale = readObject(directory, indexManifestKey(undefined));
    await addEntry(directory, { name: 'late', signer: key });
    const expected = await publishByHand(directory, { signer: key });
    const server = await served(directory);
    server.pin(`/${indexManifestKey(undefined)}`, stale);
    const inputs = { 'trusted-keys': key.fingerprint, 'expected-index': expected };
    expect(faultsOf(await verify(server.url, inputs))).toEqual(['index-not-expected']);
    expect(faultsOf(await verify(directory, inputs))).toEqual([]);
  });

  it('without one of its tarballs is found', async () => {
    const { directory, late } = await publishedMirror();
    rmSync(join(directory, blobKey(late.tarballSha256)));
    const { url } = await served(directory);
    expect(faultsOf(await verify(url, { 'trusted-keys': key.fingerprint }))).toEqual(['blob-missing']);
  });

  it('with nothing in it is not a mirror', async () => {
    const { url } = await served(temporaryDirectory('empty'));
    expect(await failureOf(verify(url, unsigned))).toMatchObject({ code: 'not-a-buildcache' });
  });

  it('is unreachable if it is down', async () => {
    const server = await serveDirectory(temporaryDirectory('down'));
    server.close();
    expect(await failureOf(verify(server.url, unsigned))).toMatchObject({ code: 'unreachable' });
  });
});

describe('statistics', () => {
  it('count packages, versions, compilers, targets, systems, sizes, duplicates and orphans', async () => {
    const directory = temporaryDirectory('mirror');
    const lib = await addEntry(directory, { name: 'lib', signer: key });
    await addEntry(directory, { name: 'lib', version: '2.0', signer: key });
    const app = await addEntry(directory, { name: 'app', dependencies: [{ entry: lib }], signer: key });
    await addKeys(directory, [key]);
    await publishByHand(directory, { signer: key });
    const orphan = writeBlob(directory, Buffer.from('nobody needs me'), mediaTypes.tarball, 'gzip');
    const size = (sha256: string) => readObject(directory, blobKey(sha256)).length;
    const { json, problems, failure } = await verify(directory, { 'trusted-keys': key.fingerprint });
    expect(failure).toBeUndefined();
    const manifests = listSpecManifests(directory).map((name) => readManifest(directory, name));
    const tarballs = manifests.map((manifest) => requiredRecord(manifest, mediaTypes.tarball));
    const blobs = [...pictureOf(directory).keys()].filter((name) => name.startsWith('blobs/'));
    expect(json('report')).toMatchObject({
      statistics: {
        entries: 3,
        packages: 2,
        versions: 3,
        compilers: [],
        targets: [{ name: 'x86_64_v3', entries: 3 }],
        operatingSystems: [{ name: 'debian12', entries: 3 }],
        signers: [{ name: key.fingerprint, entries: 3 }],
        externals: 0,
        tarballBytes: tarballs.reduce((sum, tarball) => sum + tarball.contentLength, 0),
        blobs: blobs.length,
        blobBytes: blobs.reduce((sum, name) => sum + readObject(directory, name).length, 0),
        duplicateBytesSaved: 0,
        orphans: 1,
        orphanBytes: orphan.contentLength,
      },
    });
    expect(problems).toContainEqual(
      expect.objectContaining({ code: 'blob-orphaned', severity: 'notice', key: blobKey(orphan.checksum) }),
    );
    expect(size(app.tarballSha256)).toBeGreaterThan(0);
  });

  it.each([
    ['v3-signed', [], 0],
    ['v4-specs', [{ name: 'gcc@12.2.0', entries: 5 }], 2],
    ['v2-signed', [{ name: 'gcc@12.2.0', entries: 5 }], 2],
  ] as const)(
    'of %s include the compilers and externals that Spack recorded',
    async (fixture, compilers, externals) => {
      const trusted = fixture === 'v2-signed' ? fixtureFingerprintV2 : fixtureFingerprint;
      const { json } = await verify(spackFixture(fixture), { 'trusted-keys': trusted, ...unsigned });
      expect(json('report')).toMatchObject({
        statistics: {
          entries: 5,
          packages: 3,
          compilers,
          externals,
          targets: [{ entries: 5 }],
          operatingSystems: [{ entries: 5 }],
        },
      });
    },
  );

  it('do not count kept indexes, signed or not, as orphans', async () => {
    const { directory } = await publishedMirror();
    const { json } = await verify(directory, { 'trusted-keys': key.fingerprint });
    expect(json('report')).toMatchObject({ statistics: { orphans: 0, orphanBytes: 0 } });
  });
});

describe('annotations', () => {
  it('name each problem, and the summary shows at most fifty of them', async () => {
    const directory = temporaryDirectory('mirror');
    for (let count = 0; count < 60; count += 1) await addEntry(directory, { name: `pkg-${count}` });
    await publishByHand(directory);
    const { problems, summary } = await verify(directory, { 'trusted-keys': key.publicArmored });
    expect(problems.filter(({ code }) => code === 'unsigned')).toHaveLength(60);
    const findings = summary.findLast((block) => block.kind === 'table');
    expect(findings?.rows).toHaveLength(50);
    expect(summary.at(-1)).toEqual({
      kind: 'text',
      text: expect.stringMatching(/more findings? in the JSON report/),
    });
  });
});

describe('bad input', () => {
  it('is reported in one error that names each input', async () => {
    const failure = await failureOf(
      runAction(action, {
        'allow-unsigned': 'maybe',
        'require-signed-index': 'maybe',
        'expected-index': 'abc',
        level: 'deep',
      }),
    );
    expect(failure).toMatchObject({ code: 'input-invalid' });
    for (const name of ['mirror', 'allow-unsigned', 'require-signed-index', 'expected-index', 'level'])
      expect(failure.message).toContain(`"${name}"`);
  });

  it('without any trusted key', async () => {
    expect(await failureOf(verify(spackFixture('v3-signed'), {}))).toMatchObject({ code: 'input-invalid' });
  });

  it.each([
    ['missing', (directory: string) => join(directory, 'missing'), 'mirror-missing'],
    ['empty', (directory: string) => directory, 'not-a-buildcache'],
    [
      'no mirror',
      (directory: string) => {
        writeObject(directory, 'notes.txt', 'words');
        return directory;
      },
      'not-a-buildcache',
    ],
  ])('a directory that is %s', async (_, prepare, code) => {
    const mirror = prepare(temporaryDirectory('mirror'));
    expect(await failureOf(verify(mirror, unsigned))).toMatchObject({ code });
  });

  it.each(['ftp://host/mirror', 'http://example.org/mirror', 's3://bucket', 'mirror', 'https://'])(
    'the URL %s',
    async (mirror) => {
      const failure = await failureOf(runAction(action, { mirror, ...unsigned }));
      expect(['input-invalid', 'not-supported']).toContain(Reflect.get(failure, 'code'));
    },
  );

  it('I7: credentials in the URL, which are never repeated', async () => {
    const failure = await failureOf(verify('https://user:hunter2@example.org/m', unsigned));
    expect(failure).toMatchObject({ code: 'input-invalid' });
    expect(`${failure.message} ${failure.stack} ${String(failure.cause)}`).not.toContain('hunter2');
  });

  it('a copy of a mirror without its blobs', async () => {
    const mirror = copyOfSpackFixture('v3-unsigned');
    rmSync(join(mirror, 'blobs'), { recursive: true });
    const { failure, outputs } = await verify(mirror, unsigned);
    expect(failure).toMatchObject({ code: 'mirror-refused' });
    expect(outputs).toMatchObject({ verified: false });
  });
});

describe('the plan', () => {
  it.each([
    ['v3', 'audit-layout-v3'],
    ['v2', 'audit-layout-v2'],
    [undefined, 'audit-layout-v3'],
  ] as const)('of layout %s is %s', (layout, kind) => {
    expect(plan({ layout }, 'full')).toEqual({ steps: [{ kind, level: 'full' }] });
  });
});
