import { gzipSync } from 'node:zlib';
import { type BlobRecord, mediaTypes } from '@slipway/spack-buildcache';
import {
  type Attack,
  type AttackContext,
  type Payload,
  replaceRecord,
  replaceSpec,
  rewriteManifest,
  victims,
} from './attack.ts';
import { readManifest, readManifestText, readSpecJson, requiredRecord, writeBlob } from './mirror-files.ts';

const payloads: readonly Payload[] = ['tarball', 'spec'];

function attack(name: string, code: string, apply: Attack['apply']): Attack {
  return { name, code, level: 'metadata', against: 'entry', apply };
}

function recordOf(context: AttackContext, key: string, payload: Payload): BlobRecord {
  return requiredRecord(readManifest(context.directory, key), mediaTypes[payload]);
}

/** Packs the spec of the victim in another way, with correct checksums. */
function repackSpec(context: AttackContext, pack: (json: string) => Uint8Array): Promise<void> {
  const packed = pack(readSpecJson(context.directory, victims.program));
  return replaceRecord(
    context,
    victims.program,
    writeBlob(context.directory, packed, mediaTypes.spec, 'gzip'),
  );
}

function layoutVersion(what: string, version: string): Attack {
  return attack(`a spec of buildcache layout ${what}`, 'spec-layout-unsupported', (context) => {
    const json = readSpecJson(context.directory, victims.program);
    const changed = json.replace(
      /"buildcache_layout_version":\s*2/,
      `"buildcache_layout_version":${version}`,
    );
    if (changed === json) throw new Error('the spec does not state its layout');
    return replaceSpec(context, victims.program, changed);
  });
}

/** Manifests and specs that Spack reads differently than a person would. All of it is signed. */
export const manifestAttacks: readonly Attack[] = [
  ...payloads.flatMap((payload): readonly Attack[] => [
    attack(`a manifest with two ${payload}s`, 'manifest-ambiguous', (context) => {
      const manifest = readManifest(context.directory, victims.program);
      const other = recordOf(context, victims.data, payload);
      return rewriteManifest(context, victims.program, { ...manifest, data: [...manifest.data, other] });
    }),
    attack(`a manifest with the same ${payload} twice`, 'manifest-ambiguous', (context) => {
      const manifest = readManifest(context.directory, victims.program);
      const record = recordOf(context, victims.program, payload);
      return rewriteManifest(context, victims.program, { ...manifest, data: [...manifest.data, record] });
    }),
    ...['none', 'zstd', ''].map((compression) =>
      attack(
        `a manifest that calls its ${payload} compressed with "${compression}"`,
        'compression-mismatch',
        (context) =>
          replaceRecord(context, victims.program, {
            ...recordOf(context, victims.program, payload),
            compression,
          }),
      ),
    ),
  ]),
  attack('a manifest with specs of two versions', 'manifest-ambiguous', (context) => {
    const manifest = readManifest(context.directory, victims.program);
    const other = recordOf(context, victims.data, 'spec');
    const mediaType = 'application/vnd.spack.spec.v6+json';
    return rewriteManifest(context, victims.program, {
      ...manifest,
      data: [...manifest.data, { ...other, mediaType }],
    });
  }),
  attack('a manifest of version 2', 'manifest-malformed', (context) => {
    const text = readManifestText(context.directory, victims.program);
    return rewriteManifest(context, victims.program, text.replace('"version":3', '"version":2'));
  }),
  attack('a spec of two gzip members', 'gzip-trailing-data', (context) =>
    repackSpec(context, (json) => Buffer.concat([gzipSync(json.slice(0, 40)), gzipSync(json.slice(40))])),
  ),
  attack('a spec with a gzip member behind zeros', 'gzip-trailing-data', (context) =>
    repackSpec(context, (json) => Buffer.concat([gzipSync(json), Buffer.alloc(8), gzipSync('{}')])),
  ),
  attack('a spec with bytes after its gzip', 'gzip-trailing-data', (context) =>
    repackSpec(context, (json) => Buffer.concat([gzipSync(json), Buffer.from('more')])),
  ),
  layoutVersion('1, whose tarballs were other things', '1'),
  layoutVersion('4', '4'),
  layoutVersion('-1', '-1'),
  layoutVersion('"2" as a text', '"2"'),
];
