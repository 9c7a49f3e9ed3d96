import { hash as hashOnce } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ObjectStore, silentProgress, systemClock } from '@slipway/core';
import { openStore } from '@slipway/store';
import {
  type AttackKeys,
  clearSign,
  copyOfSpackFixture,
  listKeys,
  makeAttackKeys,
  readObject,
  spackFixture,
  type TestSigner,
  takeOffSignature,
  temporaryDirectory,
  writeObject,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AuditReport, auditMirrorV2, classifyKeyV2, type MirrorAudit } from '../src/index.ts';

const spackKey = '8D2BD61D01B4C7F1156FB70B80439FF559F7CF00';
const hashes = {
  greet: 'nq4lhyjwlee4nizr3hfp3bznduzj7hp4',
  data: 'l3p4s5uu2ph4fu3lu4sl3vnwb3cuutik',
  library: 'pbidy66stiueljvxldtgbckrscngfkge',
  twin: 'x3p3wfj7d5rupddz57f6qxqxhikaihwr',
  glibc: 'jlxwffmgwmoc3zddjme3pzekumwc6b3w',
};
const index = 'build_cache/index.json';

let keys: AttackKeys;
beforeAll(async () => {
  keys = await makeAttackKeys();
});

async function audit(directory: string, options: Partial<MirrorAudit> = {}): Promise<AuditReport> {
  return auditMirrorV2({
    store: await openStore(pathToFileURL(directory).href),
    trustedKeys: keys.honest.publicArmored,
    allowUnsigned: false,
    requireSignedIndex: false,
    expectedIndex: undefined,
    level: 'full',
    clock: systemClock,
    progress: silentProgress,
    ...options,
  });
}

const codes = ({ findings }: AuditReport): string[] => [...new Set(findings.map(({ code }) => code))].sort();

/** The key of one file of the entry with this hash. */
function keyOf(directory: string, dagHash: string, kind: 'spec' | 'tarball' = 'spec'): string {
  const key = listKeys(directory).find((candidate) => {
    const classified = classifyKeyV2(candidate);
    return classified.kind === kind && classified.dagHash === dagHash;
  });
  if (key === undefined) throw new Error(`the mirror has no ${kind} of ${dagHash}`);
  return key;
}

const readText = (directory: string, key: string): string => readObject(directory, key).toString('utf8');

/** Spack's unsigned mirror, signed by the key of an honest person, as `gpg` and `spack gpg publish` would do it. */
async function signedMirror(): Promise<string> {
  const directory = copyOfSpackFixture('v2-unsigned');
  for (const key of listKeys(directory).filter((candidate) => candidate.endsWith('.spec.json'))) {
    await writeSpec(directory, `${key}.sig`, readText(directory, key), keys.honest);
    rmSync(join(directory, key));
  }
  const { fingerprint, publicArmored } = keys.honest;
  writeObject(directory, `build_cache/_pgp/${fingerprint}.pub`, publicArmored);
  writeObject(directory, 'build_cache/_pgp/index.json', JSON.stringify({ keys: { [fingerprint]: {} } }));
  return directory;
}

async function writeSpec(directory: string, key: string, text: string, signer: TestSigner): Promise<void> {
  writeObject(directory, key, await clearSign(text.trimEnd(), signer));
}

/** Changes the text of a signed spec and signs it anew, as whoever has the key can. */
async function editSpec(
  directory: string,
  dagHash: string,
  edit: (text: string) => string,
  signer: TestSigner = keys.honest,
): Promise<void> {
  const key = keyOf(directory, dagHash);
  const before = takeOffSignature(readText(directory, key));
  const after = edit(before);
  if (signer === keys.honest && after === before) throw new Error('the edit changed nothing');
  await writeSpec(directory, key, after, signer);
}

/** Changes the index, and its checksum with it. */
function editIndex(directory: string, edit: (text: string) => string): void {
  const before = readText(directory, index);
  const after = edit(before);
  if (after === before) throw new Error('the edit changed nothing');
  writeObject(directory, index, after);
  writeObject(directory, `${index}.hash`, hashOnce('sha256', after));
}

/** Says of an entry that there is no binary of it, which keeps every count right. */
const withdraw =
  (dagHash: string) =>
  (text: string): string =>
    text.replace(
      new RegExp(`("${dagHash}":\\{"spec":(?:(?!"in_buildcache").)*"in_buildcache":)true`),
      '$1false',
    );

function removeEntry(directory: string, dagHash: string): void {
  for (const kind of ['spec', 'tarball'] as const) rmSync(join(directory, keyOf(directory, dagHash, kind)));
}

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

  it('of a mirror that a key of today signed', async () => {
    expect((await audit(await signedMirror())).findings).toEqual([]);
  });

  it('of specs that releases of Spack wrote with different white space', async () => {
    const directory = await signedMirror();
    await editSpec(directory, hashes.data, (text) => JSON.stringify(JSON.parse(text), null, 1));
    expect((await audit(directory)).findings).toEqual([]);
  });
});

