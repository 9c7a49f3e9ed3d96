import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { publishIdOf } from '@slipway/mirror';
import {
  blobKey,
  historyKey,
  indexManifestKey,
  keyIndexManifestKey,
  keyManifestKey,
  layoutKey,
  mediaTypes,
  pendingKey,
  pendingPrefix,
} from '@slipway/spack-buildcache';
import {
  type ActionRunResult,
  addEntry,
  addKeys,
  copyOfSpackFixture,
  forgetInvalidations,
  indexOf,
  isSigned,
  listKeys,
  listSpecManifests,
  makeKey,
  pictureOf,
  publishByHand,
  readManifest,
  readObject,
  requiredRecord,
  runAction,
  signManifests,
  spackFixture,
  stageHonestMirror,
  stagePackages,
  type TestKey,
  temporaryDirectory,
  writeObject,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';
import { directoryPlace } from './mirror-places.ts';
import { audit } from './publishing.ts';
import { repack } from './repack.ts';

/** The key that signed Spack's fixture. */
const fixtureFingerprint = '67F228EEAC6C80C02C43871B17FC74288868C64E';

let key: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
});

type Inputs = Readonly<Record<string, string | boolean>>;

function publish(staged: string, mirror: string, more: Inputs = {}): Promise<ActionRunResult> {
  const url = pathToFileURL(mirror).href;
  return runAction(action, { buildcache: staged, mirror: url, 'trusted-keys': key.fingerprint, ...more });
}

async function stageSigned(): Promise<string> {
  return (await stageHonestMirror(key)).directory;
}

/** A new mirror with these trees, published one by one, and nothing pending for a CDN. */
async function publishedMirror(...trees: readonly string[]): Promise<string> {
  const mirror = temporaryDirectory('mirror');
  for (const tree of trees) expect((await publish(tree, mirror)).failure).toBeUndefined();
  forgetInvalidations(mirror);
  return mirror;
}

function indexChecksum(mirror: string, view?: string): string {
  return requiredRecord(readManifest(mirror, indexManifestKey(view)), mediaTypes.index).checksum;
}

function bytesOf(mirror: string, checksums: readonly string[]): number {
  return checksums.reduce((sum, checksum) => sum + readObject(mirror, blobKey(checksum)).length, 0);
}

/** SHA-256 of every blob that entries refer to. */
function entryBlobs(directory: string): string[] {
  return listSpecManifests(directory).flatMap((manifest) =>
    readManifest(directory, manifest).data.map(({ checksum }) => checksum),
  );
}

