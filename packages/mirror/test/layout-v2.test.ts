import { hash as hashOnce } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ObjectStore } from '@slipway/core';
import { openStore } from '@slipway/store';
import {
  type AttackKeys,
  copyOfSpackFixture,
  listKeys,
  makeAttackKeys,
  readObject,
  spackFixture,
  takeOffSignature,
  temporaryDirectory,
  writeObject,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AuditReport, MirrorAudit } from '../src/index.ts';
import { attacksV2 } from './layout-v2-attacks.ts';
import {
  auditV2,
  codes,
  editIndex,
  editSpec,
  hashes,
  index,
  keyOf,
  readText,
  signedMirror,
  spackKey,
  withdraw,
} from './layout-v2-mirror.ts';

let keys: AttackKeys;
beforeAll(async () => {
  keys = await makeAttackKeys();
});

const audit = (directory: string, options: Partial<MirrorAudit> = {}): Promise<AuditReport> =>
  auditV2(directory, keys.honest.publicArmored, options);

describe('I4: the audit of layout v2 has nothing to say', () => {
  it.each(['metadata', 'full'] as const)('of what Spack 0.23 signed, at level %s', async (level) => {
    const report = await audit(spackFixture('v2-signed'), { trustedKeys: spackKey, level });
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ layout: 'v2', listed: true });
    expect(report.indexes).toEqual([
      {
        view: undefined,
        checksum: hashOnce('sha256', readFileSync(join(spackFixture('v2-signed'), index))),
        generation: undefined,
        entries: 5,
        signedBy: undefined,
      },
    ]);
    expect(report.statistics).toMatchObject({
      entries: 5,
      packages: 3,
      versions: 4,
      compilers: [{ name: 'gcc@12.2.0', entries: 5 }],
      targets: [{ name: 'x86_64', entries: 5 }],
      signers: [{ name: spackKey, entries: 5 }],
      externals: 2,
      tarballBytes: 32_879,
      blobs: 5,
      orphans: 0,
    });
  });

  it.each(['metadata', 'full'] as const)('of an unsigned mirror that may be, at level %s', async (level) => {
    const report = await audit(spackFixture('v2-unsigned'), { trustedKeys: '', allowUnsigned: true, level });
    expect(report.findings).toEqual([]);
  });

  it('of a mirror signed by a recent key', async () => {
    expect((await audit(await signedMirror(keys.honest))).findings).toEqual([]);
  });

  it('of specs written with different white space by different Spack releases', async () => {
    const directory = await signedMirror(keys.honest);
    await editSpec(directory, hashes.data, keys.honest, (text) => JSON.stringify(JSON.parse(text), null, 1));
    expect((await audit(directory)).findings).toEqual([]);
  });
});