interface AttackV2 {
  readonly name: string;
  readonly code: string;
  /** Also what the level `metadata` finds; without, it finds nothing. */
  readonly atMetadata?: boolean;
  apply(directory: string): Promise<void> | void;
}

const attacks: readonly AttackV2[] = [
  {
    name: 'a signed spec that was changed',
    code: 'signature-bad',
    atMetadata: true,
    apply: (directory) => {
      const key = keyOf(directory, hashes.library);
      writeObject(directory, key, readText(directory, key).replace('"loud":false', '"loud":true'));
    },
  },
  {
    name: 'a spec signed by a stranger whose key the mirror offers',
    code: 'signature-not-pinned',
    atMetadata: true,
    apply: async (directory) => {
      const { fingerprint, publicArmored } = keys.stranger;
      writeObject(directory, `build_cache/_pgp/${fingerprint}.pub`, publicArmored);
      const both = { [fingerprint]: {}, [keys.honest.fingerprint]: {} };
      writeObject(directory, 'build_cache/_pgp/index.json', JSON.stringify({ keys: both }));
      await editSpec(directory, hashes.greet, (text) => text, keys.stranger);
    },
  },
  {
    name: 'a spec signed by a stranger',
    code: 'signature-unknown-key',
    atMetadata: true,
    apply: (directory) => editSpec(directory, hashes.greet, (text) => text, keys.stranger),
  },
  {
    name: 'an unsigned spec among signed ones',
    code: 'unsigned',
    atMetadata: true,
    apply: (directory) => {
      const key = keyOf(directory, hashes.greet);
      writeObject(directory, key.replace(/\.sig$/, ''), takeOffSignature(readText(directory, key)));
      rmSync(join(directory, key));
    },
  },
  {
    name: 'an unsigned spec beside the signed one',
    code: 'unsigned',
    atMetadata: true,
    apply: (directory) => {
      const key = keyOf(directory, hashes.greet);
      writeObject(directory, key.replace(/\.sig$/, ''), takeOffSignature(readText(directory, key)));
    },
  },
  {
    name: 'a spec without the signature that its name promises',
    code: 'unsigned',
    atMetadata: true,
    apply: (directory) => {
      const key = keyOf(directory, hashes.greet);
      writeObject(directory, key, takeOffSignature(readText(directory, key)));
    },
  },
  {
    name: 'the signed spec of one package under the name of another',
    code: 'name-mismatch',
    atMetadata: true,
    apply: (directory) =>
      writeObject(
        directory,
        keyOf(directory, hashes.library),
        readObject(directory, keyOf(directory, hashes.data)),
      ),
  },
  {
    name: 'the signed spec of a twin, with the tarball of the twin',
    code: 'hash-mismatch',
    atMetadata: true,
    apply: (directory) => {
      for (const kind of ['spec', 'tarball'] as const) {
        const twin = readObject(directory, keyOf(directory, hashes.twin, kind));
        writeObject(directory, keyOf(directory, hashes.library, kind), twin);
      }
    },
  },
  {
    name: 'a tarball that is not there',
    code: 'blob-missing',
    atMetadata: true,
    apply: (directory) => rmSync(join(directory, keyOf(directory, hashes.greet, 'tarball'))),
  },
  {
    name: 'a tarball with one bit turned over',
    code: 'tarball-checksum-mismatch',
    apply: (directory) => {
      const key = keyOf(directory, hashes.greet, 'tarball');
      const bytes = readObject(directory, key);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      writeObject(directory, key, bytes);
    },
  },
  {
    name: 'the tarball of another package, which the spec was signed for',
    code: 'tarball-mismatch',
    apply: async (directory) => {
      const tarball = readObject(directory, keyOf(directory, hashes.twin, 'tarball'));
      const key = keyOf(directory, hashes.library, 'tarball');
      const before = hashOnce('sha256', readObject(directory, key));
      writeObject(directory, key, tarball);
      await editSpec(directory, hashes.library, (text) => text.replace(before, hashOnce('sha256', tarball)));
    },
  },
  {
    name: 'a spec from before Spack 0.19',
    code: 'tarball-unbound',
    apply: (directory) =>
      editSpec(directory, hashes.greet, (text) => text.replace('"buildcache_layout_version":2,\n', '')),
  },
  ...(
    [
      ['of MD5', '"sha256"', '"md5"'],
      ['that is no hash', /"hash":"[0-9a-f]{64}"/, '"hash":"d0"'],
      ['that is missing', '"binary_cache_checksum"', '"binary_cache"'],
    ] as const
  ).map(
    ([what, from, to]): AttackV2 => ({
      name: `a tarball checksum ${what}`,
      code: 'spec-malformed',
      atMetadata: true,
      apply: (directory) => editSpec(directory, hashes.greet, (text) => text.replace(from, to)),
    }),
  ),
  {
    name: 'a layout version that no Spack reads',
    code: 'spec-malformed',
    atMetadata: true,
    apply: (directory) =>
      editSpec(directory, hashes.greet, (text) => text.replace('layout_version":2', 'layout_version":3')),
  },
  {
    name: 'a spec with a key twice',
    code: 'json-duplicate-key',
    atMetadata: true,
    apply: (directory) =>
      editSpec(directory, hashes.greet, (text) => text.replace('"spec":', '"spec":{},"spec":')),
  },
  {
    name: 'a spec that is nested too deep',
    code: 'json-too-deep',
    atMetadata: true,
    apply: (directory) =>
      editSpec(directory, hashes.greet, (text) =>
        text.replace('{', `{"deep":${'['.repeat(100)}${']'.repeat(100)},`),
      ),
  },
  {
    name: 'a name that leads elsewhere',
    code: 'name-invalid',
    atMetadata: true,
    apply: (directory) =>
      editSpec(directory, hashes.greet, (text) => text.replace('"name":"greet"', '"name":"../../../greet"')),
  },
  {
    name: 'an operating system that leads elsewhere',
    code: 'name-mismatch',
    atMetadata: true,
    apply: (directory) =>
      editSpec(directory, hashes.greet, (text) => text.replace('debian12', '../../../../tmp')),
  },
  {
    name: 'two specs that do not agree about a node',
    code: 'node-conflict',
    atMetadata: true,
    apply: (directory) =>
      editSpec(directory, hashes.greet, (text) =>
        text.replace(/("name":"glibc",\s*"version":"2.36",[^}]*)debian12/, '$1debian13'),
      ),
  },
  {
    name: 'a dependency that is not stored',
    code: 'closure-incomplete',
    atMetadata: true,
    apply: (directory) => {
      removeEntry(directory, hashes.data);
      editIndex(directory, withdraw(hashes.data));
    },
  },
  {
    name: 'an index of other bytes than its checksum says',
    code: 'index-checksum-mismatch',
    atMetadata: true,
    apply: (directory) => writeObject(directory, `${index}.hash`, '0'.repeat(64)),
  },
  {
    name: 'an index without its checksum',
    code: 'index-checksum-mismatch',
    atMetadata: true,
    apply: (directory) => rmSync(join(directory, `${index}.hash`)),
  },
  {
    name: 'an index that hides an entry',
    code: 'index-hides-entry',
    atMetadata: true,
    apply: (directory) => editIndex(directory, withdraw(hashes.greet)),
  },
  {
    name: 'an index that offers what is not stored',
    code: 'index-names-missing-entry',
    atMetadata: true,
    apply: (directory) => removeEntry(directory, hashes.greet),
  },
  {
    name: 'an index that gives a package another version',
    code: 'index-node-mismatch',
    atMetadata: true,
    apply: (directory) =>
      editIndex(directory, (text) =>
        text.replace('"name":"greet","version":"2.0"', '"name":"greet","version":"9.0"'),
      ),
  },
  {
    name: 'an index with a wrong count',
    code: 'index-count-mismatch',
    atMetadata: true,
    apply: (directory) => editIndex(directory, (text) => text.replace('"ref_count":5', '"ref_count":6')),
  },
  {
    name: 'an index that lists what nothing needs',
    code: 'index-node-unneeded',
    atMetadata: true,
    apply: (directory) => {
      removeEntry(directory, hashes.greet);
      editIndex(directory, withdraw(hashes.greet));
    },
  },
  {
    name: 'an index of a database that is not known',
    code: 'index-malformed',
    atMetadata: true,
    apply: (directory) => editIndex(directory, (text) => text.replace('"version":"7"', '"version":"9"')),
  },
  {
    name: 'no index at all',
    code: 'index-missing',
    atMetadata: true,
    apply: (directory) => rmSync(join(directory, index)),
  },
  {
    name: 'another key under the fingerprint of a key',
    code: 'key-mismatch',
    atMetadata: true,
    apply: (directory) =>
      writeObject(directory, `build_cache/_pgp/${keys.honest.fingerprint}.pub`, keys.stranger.publicArmored),
  },
  {
    name: 'a key that is none',
    code: 'key-malformed',
    atMetadata: true,
    apply: (directory) => writeObject(directory, `build_cache/_pgp/${keys.honest.fingerprint}.pub`, 'no key'),
  },
  {
    name: 'a key that the index of keys leaves out',
    code: 'key-index-mismatch',
    atMetadata: true,
    apply: (directory) => writeObject(directory, 'build_cache/_pgp/index.json', '{"keys":{}}'),
  },
  {
    name: 'a key index that lists a way out',
    code: 'key-index-mismatch',
    atMetadata: true,
    apply: (directory) =>
      writeObject(directory, 'build_cache/_pgp/index.json', '{"keys":{"../../../etc/passwd":{}}}'),
  },
  {
    name: 'a spec under a name that is no name',
    code: 'name-invalid',
    atMetadata: true,
    apply: (directory) => writeObject(directory, 'build_cache/greet.spec.json', '{}'),
  },
  {
    name: 'a stray file',
    code: 'file-unknown',
    atMetadata: true,
    apply: (directory) => writeObject(directory, 'build_cache/notes.txt', 'nothing'),
  },
  {
    name: 'a tarball without a spec, which nobody installs',
    code: 'blob-orphaned',
    atMetadata: true,
    apply: (directory) => {
      const stem = `a-b-c-gcc-1-lost-2-${hashes.glibc}`;
      writeObject(directory, `build_cache/a-b-c/gcc-1/lost-2/${stem}.spack`, 'lost');
    },
  },
];