describe('publishing to a new mirror', () => {
  it('stores everything, indexes it, and reports the figures', async () => {
    const staged = await stageSigned();
    const mirror = join(temporaryDirectory('parent'), 'not/there/yet');
    const { outputs, json, failure } = await publish(staged, mirror);
    expect(failure).toBeUndefined();
    const blobs = entryBlobs(staged);
    const paths = String(outputs['invalidation-paths']).split('\n');
    expect(outputs).toMatchObject({
      published: 7,
      'already-published': 0,
      kept: 0,
      'blobs-uploaded': blobs.length,
      'bytes-uploaded': bytesOf(staged, blobs),
      'index-checksum': indexChecksum(mirror),
    });
    expect(paths).toEqual(
      [indexManifestKey(undefined), keyIndexManifestKey, keyManifestKey(key.fingerprint), layoutKey]
        .map((name) => `/${name}`)
        .sort(),
    );
    for (const name of [...listSpecManifests(staged), ...blobs.map(blobKey)])
      expect(readObject(mirror, name)).toEqual(readObject(staged, name));
    expect(listKeys(mirror).filter((name) => name.startsWith(pendingPrefix))).toEqual([]);
    expect(json('report')).toMatchObject({
      action: 'buildcache-publish',
      dryRun: false,
      result: {
        manifestsWritten: 7,
        blobsUploaded: blobs.length,
        indexes: [{ moved: true, generation: 1, entryCount: 7, retries: 0 }],
        invalidationPaths: paths,
      },
      counts: { errors: 0, warnings: 0 },
    });
    const { findings } = await audit(directoryPlace(mirror), key).then(({ findings: all }) => ({
      findings: all.filter(({ code }) => code !== 'index-unsigned' && code !== 'dag-hash-unproven'),
    }));
    expect(findings).toEqual([]);
  });

  it('signs the index if it has a key', async () => {
    const mirror = temporaryDirectory('mirror');
    const inputs = { 'signing-key': key.privateArmored };
    await publish(await stageSigned(), mirror, inputs);
    expect(isSigned(mirror, indexManifestKey(undefined))).toBe(true);
    expect(isSigned(mirror, historyKey(undefined, 1, indexChecksum(mirror), true))).toBe(true);
    const { findings } = await audit(directoryPlace(mirror), key);
    expect(findings.filter(({ severity }) => severity !== 'notice')).toEqual([]);
  });

  it("of what Spack signed: a fingerprint is enough trust, and the index equals Spack's", async () => {
    const staged = spackFixture('v3-signed');
    const mirror = temporaryDirectory('mirror');
    const { outputs, failure } = await publish(staged, mirror, { 'trusted-keys': fixtureFingerprint });
    expect(failure).toBeUndefined();
    expect(outputs).toMatchObject({ published: 5 });
    expect(indexChecksum(mirror)).toBe(indexChecksum(staged));
    const index = blobKey(indexChecksum(staged));
    expect(readObject(mirror, index)).toEqual(readObject(staged, index));
  });

  it('of an unsigned buildcache, if allowed, also gives the index that Spack made', async () => {
    const staged = spackFixture('v3-unsigned');
    const mirror = temporaryDirectory('mirror');
    await publish(staged, mirror, { 'trusted-keys': '', 'allow-unsigned': true });
    expect(indexChecksum(mirror)).toBe(indexChecksum(staged));
  });
});

describe('I2: publishing again', () => {
  it('uploads and changes nothing', async () => {
    const staged = await stageSigned();
    const mirror = await publishedMirror(staged);
    const before = pictureOf(mirror);
    const { outputs, json } = await publish(staged, mirror);
    expect(outputs).toMatchObject({
      published: 0,
      'already-published': 7,
      'blobs-uploaded': 0,
      'bytes-uploaded': 0,
      'index-checksum': indexChecksum(mirror),
      'invalidation-paths': '',
    });
    expect(pictureOf(mirror)).toEqual(before);
    expect(json('report')).toMatchObject({
      unchanged: listSpecManifests(staged),
      result: { indexes: [{ moved: false }] },
    });
  });

  it('uploads only what is new, and keeps each pointer it replaces', async () => {
    const staged = await stageSigned();
    const mirror = await publishedMirror(staged);
    const replaced = readObject(mirror, indexManifestKey(undefined));
    const first = indexChecksum(mirror);
    const { tarballSha256, specSha256 } = await addEntry(staged, { name: 'new', signer: key });
    const { outputs } = await publish(staged, mirror);
    expect(outputs).toMatchObject({
      published: 1,
      'already-published': 7,
      'blobs-uploaded': 2,
      'bytes-uploaded': bytesOf(staged, [tarballSha256, specSha256]),
      'invalidation-paths': `/${indexManifestKey(undefined)}`,
    });
    expect(readObject(mirror, historyKey(undefined, 1, first, false))).toEqual(replaced);
    expect(readManifest(mirror, indexManifestKey(undefined)).lineage).toEqual({
      generation: 2,
      index: '@main',
      mirror: expect.stringMatching(/^[0-9a-f]{32}$/),
      previous: first,
    });
  });

  it('indexes what an interrupted run stored', async () => {
    const staged = await stageSigned();
    const mirror = await publishedMirror(staged);
    const whole = indexChecksum(mirror);
    for (const name of [indexManifestKey(undefined), historyKey(undefined, 1, whole, false)])
      rmSync(join(mirror, name));
    const { outputs } = await publish(staged, mirror);
    expect(outputs).toMatchObject({ published: 0, 'already-published': 7, 'blobs-uploaded': 0 });
    expect(indexChecksum(mirror)).toBe(whole);
  });
});

