import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { blobKey, mediaTypes } from '@slipway/spack-buildcache';
import {
  addEntry,
  addKeys,
  haveMounts,
  listKeys,
  listSpecManifests,
  makeKey,
  mountTmpfs,
  pictureOf,
  readManifest,
  remount,
  requiredRecord,
  signManifests,
  stagePackages,
  type TestKey,
  temporaryDirectory,
  unmount,
} from '@slipway/testkit';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { step, urlOf } from './steps.ts';

let key: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
});

const mounts: string[] = [];
afterEach(() => mounts.splice(0).forEach(unmount));

function mounted(size: string): string {
  const directory = mountTmpfs(`size=${size}`);
  mounts.push(directory);
  return directory;
}

async function stage(prefix: string, count: number, bytesEach = 0): Promise<string> {
  const directory = temporaryDirectory('staged');
  if (bytesEach === 0) await stagePackages(directory, { count, prefix, signer: key });
  for (let index = 0; bytesEach > 0 && index < count; index += 1) {
    const files = { 'share/noise': randomBytes(bytesEach) };
    await addEntry(directory, { name: `${prefix}-${index}`, files, signer: key });
  }
  await addKeys(directory, [key]);
  return directory;
}

const publish = (staged: string, mirror: string) =>
  step('buildcache-publish', { buildcache: staged, mirror: urlOf(mirror), 'trusted-keys': key.fingerprint });

async function expectSound(mirror: string, entries: number): Promise<void> {
  const inputs = { mirror: urlOf(mirror), 'trusted-keys': key.fingerprint, level: 'full' };
  const run = await step('buildcache-verify', inputs);
  expect(run.outputs, run.log).toMatchObject({ verified: 'true', errors: '0' });
  expect(Number(run.outputs['entries'])).toBeGreaterThanOrEqual(entries);
}

describe.skipIf(!haveMounts())('I5: a disk that is full (needs the right to mount)', () => {
  it('fails a publish with a clear error; the mirror still verifies, and more room finishes it', async () => {
    const mirror = mounted('1m');
    expect((await publish(await stage('first', 3), mirror)).exitCode).toBe(0);
    const big = await stage('big', 8, 256 * 1024);
    const run = await publish(big, mirror);
    expect(run.exitCode).toBe(1);
    expect(run.annotations.at(-1)?.message).toMatch(/No space|full|room/i);
    expect(run.annotations.at(-1)?.message).toContain('(disk-full)');
    expect(Number(run.outputs['blobs-uploaded'])).toBeGreaterThan(0);
    expect(run.summary).toContain('not published completely');
    await expectSound(mirror, 3);
    remount(mirror, 'size=32m');
    const again = await publish(big, mirror);
    expect(again.exitCode, again.log).toBe(0);
    expect(Number(again.outputs['blobs-uploaded'])).toBe(16 - Number(run.outputs['blobs-uploaded']));
    await expectSound(mirror, 11);
    expect(listKeys(mirror).filter((name) => /partial|tmp|^slipway\/pending/.test(name))).toEqual([]);
  });

  it('fails signing with a clear error, and loses no manifest', async () => {
    const disk = mounted('512k');
    const staged = join(disk, 'staged');
    cpSync(await stage('sign', 20), staged, { recursive: true });
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize));
    const before = pictureOf(staged);
    const other = await makeKey({ type: 'ed25519' });
    const inputs = { buildcache: staged, 'signing-key': other.privateArmored };
    const run = await step('buildcache-sign', inputs);
    expect(run.exitCode).toBe(1);
    expect(run.annotations.at(-1)?.message).toContain('(disk-full)');
    expect(pictureOf(staged)).toEqual(before);
    remount(disk, 'size=4m');
    expect((await step('buildcache-sign', inputs)).outputs).toMatchObject({ signed: '20' });
  });

  it('fails an index with a clear error, and leaves the present one alone', async () => {
    const disk = mounted('2m');
    const mirror = join(disk, 'mirror');
    await publish(await stage('index', 5), mirror);
    await addEntry(mirror, { name: 'new', signer: key });
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize));
    const before = pictureOf(mirror);
    const inputs = { mirror: urlOf(mirror), 'trusted-keys': key.fingerprint };
    const run = await step('buildcache-index', inputs);
    expect(run.exitCode).toBe(1);
    expect(run.annotations.at(-1)?.message).toContain('(disk-full)');
    expect(pictureOf(mirror)).toEqual(before);
  });

  it('during the report alone fails the step after everything else is done', async () => {
    const disk = mounted('16k');
    const mirror = temporaryDirectory('mirror');
    const staged = await stage('report', 30);
    const run = await step('buildcache-publish', {
      buildcache: staged,
      mirror: urlOf(mirror),
      'trusted-keys': key.fingerprint,
      report: join(disk, 'report.json'),
    });
    expect(run.exitCode).toBe(1);
    expect(run.annotations.at(-1)?.message).toContain('(disk-full)');
    expect(run.outputs).toMatchObject({ published: '30' });
    expect(listKeys(disk)).toEqual([]);
    await expectSound(mirror, 30);
  });
});