describe('I4, I8: the audit of layout v2 finds exactly', () => {
  it.each(attacks)('$name [$code]', async ({ code, atMetadata, apply }) => {
    const directory = await signedMirror();
    await apply(directory);
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

  it('signatures by a key that nobody pinned [signature-not-pinned]', async () => {
    expect(codes(await audit(spackFixture('v2-signed')))).toEqual(['signature-not-pinned']);
  });

  it('signatures where nobody is trusted [signature-unknown-key]', async () => {
    const report = await audit(spackFixture('v2-signed'), { trustedKeys: '', allowUnsigned: true });
    expect(codes(report)).toEqual(['signature-unknown-key']);
  });

  it('a mirror without signatures [unsigned]', async () => {
    expect(codes(await audit(spackFixture('v2-unsigned')))).toEqual(['unsigned']);
  });

  it('a file that promises a signature and has none, where none is needed [signature-malformed]', async () => {
    const directory = await signedMirror();
    const key = keyOf(directory, hashes.greet);
    writeObject(directory, key, takeOffSignature(readText(directory, key)));
    expect(codes(await audit(directory, { allowUnsigned: true }))).toEqual(['signature-malformed']);
  });

  it('an unsigned spec beside the signed one, even where unsigned ones are allowed [unsigned]', async () => {
    const directory = await signedMirror();
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
    const directory = await signedMirror();
    const key = keyOf(directory, hashes.greet, 'tarball');
    const outside = join(temporaryDirectory('outside'), 'tarball');
    writeObject(outside, 'tarball', readObject(directory, key));
    rmSync(join(directory, key));
    symlinkSync(join(outside, 'tarball'), join(directory, key));
    expect(codes(await audit(directory))).toEqual(['path-outside']);
  });

  it('an index that is not the expected one [index-not-expected], or that should be signed [index-unsigned]', async () => {
    const directory = await signedMirror();
    const expectedIndex = hashOnce('sha256', readObject(directory, index));
    expect(codes(await audit(directory, { expectedIndex }))).toEqual([]);
    expect(codes(await audit(directory, { expectedIndex: '0'.repeat(64) }))).toEqual(['index-not-expected']);
    expect(codes(await audit(directory, { requireSignedIndex: true }))).toEqual(['index-unsigned']);
  });

  it('no more than a hundred stray files by name', async () => {
    const directory = await signedMirror();
    for (let number = 0; number < 150; number += 1) writeObject(directory, `sources/${number}.tar.gz`, '');
    const { findings } = await audit(directory);
    expect(findings.map(({ code }) => code)).toEqual(Array.from({ length: 101 }, () => 'file-unknown'));
    expect(findings.at(-1)?.message).toContain('50 more files');
  });
});

describe('the audit of layout v2', () => {
  it('is refused where there is no such mirror', async () => {
    await expect(audit(temporaryDirectory('empty'))).rejects.toMatchObject({ code: 'not-a-buildcache' });
  });

  it('reads the mirror again when the index moved meanwhile', async () => {
    const directory = await signedMirror();
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
    const directory = await signedMirror();
    const snapshot = (): unknown => listKeys(directory).map((key) => [key, readText(directory, key)]);
    const before = snapshot();
    await audit(directory);
    expect(snapshot()).toEqual(before);
    expect(readdirSync(directory)).toEqual(['build_cache']);
  });
});

/** The store itself, in front of whose first listing something happens. */
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