describe('an entry that the mirror has with other content', () => {
  async function differing() {
    const staged = temporaryDirectory('staged');
    await stagePackages(staged, { count: 2, prefix: 'pkg', signer: key });
    await addKeys(staged, [key]);
    const mirror = await publishedMirror(staged);
    const [first = ''] = listSpecManifests(staged);
    const tarball = await repack(staged, first, key);
    return { staged, mirror, first, tarball };
  }

  it('is kept, with a warning', async () => {
    const { staged, mirror, first, tarball } = await differing();
    const before = pictureOf(mirror);
    const { outputs, problems, json } = await publish(staged, mirror);
    expect(outputs).toMatchObject({ published: 0, kept: 1, 'already-published': 1, 'blobs-uploaded': 0 });
    expect(problems).toMatchObject([{ code: 'entry-differs', severity: 'warning', key: first }]);
    expect(json('report')).toMatchObject({ kept: [first] });
    expect(pictureOf(mirror)).toEqual(before);
    expect(pictureOf(mirror).has(blobKey(tarball))).toBe(false);
  });

  it('is replaced with overwrite, and listed for invalidation', async () => {
    const { staged, mirror, first, tarball } = await differing();
    const { outputs, failure } = await publish(staged, mirror, { overwrite: true });
    expect(failure).toBeUndefined();
    expect(outputs).toMatchObject({
      published: 1,
      kept: 0,
      'blobs-uploaded': 1,
      'invalidation-paths': `/${first}`,
    });
    expect(readObject(mirror, first)).toEqual(readObject(staged, first));
    expect(readObject(mirror, blobKey(tarball))).toEqual(readObject(staged, blobKey(tarball)));
    const { findings } = await audit(directoryPlace(mirror), key);
    expect(findings.map(({ code }) => code).sort()).toEqual(['blob-orphaned', 'index-unsigned']);
  });
});

describe('I4: signatures', () => {
  it('an unsigned entry is refused, unless that is allowed', async () => {
    const staged = await stageSigned();
    const { manifestKey } = await addEntry(staged, { name: 'unsigned' });
    const mirror = temporaryDirectory('mirror');
    await expect(publish(staged, mirror)).rejects.toMatchObject({
      code: 'buildcache-refused',
      message: expect.stringContaining(`${manifestKey}: it is not signed (unsigned)`),
    });
    expect(pictureOf(mirror)).toEqual(new Map());
    expect((await publish(staged, mirror, { 'allow-unsigned': true })).outputs).toMatchObject({
      published: 8,
    });
  });

  it('an unsigned entry of the mirror is replaced with the same one signed', async () => {
    const { directory } = await stageHonestMirror();
    const mirror = temporaryDirectory('mirror');
    await publish(directory, mirror, { 'trusted-keys': '', 'allow-unsigned': true });
    await signManifests(directory, key);
    await addKeys(directory, [key]);
    const { outputs, failure } = await publish(directory, mirror);
    expect(failure).toBeUndefined();
    expect(outputs).toMatchObject({ published: 7, 'blobs-uploaded': 0 });
    for (const manifest of listSpecManifests(mirror)) expect(isSigned(mirror, manifest)).toBe(true);
    expect(String(outputs['invalidation-paths']).split('\n')).toEqual(
      expect.arrayContaining(listSpecManifests(mirror).map((name) => `/${name}`)),
    );
  });

  it('a signed entry of the mirror is not replaced with the same one unsigned', async () => {
    const mirror = await publishedMirror(await stageSigned());
    const before = pictureOf(mirror);
    const { outputs } = await publish((await stageHonestMirror()).directory, mirror, {
      'allow-unsigned': true,
    });
    expect(outputs).toMatchObject({ published: 0, 'already-published': 7 });
    expect(pictureOf(mirror)).toEqual(before);
  });

  it('a key that is not pinned is not passed on', async () => {
    const staged = await stageSigned();
    const stranger = await makeKey({ type: 'ed25519' });
    await addKeys(staged, [stranger]);
    const mirror = await publishedMirror(staged);
    expect(listKeys(mirror)).toContain(keyManifestKey(key.fingerprint));
    expect(listKeys(mirror)).not.toContain(keyManifestKey(stranger.fingerprint));
  });
});