describe.skipIf(!haveMounts())('a file system that is read-only (needs the right to mount)', () => {
  it('fails a publish with a clear error and nothing done', async () => {
    const mirror = mounted('4m');
    await publish(await stage('first', 3), mirror);
    remount(mirror, 'ro');
    const before = pictureOf(mirror);
    const run = await publish(await stage('second', 2), mirror);
    expect(run.exitCode).toBe(1);
    expect(run.annotations.at(-1)?.message).toContain('(target-read-only)');
    expect(pictureOf(mirror)).toEqual(before);
    await expectSound(mirror, 3);
  });

  it('still allows publishing from it, verifying, and dry runs', async () => {
    const disk = mounted('8m');
    const staged = join(disk, 'staged');
    cpSync(await stage('from', 3), staged, { recursive: true });
    const target = join(disk, 'mirror');
    await publish(staged, target);
    remount(disk, 'ro');
    expect((await publish(staged, temporaryDirectory('mirror'))).outputs).toMatchObject({ published: '3' });
    expect((await publish(staged, target)).outputs).toMatchObject({
      published: '0',
      'already-published': '3',
    });
    await expectSound(target, 3);
    const other = await makeKey({ type: 'ed25519' });
    const inputs = { buildcache: staged, 'signing-key': other.privateArmored };
    expect((await step('buildcache-sign', { ...inputs, 'dry-run': 'true' })).exitCode).toBe(0);
    const run = await step('buildcache-sign', inputs);
    expect(run.exitCode).toBe(1);
    expect(run.annotations.at(-1)?.message).toContain('(target-read-only)');
    const output = join(temporaryDirectory('output'), 'signed');
    expect((await step('buildcache-sign', { ...inputs, output })).outputs).toMatchObject({ signed: '3' });
  });
});

describe('a target that cannot be written', () => {
  it('because a file is in the way fails with a clear error', async () => {
    const parent = temporaryDirectory('parent');
    writeFileSync(join(parent, 'file'), 'mine');
    for (const mirror of [join(parent, 'file'), join(parent, 'file/mirror')]) {
      const before = pictureOf(parent);
      const run = await publish(await stage('blocked', 1), mirror);
      expect(run.exitCode).toBe(1);
      expect(run.annotations.at(-1)?.message).not.toContain('(internal)');
      expect(pictureOf(parent)).toEqual(before);
    }
  });

  it('because a directory is in the way of an object fails with a clear error', async () => {
    const staged = await stage('blocked', 1);
    const mirror = temporaryDirectory('mirror');
    const [manifest = ''] = listSpecManifests(staged);
    const { checksum } = requiredRecord(readManifest(staged, manifest), mediaTypes.tarball);
    const blocked = blobKey(checksum);
    mkdirSync(join(mirror, blocked), { recursive: true });
    const run = await publish(staged, mirror);
    expect(run.exitCode).toBe(1);
    expect(run.annotations.at(-1)?.message).not.toContain('(internal)');
    expect(existsSync(join(mirror, 'v3/manifests/index'))).toBe(false);
  });
});

describe('the report', () => {
  it('that cannot be written to its path fails the step after everything else is done', async () => {
    const staged = await stage('report', 2);
    await signManifests(staged, key);
    const mirror = temporaryDirectory('mirror');
    const blocker = join(temporaryDirectory('report'), 'file');
    writeFileSync(blocker, 'mine');
    const run = await step('buildcache-publish', {
      buildcache: staged,
      mirror: urlOf(mirror),
      'trusted-keys': key.fingerprint,
      report: join(blocker, 'report.json'),
    });
    expect(run.exitCode).toBe(1);
    expect(run.outputs).toMatchObject({ published: '2' });
    await expectSound(mirror, 2);
  });
});
