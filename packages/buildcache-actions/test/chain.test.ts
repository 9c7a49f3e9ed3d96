import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { indexManifestKey } from '@slipway/spack-buildcache';
import {
  addEntry,
  copyOfSpackFixture,
  gpgMissing,
  isSigned,
  listSpecManifests,
  makeKey,
  openGpgHome,
  pictureOf,
  stagePackages,
  type TestKey,
  temporaryDirectory,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ActionName, reportOf, step, urlOf } from './steps.ts';

let key: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519', passphrase: 'correct horse battery', userId: 'Release Bot' });
});

/** What changes between runs, by kind. */
function normalized(text: string, names: Readonly<Record<string, string>>): string {
  let result = text.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
  for (const [value, name] of Object.entries(names)) result = result.replaceAll(value, name);
  return result
    .replaceAll(/\b[0-9a-f]{64}\b/g, '‹SHA-256›')
    .replaceAll(/\b\d+(\.\d+)? (ms|s)\b/g, '‹time›')
    .replaceAll(/, \d[\d.]* ?(B|KiB|MiB|GiB)?\/s/g, '')
    .replaceAll(/Node \d+\.\d+\.\d+, \w+ \w+/g, 'Node ‹version›')
    .replaceAll(/buildcache-(\w+) \d+\.\d+\.\d+ on/g, 'buildcache-$1 ‹version› on')
    .replaceAll(/^::add-mask::.*\n/gm, '')
    .replaceAll(/[ \t]+$/gm, '');
}