describe('I1: closures', () => {
  it('refuses an entry whose dependency is neither staged nor stored, and accepts it once it is', async () => {
    const whole = temporaryDirectory('staged');
    const lib = await addEntry(whole, { name: 'lib', signer: key });
    await addKeys(whole, [key]);
    const rest = temporaryDirectory('staged');
    const dependencies = [{ entry: lib, deptypes: ['link'] }];
    const app = await addEntry(rest, { name: 'app', dependencies, signer: key });
    await addKeys(rest, [key]);
    const mirror = temporaryDirectory('mirror');
    await expect(publish(rest, mirror)).rejects.toMatchObject({
      code: 'buildcache-refused',
      message: expect.stringMatching(
        new RegExp(`${app.manifestKey}: it needs lib.*\\(closure-incomplete\\)`),
      ),
    });
    expect(pictureOf(mirror)).toEqual(new Map());
    await publish(whole, mirror);
    expect((await publish(rest, mirror)).outputs).toMatchObject({ published: 1 });
  });

  it('does not require build dependencies', async () => {
    const elsewhere = temporaryDirectory('elsewhere');
    const tool = await addEntry(elsewhere, { name: 'tool' });
    const staged = temporaryDirectory('staged');
    await addEntry(staged, {
      name: 'app',
      dependencies: [{ entry: tool, deptypes: ['build'] }],
      signer: key,
    });
    await addKeys(staged, [key]);
    expect((await publish(staged, temporaryDirectory('mirror'))).outputs).toMatchObject({ published: 1 });
  });
});

describe('a view', () => {
  it('gets its own index beside the main one, of what was published to it', async () => {
    const first = await stageSigned();
    const mirror = await publishedMirror(first);
    const second = temporaryDirectory('staged');
    await stagePackages(second, { count: 3, prefix: 'viewed', signer: key });
    await addKeys(second, [key]);
    const { outputs, json } = await publish(second, mirror, { view: 'stable' });
    expect(outputs).toMatchObject({ published: 3, 'index-checksum': indexChecksum(mirror) });
    expect(json('report')).toMatchObject({
      result: { indexes: [{ entryCount: 10 }, { view: 'stable', entryCount: 3, generation: 1 }] },
    });
    expect(String(outputs['invalidation-paths']).split('\n')).toEqual(
      [`/${indexManifestKey(undefined)}`, `/${indexManifestKey('stable')}`].sort(),
    );
    const { findings, indexes } = await audit(directoryPlace(mirror), key);
    expect(findings.filter(({ code }) => !['index-unsigned', 'dag-hash-unproven'].includes(code))).toEqual(
      [],
    );
    expect(indexes).toMatchObject([{ entries: 10 }, { view: 'stable', entries: 3 }]);
  });

  it('can receive entries that the mirror already has', async () => {
    const staged = await stageSigned();
    const mirror = await publishedMirror(staged);
    const main = readObject(mirror, indexManifestKey(undefined));
    const { outputs } = await publish(staged, mirror, { view: 'stable' });
    expect(outputs).toMatchObject({ published: 0, 'invalidation-paths': `/${indexManifestKey('stable')}` });
    expect(readObject(mirror, indexManifestKey(undefined))).toEqual(main);
    expect(indexChecksum(mirror, 'stable')).toBe(indexChecksum(mirror));
  });
});

