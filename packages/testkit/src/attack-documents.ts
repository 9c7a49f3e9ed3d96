import { truncateSync } from 'node:fs';
import { mediaTypes } from '@slipway/spack-buildcache';
import { type Attack, pathOf, replaceRecord, replaceSpec, rewriteManifest, victims } from './attack.ts';
import { readManifestText, readSpecJson, writeBlob } from './mirror-files.ts';

const deepManifestLevels = 20_000;
const deepSpecLevels = 200_000;
const bombChunkBytes = 1024 * 1024;
const bombChunks = 96;

/** JSON that readers interpret differently or cannot handle, and sizes that exhaust memory. All of it is signed. */
export const documentAttacks: readonly Attack[] = [
  {
    name: 'a manifest of a gigabyte',
    code: 'manifest-too-large',
    level: 'metadata',
    against: 'entry',
    // A sparse file, which takes no space on the disk.
    apply: (context) => truncateSync(pathOf(context, victims.program), 2 ** 30),
  },
  {
    name: 'a manifest that is nested too deeply',
    code: 'json-too-deep',
    level: 'metadata',
    against: 'entry',
    apply(context) {
      const text = readManifestText(context.directory, victims.program);
      const deep = `${'[\n'.repeat(deepManifestLevels)}${']\n'.repeat(deepManifestLevels)}`;
      return rewriteManifest(context, victims.program, text.replace('{\n', `{\n"extra":${deep},\n`));
    },
  },
  {
    name: 'a spec that is nested too deeply',
    code: 'json-too-deep',
    level: 'metadata',
    against: 'entry',
    apply(context) {
      const json = readSpecJson(context.directory, victims.program);
      const deep = `${'['.repeat(deepSpecLevels)}${']'.repeat(deepSpecLevels)}`;
      return replaceSpec(context, victims.program, json.replace('{', `{"extra":${deep},`));
    },
  },
  {
    name: 'a manifest with two checksums of one payload',
    code: 'json-duplicate-key',
    level: 'metadata',
    against: 'entry',
    apply(context) {
      const text = readManifestText(context.directory, victims.program);
      const other = `"checksum":"${'0'.repeat(64)}",\n"checksum":`;
      return rewriteManifest(context, victims.program, text.replace('"checksum":', other));
    },
  },
  {
    name: 'a spec with two names of one node',
    code: 'json-duplicate-key',
    level: 'metadata',
    against: 'entry',
    apply(context) {
      const json = readSpecJson(context.directory, victims.program);
      return replaceSpec(context, victims.program, json.replace('"name":', '"name":"other","name":'));
    },
  },
  {
    name: 'a spec with two names of one node, one of them spelled with an escape',
    code: 'json-duplicate-key',
    level: 'metadata',
    against: 'entry',
    apply(context) {
      const json = readSpecJson(context.directory, victims.program);
      return replaceSpec(context, victims.program, json.replace('"name":', '"n\\u0061me":"other","name":'));
    },
  },
  {
    name: 'a spec that unpacks to more than 64 MiB',
    code: 'gzip-bomb',
    level: 'metadata',
    against: 'entry',
    async apply(context) {
      const json = readSpecJson(context.directory, victims.program);
      const bomb = Buffer.concat([Buffer.from(json), Buffer.alloc(bombChunkBytes * bombChunks, ' ')]);
      await replaceSpec(context, victims.program, bomb);
    },
  },
  {
    name: 'a spec that is not gzip',
    code: 'gzip-malformed',
    level: 'metadata',
    against: 'entry',
    async apply(context) {
      const json = Buffer.from(readSpecJson(context.directory, victims.program));
      await replaceRecord(
        context,
        victims.program,
        writeBlob(context.directory, json, mediaTypes.spec, 'gzip'),
      );
    },
  },
  {
    name: 'a manifest without a spec',
    code: 'manifest-malformed',
    level: 'metadata',
    against: 'entry',
    apply(context) {
      const text = readManifestText(context.directory, victims.program);
      return rewriteManifest(context, victims.program, text.replace('spack.spec.v5', 'spack.spec.v4'));
    },
  },
];