describe('the bundles, as steps of a job', () => {
  it('sign, publish, index and verify what Spack staged', async () => {
    const staged = copyOfSpackFixture('v3-unsigned');
    const mirror = join(temporaryDirectory('mirror'), 'mirror');
    const secrets = { 'signing-key': key.privateArmored, passphrase: key.passphrase ?? '' };
    const trust = { 'trusted-keys': key.fingerprint };
    const place = { mirror: urlOf(mirror) };
    const names = {
      [urlOf(mirror)]: '‹mirror›',
      [urlOf(staged)]: '‹staged›',
      [key.fingerprint]: '‹fingerprint›',
    };
    const seen: string[] = [];
    const run = async (name: ActionName, inputs: Record<string, string>) => {
      const result = await step(name, inputs);
      expect(result.exitCode, result.log).toBe(0);
      expect(result.annotations.filter(({ severity }) => severity !== 'notice')).toEqual([]);
      seen.push(`# ${name}\n\n${normalized(result.log, names)}\n${normalized(result.summary, names)}`);
      return result.outputs;
    };

    const signed = await run('buildcache-sign', { buildcache: staged, ...secrets });
    expect(signed).toMatchObject({ fingerprint: key.fingerprint, signed: '5', 'already-signed': '0' });
    const published = await run('buildcache-publish', { buildcache: staged, ...place, ...trust, ...secrets });
    expect(published).toMatchObject({ published: '5', 'blobs-uploaded': '10' });
    expect(published['invalidation-paths']?.split('\n')).toContain(`/${indexManifestKey(undefined)}`);
    expect(isSigned(mirror, indexManifestKey(undefined))).toBe(true);
    const view = { view: 'stable', select: 'libgreet\ngreet-data' };
    const indexed = await run('buildcache-index', { ...place, ...trust, ...secrets, ...view });
    expect(indexed).toMatchObject({ changed: 'true', added: '3', removed: '0', generation: '1' });
    const verified = await run('buildcache-verify', {
      ...place,
      ...trust,
      'expected-index': published['index-checksum'] ?? '',
      'require-signed-index': 'true',
      level: 'full',
    });
    expect(verified).toMatchObject({
      verified: 'true',
      errors: '0',
      warnings: '0',
      entries: '5',
      'index-checksum': published['index-checksum'],
    });
    expect(JSON.parse(readFileSync(verified['sarif'] ?? '', 'utf8'))).toMatchObject({ version: '2.1.0' });
    if (!gpgMissing) {
      using gpg = openGpgHome(key.publicArmored);
      for (const name of [
        ...listSpecManifests(mirror),
        indexManifestKey(undefined),
        indexManifestKey('stable'),
      ])
        expect(gpg.verify(join(mirror, name)).exitCode, name).toBe(0);
    }
    await expect(seen.join('\n\n')).toMatchFileSnapshot('golden/chain.txt');

    const before = pictureOf(mirror);
    const again = await step('buildcache-publish', { buildcache: staged, ...place, ...trust, ...secrets });
    expect(again.outputs).toMatchObject({ published: '0', 'already-published': '5', 'bytes-uploaded': '0' });
    expect(pictureOf(mirror)).toEqual(before);
  });

  it('use worker threads for many entries, with the same result', async () => {
    const staged = temporaryDirectory('staged');
    const entries = await stagePackages(staged, { count: 150, prefix: 'many', sharedDependencies: 4 });
    const plain = await makeKey({ type: 'ed25519' });
    const mirror = temporaryDirectory('mirror');
    const trust = { 'trusted-keys': plain.fingerprint };
    const signed = await step('buildcache-sign', { buildcache: staged, 'signing-key': plain.privateArmored });
    expect(signed.outputs, signed.log).toMatchObject({ signed: String(entries.length) });
    const published = await step('buildcache-publish', {
      buildcache: staged,
      mirror: urlOf(mirror),
      ...trust,
    });
    expect(published.outputs, published.log).toMatchObject({ published: String(entries.length) });
    const rebuilt = await step('buildcache-index', { mirror: urlOf(mirror), operation: 'rebuild', ...trust });
    expect(rebuilt.outputs, rebuilt.log).toMatchObject({
      added: '0',
      removed: '0',
      'index-checksum': published.outputs['index-checksum'],
    });
    const verified = await step('buildcache-verify', { mirror: urlOf(mirror), level: 'full', ...trust });
    expect(verified.outputs, verified.log).toMatchObject({
      verified: 'true',
      entries: String(entries.length),
    });
  });

  it("I3: index and publish at once lose none of each other's entries", async () => {
    const plain = await makeKey({ type: 'ed25519' });
    const first = temporaryDirectory('staged');
    const second = temporaryDirectory('staged');
    for (const [directory, prefix] of [
      [first, 'first'],
      [second, 'second'],
    ] as const) {
      await stagePackages(directory, { count: 20, prefix });
      await step('buildcache-sign', { buildcache: directory, 'signing-key': plain.privateArmored });
    }
    const mirror = temporaryDirectory('mirror');
    const place = { mirror: urlOf(mirror), 'trusted-keys': plain.fingerprint };
    await step('buildcache-publish', { buildcache: first, ...place });
    await addEntry(mirror, { name: 'unindexed', signer: plain });
    const runs = await Promise.all([
      step('buildcache-index', { ...place }),
      step('buildcache-index', { ...place, operation: 'rebuild' }),
    ]);
    const more = await Promise.all([
      step('buildcache-publish', { buildcache: second, ...place }),
      step('buildcache-index', { ...place, operation: 'rebuild' }),
    ]);
    for (const run of [...runs, ...more]) expect(run.exitCode, run.log).toBe(0);
    const verified = await step('buildcache-verify', { ...place, level: 'full' });
    expect(verified.outputs, verified.log).toMatchObject({ verified: 'true', warnings: '0', entries: '41' });
    expect(reportOf(verified)).toMatchObject({ indexes: [{ entries: 41 }] });
  });
});

describe('a failing step', () => {
  it('says what, why and what to do in one annotation, and still writes its report', async () => {
    const staged = copyOfSpackFixture('v3-unsigned');
    const run = await step('buildcache-verify', { mirror: urlOf(staged), 'trusted-keys': key.publicArmored });
    expect(run.exitCode).toBe(1);
    expect(run.outputs).toMatchObject({ verified: 'false', errors: '5' });
    const failures = run.annotations.filter(({ title }) => title === 'buildcache-verify');
    expect(failures).toHaveLength(1);
    expect(failures[0]?.message).toMatch(
      /^buildcache-verify failed with: .*\(unsigned\).*\n.*\n\(mirror-refused\)$/s,
    );
    expect(run.summary).toContain('Mirror refused');
    expect(reportOf(run)).toMatchObject({ verified: false, counts: { errors: 5 } });
  });

  it('shows at most ten annotations of a kind, and logs every problem', async () => {
    const mirror = temporaryDirectory('mirror');
    await stagePackages(mirror, { count: 40, prefix: 'unsigned' });
    const run = await step('buildcache-verify', { mirror: urlOf(mirror), 'trusted-keys': key.publicArmored });
    expect(run.annotations.filter(({ severity }) => severity === 'error')).toHaveLength(10);
    expect(run.log.match(/^error unsigned: /gm)).toHaveLength(40);
  });
});
