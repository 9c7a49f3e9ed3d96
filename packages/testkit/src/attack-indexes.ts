import { rmSync } from 'node:fs';
import {
  blobKey,
  classifyKey,
  indexManifestKey,
  mediaTypes,
  type PackageIndex,
  singleBlobManifest,
} from '@slipway/spack-buildcache';
import { type Attack, type AttackContext, pathOf, rewriteManifest, victims } from './attack.ts';
import { damages } from './attack-blobs.ts';
import { clearSign } from './clear-sign.ts';
import { indexOf } from './mirror-builder.ts';
import {
  listKeys,
  readManifest,
  readManifestText,
  readObject,
  requiredRecord,
  writeBlob,
  writeObject,
} from './mirror-files.ts';
import { specNode } from './synthetic-entry.ts';

const pointerKey = indexManifestKey(undefined);
const programHash = 'dhoyfew7acbbjzzbqka3wknqpckquxwo';
const libraryHash = 'qrhd4fwi2qepcnm7ecvq4y2lzoycsbwd';

function indexBlobKey(context: AttackContext): string {
  return blobKey(requiredRecord(readManifest(context.directory, pointerKey), mediaTypes.index).checksum);
}

/** Makes the pointer name another index, with correct checksums and its former lineage. */
async function forgeIndex(context: AttackContext, body: string | Uint8Array): Promise<void> {
  const { lineage } = readManifest(context.directory, pointerKey);
  const blob = writeBlob(context.directory, Buffer.from(body), mediaTypes.index, 'none');
  await rewriteManifest(
    context,
    pointerKey,
    singleBlobManifest(mediaTypes.index, blob.contentLength, blob.checksum, lineage),
  );
}

function forged(
  name: string,
  code: string,
  edit: (json: string, context: AttackContext) => string | Uint8Array,
  rest: Partial<Attack> = {},
): Attack {
  return {
    name,
    code,
    level: 'metadata',
    against: 'index',
    ...rest,
    apply: (context) =>
      forgeIndex(
        context,
        edit(readObject(context.directory, indexBlobKey(context)).toString('utf8'), context),
      ),
  };
}

function serialized(index: PackageIndex): Buffer {
  return index.toBytes();
}

const forgeries: readonly Attack[] = [
  forged('an index that names what is not there', 'index-names-missing-entry', (json) => {
    const { hash, json: node } = specNode({
      name: 'invented',
      version: '1.0',
      arch: { platform: 'linux', platform_os: 'debian12', target: 'x86_64_v3' },
      annotations: { original_specfile_version: 5 },
    });
    return json.replace(/}}}$/, `,"${hash}":{"spec":${node},"ref_count":0,"in_buildcache":true}}}}`);
  }),
  forged('an index that hides an entry', 'index-hides-entry', (_, context) =>
    serialized(indexOf(context.directory, (hash) => hash !== programHash)),
  ),
  forged('an index that calls a binary not stored', 'index-hides-entry', (json) => {
    const start = json.indexOf(`"${programHash}":{"spec"`);
    return json.slice(0, start) + json.slice(start).replace('"in_buildcache":true', '"in_buildcache":false');
  }),
  forged(
    'an index with a variant changed in a node',
    'index-node-mismatch',
    (json) => json.replace('"loud":false', '"loud":true'),
    { onlyVerifyFinds: true },
  ),
  forged(
    'an index with a dependency redirected',
    'index-node-mismatch',
    (json) =>
      json.replace(
        '{"name":"libgreet","hash":"qrhd4fwi2qepcnm7ecvq4y2lzoycsbwd"',
        '{"name":"libgreet","hash":"jf6w6f4dm3sebnr7wu2sa4fuzbd7urey"',
      ),
    { onlyVerifyFinds: true },
  ),
  forged('an index that is not a database', 'index-malformed', () => '{"database":[]}'),
  forged('an index of another version', 'index-malformed', (json) =>
    json.replace('"version":"8"', '"version":"9"'),
  ),
  forged('an index with a field that makes Spack refuse it', 'index-malformed', (json) =>
    json.replace('"in_buildcache":true', '"in_buildcache":true,"extra":1'),
  ),
  forged('an index with the same record twice', 'json-duplicate-key', (json) => {
    const record = json.slice(json.indexOf(`"${libraryHash}":{"spec"`)).split(',"ref_count"')[0];
    return json.replace(/}}}$/, `,${record},"ref_count":0,"in_buildcache":true}}}}`);
  }),
  forged('an index that is nested too deeply', 'json-too-deep', (json) =>
    json.replace('{', `{"extra":${'['.repeat(200_000)}${']'.repeat(200_000)},`),
  ),
  forged('an index whose records are named by paths', 'name-invalid', (json) =>
    json.replace(`"${programHash}":{"spec"`, '"../../../../outside":{"spec"'),
  ),
];

/** Serves an index that was replaced, like a mirror or cache that somebody has frozen. */
function putBack(which: 'oldest' | 'newest', name: string): Attack {
  return {
    name,
    code: 'index-frozen',
    alongside: ['index-hides-entry'],
    level: 'metadata',
    against: 'index',
    apply({ directory }) {
      const current = readManifest(directory, pointerKey).lineage?.generation ?? 0;
      const replaced = listKeys(directory).filter((key) => {
        const kept = classifyKey(key);
        return kept.kind === 'history' && kept.view === undefined && kept.generation < current;
      });
      const key = which === 'oldest' ? replaced[0] : replaced.at(-1);
      if (key === undefined) throw new Error('the mirror has no index history');
      writeObject(directory, pointerKey, readObject(directory, key));
    },
  };
}

const pointerAttacks: readonly Attack[] = [
  putBack('oldest', 'an old pointer put back'),
  putBack('newest', 'the most recently replaced pointer put back'),
  {
    name: 'a pointer signed by an unknown key',
    code: 'signature-unknown-key',
    level: 'metadata',
    against: 'index',
    async apply(context) {
      const text = readManifestText(context.directory, pointerKey);
      writeObject(context.directory, pointerKey, await clearSign(text, context.keys.stranger));
    },
  },
  {
    name: 'a signed pointer with another text',
    code: 'signature-bad',
    level: 'metadata',
    against: 'index',
    async apply(context) {
      const signed = await clearSign(readManifestText(context.directory, pointerKey), context.keys.honest);
      const other = signed.replace(/"checksum":"./, (text) =>
        text.endsWith('0') ? '"checksum":"1' : '"checksum":"0',
      );
      writeObject(context.directory, pointerKey, other);
    },
  },
  {
    name: 'a listed entry deleted',
    code: 'index-names-missing-entry',
    level: 'metadata',
    against: 'index',
    apply: (context) => rmSync(pathOf(context, victims.program)),
  },
];

const blobDamages: readonly Attack[] = damages.map(({ what, code, damage }) => ({
  name: `the index ${what}`,
  code,
  level: 'metadata',
  against: 'index',
  apply: (context) => damage(pathOf(context, indexBlobKey(context))),
}));

export const indexAttacks: readonly Attack[] = [...forgeries, ...pointerAttacks, ...blobDamages];
