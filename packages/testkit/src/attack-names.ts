import { renameSync } from 'node:fs';
import { mediaTypes } from '@slipway/spack-buildcache';
import { type Attack, type AttackContext, changeRoot, pathOf, replaceRecord, victims } from './attack.ts';
import {
  readManifest,
  readObject,
  readSpecJson,
  requiredRecord,
  writeBlob,
  writeObject,
} from './mirror-files.ts';
import { packPrefix } from './synthetic-entry.ts';

function swap(context: AttackContext, first: string, second: string): void {
  const bytes = readObject(context.directory, first);
  writeObject(context.directory, first, readObject(context.directory, second));
  writeObject(context.directory, second, bytes);
}

/** Everything is signed and every checksum is correct, but parts of different entries have been exchanged. */
const exchanges: readonly Attack[] = [
  {
    name: "a package's manifest under the name of another package",
    code: 'name-mismatch',
    level: 'metadata',
    against: 'entry',
    apply(context) {
      writeObject(context.directory, victims.program, readObject(context.directory, victims.data));
    },
  },
  {
    name: 'the manifests of two versions of a package exchanged',
    code: 'name-mismatch',
    level: 'metadata',
    against: 'entry',
    apply: (context) => swap(context, victims.library, victims.olderLibrary),
  },
  {
    name: 'the manifests of two builds of one version exchanged',
    code: 'hash-mismatch',
    level: 'metadata',
    against: 'entry',
    apply: (context) => swap(context, context.twins[0].manifestKey, context.twins[1].manifestKey),
  },
  {
    name: 'the spec of another build beside the right tarball',
    code: 'spec-blob-mismatch',
    metadataCode: 'hash-mismatch',
    level: 'full',
    against: 'entry',
    async apply(context) {
      const [victim, other] = context.twins;
      const record = requiredRecord(readManifest(context.directory, other.manifestKey), mediaTypes.spec);
      await replaceRecord(context, victim.manifestKey, record);
    },
  },
  {
    name: 'the tarball of another package beside the right spec',
    code: 'tarball-mismatch',
    level: 'full',
    against: 'entry',
    async apply(context) {
      const record = requiredRecord(readManifest(context.directory, victims.data), mediaTypes.tarball);
      await replaceRecord(context, victims.program, record);
    },
  },
  {
    name: 'a tarball with the right prefix and the spec of another package inside',
    code: 'tarball-mismatch',
    level: 'full',
    against: 'entry',
    async apply(context) {
      const tarball = await packPrefix('greet-2.0-dhoyfew7acbbjzzbqka3wknqpckquxwo', {
        '.spack/spec.json': readSpecJson(context.directory, victims.data),
        'bin/greet': '#!/bin/sh\necho not what was built\n',
      });
      const record = writeBlob(context.directory, tarball, mediaTypes.tarball, 'gzip');
      await replaceRecord(context, victims.program, record);
    },
  },
];

/** Names, versions and hashes in a spec that would be paths elsewhere or workflow commands. */
const badNodes: readonly (readonly [what: string, field: 'name' | 'version' | 'hash', value: string])[] = [
  ['a name that climbs out of its directory', 'name', '../../../../outside/greet'],
  ['the name ".."', 'name', '..'],
  ['an absolute path as name', 'name', '/etc/greet'],
  ['a name with NUL', 'name', 'greet\0.json'],
  ['a name with a line break and a workflow command', 'name', 'greet\n::error::taken over'],
  ['a name that is a workflow command', 'name', '::set-output name=checksum::greet'],
  ['a name with a backslash', 'name', '..\\..\\greet'],
  ['a version that climbs out of its directory', 'version', '2.0/../../../../outside'],
  ['the version ".."', 'version', '..'],
  ['an absolute path as version', 'version', '/etc'],
  ['a version with NUL', 'version', '2.0\0'],
  ['a version with a line break and a workflow command', 'version', '2.0\n::error::taken over'],
  ['a hash that climbs out of its directory', 'hash', '../../../../../../../../outside/'],
  ['a hash with a line break', 'hash', 'dhoyfew7acbbjzzbqka3wknqpckquxw\n'],
  ['an absolute path as hash', 'hash', '/etc/passwd'],
];

const invalidNodes: readonly Attack[] = [
  ...badNodes.map(
    ([what, field, value]): Attack => ({
      name: `${what} in a spec`,
      code: 'name-invalid',
      level: 'metadata',
      against: 'entry',
      apply: (context) =>
        changeRoot(context, victims.program, (root) => {
          root[field] = value;
        }),
    }),
  ),
  {
    name: 'the hash of a dependency that climbs out of its directory',
    code: 'name-invalid',
    level: 'metadata',
    against: 'entry',
    apply: (context) =>
      changeRoot(context, victims.program, (root) => {
        root.dependencies = [{ ...root.dependencies?.[0], hash: '../../../../../../../../outside/' }];
      }),
  },
];

const badFileNames: readonly (readonly [what: string, stem: string])[] = [
  ['a line break and a workflow command', 'greet-2.0\n::error::taken over'],
  ['a workflow command', 'greet-2.0::error::taken over'],
  ['a carriage return', 'greet-2.0\r'],
  ['a backslash', 'greet-..\\..\\2.0'],
  ['an escape sequence of a terminal', 'greet-2.0\u001b[2J'],
];

const invalidFileNames: readonly Attack[] = badFileNames.map(([what, stem]) => ({
  name: `a manifest's file name with ${what}`,
  code: 'name-invalid',
  level: 'metadata',
  against: 'entry',
  apply(context) {
    const name = `v3/manifests/spec/greet/${stem}-dhoyfew7acbbjzzbqka3wknqpckquxwo.spec.manifest.json`;
    renameSync(pathOf(context, victims.program), pathOf(context, name));
  },
}));

export const nameAttacks: readonly Attack[] = [...exchanges, ...invalidNodes, ...invalidFileNames];