describe('a mirror whose index another tool replaced', () => {
  it.each(['the same index', 'another index'])('by %s still takes more, with a warning', async (what) => {
    const staged = await stageSigned();
    const mirror = await publishedMirror(staged);
    const all = indexOf(mirror);
    const index =
      what === 'the same index' ? all : indexOf(mirror, (hash) => hash !== [...all.entries()].at(-1));
    await publishByHand(mirror, { lineage: 'none', index });
    if (what === 'another index') rmSync(join(mirror, listSpecManifests(mirror).at(-1) ?? ''));
    await addEntry(staged, { name: 'new', signer: key });
    const { outputs, problems, failure } = await publish(staged, mirror);
    expect(failure).toBeUndefined();
    expect(problems).toContainEqual(expect.objectContaining({ code: 'index-foreign', severity: 'warning' }));
    expect(outputs).toMatchObject({ published: what === 'the same index' ? 1 : 2 });
    const { findings } = await audit(directoryPlace(mirror), key);
    expect(findings.map(({ code }) => code)).not.toContain('index-foreign');
  });
});

describe('a dry run', () => {
  it('leaves no trace, not even a directory, and says what would be done', async () => {
    const staged = await stageSigned();
    const parent = temporaryDirectory('parent');
    const { outputs, log, json } = await publish(staged, join(parent, 'mirror'), { 'dry-run': true });
    expect(readdirSync(parent)).toEqual([]);
    expect(outputs).toMatchObject({ published: 7, 'index-checksum': '' });
    expect(log).toEqual(
      expect.arrayContaining([
        ...listSpecManifests(staged).map((manifest) => `Would write ${manifest}`),
        `Would add the keys ${key.fingerprint}`,
        'Would add 7 entries to the index',
      ]),
    );
    expect(json('report')).toMatchObject({ dryRun: true, plan: expect.any(Array) });
    expect(json('report')).not.toHaveProperty('result');
  });

  it('changes nothing in a mirror, and its plan and outputs are those of the following run', async () => {
    const staged = await stageSigned();
    const { manifestKey: replaced } = await addEntry(staged, { name: 'again', signer: key });
    const mirror = await publishedMirror(staged);
    const { hash } = await addEntry(staged, { name: 'new', signer: key });
    await repack(staged, replaced, key);
    // The note of an interrupted publish of the new entry alone.
    const note = pendingKey(publishIdOf([hash]));
    writeObject(mirror, note, JSON.stringify({ version: 1, startedAtMs: Date.now(), hashes: [hash] }));
    const before = pictureOf(mirror);
    const directories = () => readdirSync(mirror, { recursive: true }).sort();
    const all = directories();
    const inputs = { view: 'stable', overwrite: true };
    const dry = await publish(staged, mirror, { ...inputs, 'dry-run': true });
    expect(pictureOf(mirror)).toEqual(before);
    expect(directories()).toEqual(all);
    const real = await publish(staged, mirror, inputs);
    expect(planOf(real)).toEqual(planOf(dry));
    for (const name of ['published', 'kept', 'blobs-uploaded', 'bytes-uploaded', 'invalidation-paths'])
      expect([name, dry.outputs[name]]).toEqual([name, real.outputs[name]]);
    expect(String(dry.outputs['invalidation-paths'])).toContain(replaced);

    // I6: whatever is deleted was printed first.
    const deleted = [...before.keys()].filter((name) => !pictureOf(mirror).has(name));
    expect(deleted).toEqual([note]);
    expect(dry.log).toContain(`Would delete ${note}`);
    expect(real.log).toContain(`Will delete ${note} once the index has moved.`);
  });
});

function planOf(run: ActionRunResult): unknown {
  return (run.json('report') as { readonly plan: unknown }).plan;
}

describe('a staged mirror that is a copy', () => {
  it('of the mirror itself publishes nothing', async () => {
    const mirror = await publishedMirror(await stageSigned());
    const copy = join(temporaryDirectory('copy'), 'mirror');
    cpSync(mirror, copy, { recursive: true });
    expect((await publish(copy, mirror)).outputs).toMatchObject({ published: 0, 'already-published': 7 });
  });

  it('of a fixture with an index does not copy that index', async () => {
    const staged = copyOfSpackFixture('v3-signed');
    const mirror = temporaryDirectory('mirror');
    await publish(staged, mirror, { 'trusted-keys': fixtureFingerprint });
    expect(listKeys(mirror)).not.toContain(indexManifestKey('stable'));
  });
});