describe('I4, I8: the audit of layout v2 finds exactly', () => {
  it.each(attacksV2)('$name [$code]', async ({ code, atMetadata, apply }) => {
    const directory = await signedMirror(keys.honest);
    await apply(directory, keys);
    expect(codes(await audit(directory))).toEqual([code]);
    expect(codes(await audit(directory, { level: 'metadata' }))).toEqual(atMetadata === true ? [code] : []);
  });

  it('a wrong checksum in an unsigned spec [tarball-checksum-mismatch]', async () => {
    const directory = copyOfSpackFixture('v2-unsigned');
    const key = keyOf(directory, hashes.greet);
    writeObject(
      directory,
      key,
      readText(directory, key).replace(/"hash":"[0-9a-f]{64}"/, `"hash":"${'0'.repeat(64)}"`),
    );
    const report = await audit(directory, { trustedKeys: '', allowUnsigned: true });
    expect(codes(report)).toEqual(['tarball-checksum-mismatch']);
  });

  it('a changed spec that Spack itself had signed [signature-bad]', async () => {
    const directory = copyOfSpackFixture('v2-signed');
    const key = keyOf(directory, hashes.library);
    writeObject(directory, key, readText(directory, key).replace('"loud":false', '"loud":true'));
    expect(codes(await audit(directory, { trustedKeys: spackKey }))).toEqual(['signature-bad']);
  });

  it('signatures by a key that is not pinned [signature-not-pinned]', async () => {
    expect(codes(await audit(spackFixture('v2-signed')))).toEqual(['signature-not-pinned']);
  });

  it('signatures when no key is trusted [signature-unknown-key]', async () => {
    const report = await audit(spackFixture('v2-signed'), { trustedKeys: '', allowUnsigned: true });
    expect(codes(report)).toEqual(['signature-unknown-key']);
  });

  it('a mirror without signatures [unsigned]', async () => {
    expect(codes(await audit(spackFixture('v2-unsigned')))).toEqual(['unsigned']);
  });

  it('a missing signature in a file named as signed, even if unsigned ones are allowed [signature-malformed]', async () => {
    const directory = await signedMirror(keys.honest);
    const key = keyOf(directory, hashes.greet);
    writeObject(directory, key, takeOffSignature(readText(directory, key)));
    expect(codes(await audit(directory, { allowUnsigned: true }))).toEqual(['signature-malformed']);
  });

  it('an unsigned spec beside the signed one, even if unsigned ones are allowed [unsigned]', async () => {
    const directory = await signedMirror(keys.honest);
    const key = keyOf(directory, hashes.greet);
    writeObject(directory, key.replace(/\.sig$/, ''), takeOffSignature(readText(directory, key)));
    expect(codes(await audit(directory, { allowUnsigned: true }))).toEqual(['unsigned']);
  });

  it('that the mirror does not hold a trusted key [trusted-key-missing]', async () => {
    const missing = '0123456789ABCDEF0123456789ABCDEF01234567';
    const report = await audit(spackFixture('v2-signed'), { trustedKeys: `${spackKey}\n${missing}` });
    expect(codes(report)).toEqual(['trusted-key-missing']);
  });

  it('a tarball that is a link out of the mirror [path-outside]', async () => {
    const directory = await signedMirror(keys.honest);
    const key = keyOf(directory, hashes.greet, 'tarball');
    const outside = join(temporaryDirectory('outside'), 'tarball');
    writeObject(outside, 'tarball', readObject(directory, key));
    rmSync(join(directory, key));
    symlinkSync(join(outside, 'tarball'), join(directory, key));
    expect(codes(await audit(directory))).toEqual(['path-outside']);
  });

  it('an index that is not the expected one [index-not-expected], or that should be signed [index-unsigned]', async () => {
    const directory = await signedMirror(keys.honest);
    const expectedIndex = hashOnce('sha256', readObject(directory, index));
    expect(codes(await audit(directory, { expectedIndex }))).toEqual([]);
    expect(codes(await audit(directory, { expectedIndex: '0'.repeat(64) }))).toEqual(['index-not-expected']);
    expect(codes(await audit(directory, { requireSignedIndex: true }))).toEqual(['index-unsigned']);
  });

  it('at most a hundred stray files by name', async () => {
    const directory = await signedMirror(keys.honest);
    for (let number = 0; number < 150; number += 1) writeObject(directory, `sources/${number}.tar.gz`, '');
    const { findings } = await audit(directory);
    expect(findings.map(({ code }) => code)).toEqual(Array.from({ length: 101 }, () => 'file-unknown'));
    expect(findings.at(-1)?.message).toContain('50 more files');
  });
});

describe('the audit of layout v2', () => {
  it('is refused if there is no such mirror', async () => {
    await expect(audit(temporaryDirectory('empty'))).rejects.toMatchObject({ code: 'not-a-buildcache' });
  });

  it('reads the mirror again if the index moved meanwhile', async () => {
    const directory = await signedMirror(keys.honest);
    const whole = readObject(directory, index);
    editIndex(directory, withdraw(hashes.greet));
    const store = await openStore(pathToFileURL(directory).href);
    const report = await audit(directory, {
      store: onFirstList(store, () => {
        writeObject(directory, index, whole);
        writeObject(directory, `${index}.hash`, hashOnce('sha256', whole));
      }),
    });
    expect(report.findings).toEqual([]);
  });

  it('changes nothing', async () => {
    const directory = await signedMirror(keys.honest);
    const snapshot = (): unknown => listKeys(directory).map((key) => [key, readText(directory, key)]);
    const before = snapshot();
    await audit(directory);
    expect(snapshot()).toEqual(before);
    expect(readdirSync(directory)).toEqual(['build_cache']);
  });
});

/** The real store, with something happening before its first listing. */
function onFirstList(store: ObjectStore, event: () => void): ObjectStore {
  let happened = false;
  return {
    url: store.url,
    writable: store.writable,
    listable: store.listable,
    head: (key) => store.head(key),
    read: (key, options) => store.read(key, options),
    readStream: (key, options) => store.readStream(key, options),
    write: (key, source, options) => store.write(key, source, options),
    delete: (key) => store.delete(key),
    list: (prefix) => {
      if (!happened) event();
      happened = true;
      return store.list(prefix);
    },
  };
}
