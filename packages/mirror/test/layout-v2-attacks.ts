import { hash as hashOnce } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type AttackKeys, readObject, takeOffSignature, writeObject } from '@slipway/testkit';
import {
  editIndex,
  editSpec,
  hashes,
  index,
  keyOf,
  readText,
  removeEntry,
  withdraw,
} from './layout-v2-mirror.ts';

/** A change to an honest signed mirror of layout v2, and the one finding it must cause. */
export interface AttackV2 {
  readonly name: string;
  readonly code: string;
  /** Also found at the level `metadata`; otherwise that level finds nothing. */
  readonly atMetadata?: boolean;
  apply(directory: string, keys: AttackKeys): Promise<void> | void;
}

export const attacksV2: readonly AttackV2[] = [
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
    apply: async (directory, keys) => {
      const { fingerprint, publicArmored } = keys.stranger;
      writeObject(directory, `build_cache/_pgp/${fingerprint}.pub`, publicArmored);
      const both = { [fingerprint]: {}, [keys.honest.fingerprint]: {} };
      writeObject(directory, 'build_cache/_pgp/index.json', JSON.stringify({ keys: both }));
      await editSpec(directory, hashes.greet, keys.stranger);
    },
  },
  {
    name: 'a spec signed by a stranger',
    code: 'signature-unknown-key',
    atMetadata: true,
    apply: (directory, keys) => editSpec(directory, hashes.greet, keys.stranger),
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
    apply: async (directory, keys) => {
      const tarball = readObject(directory, keyOf(directory, hashes.twin, 'tarball'));
      const key = keyOf(directory, hashes.library, 'tarball');
      const before = hashOnce('sha256', readObject(directory, key));
      writeObject(directory, key, tarball);
      await editSpec(directory, hashes.library, keys.honest, (text) =>
        text.replace(before, hashOnce('sha256', tarball)),
      );
    },
  },
  {
    name: 'a spec from before Spack 0.19',
    code: 'tarball-unbound',
    apply: (directory, keys) =>
      editSpec(directory, hashes.greet, keys.honest, (text) =>
        text.replace('"buildcache_layout_version":2,\n', ''),
      ),
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
      apply: (directory, keys) =>
        editSpec(directory, hashes.greet, keys.honest, (text) => text.replace(from, to)),
    }),
  ),
  {
    name: 'a layout version that no Spack reads',
    code: 'spec-malformed',
    atMetadata: true,
    apply: (directory, keys) =>
      editSpec(directory, hashes.greet, keys.honest, (text) =>
        text.replace('layout_version":2', 'layout_version":3'),
      ),
  },
  {
    name: 'a spec with a key twice',
    code: 'json-duplicate-key',
    atMetadata: true,
    apply: (directory, keys) =>
      editSpec(directory, hashes.greet, keys.honest, (text) => text.replace('"spec":', '"spec":{},"spec":')),
  },
  {
    name: 'a spec that is nested too deep',
    code: 'json-too-deep',
    atMetadata: true,
    apply: (directory, keys) =>
      editSpec(directory, hashes.greet, keys.honest, (text) =>
        text.replace('{', `{"deep":${'['.repeat(100)}${']'.repeat(100)},`),
      ),
  },
  {
    name: 'a name that leads elsewhere',
    code: 'name-invalid',
    atMetadata: true,
    apply: (directory, keys) =>
      editSpec(directory, hashes.greet, keys.honest, (text) =>
        text.replace('"name":"greet"', '"name":"../../../greet"'),
      ),
  },
  {
    name: 'an operating system that leads elsewhere',
    code: 'name-mismatch',
    atMetadata: true,
    apply: (directory, keys) =>
      editSpec(directory, hashes.greet, keys.honest, (text) => text.replace('debian12', '../../../../tmp')),
  },
  {
    name: 'two specs that do not agree about a node',
    code: 'node-conflict',
    atMetadata: true,
    apply: (directory, keys) =>
      editSpec(directory, hashes.greet, keys.honest, (text) =>
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
    apply: (directory, keys) =>
      writeObject(directory, `build_cache/_pgp/${keys.honest.fingerprint}.pub`, keys.stranger.publicArmored),
  },
  {
    name: 'a key that is none',
    code: 'key-malformed',
    atMetadata: true,
    apply: (directory, keys) =>
      writeObject(directory, `build_cache/_pgp/${keys.honest.fingerprint}.pub`, 'no key'),
  },
  {
    name: 'a key index that lists a way out',
    code: 'key-index-mismatch',
    atMetadata: true,
    apply: (directory, keys) =>
      writeObject(
        directory,
        'build_cache/_pgp/index.json',
        JSON.stringify({ keys: { [keys.honest.fingerprint]: {}, '../../../etc/passwd': {} } }),
      ),
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
