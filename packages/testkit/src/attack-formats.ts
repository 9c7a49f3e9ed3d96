import { gzipSync } from 'node:zlib';
import {
  type BlobRecord,
  blobKey,
  formatManifest,
  indexManifestKey,
  indexMediaType,
  specMediaType,
} from '@slipway/spack-buildcache';
import { type Attack, type AttackContext, rewriteManifest, stolenSigner, victims } from './attack.ts';
import {
  readManifest,
  readObject,
  readSpecJson,
  requiredRecord,
  writeBlob,
  writeObject,
} from './mirror-files.ts';
import { addEntry } from './synthetic-entry.ts';

const pointerKey = indexManifestKey(undefined);

/** The records of an index with the mirror's entries of version 5, and of one with an entry of version 6 as well. */
interface IndexTexts {
  /** Of version 8, as it was. */
  readonly older: string;
  /** An index of this version with the entry of version 6. */
  withNewer(databaseVersion: number): string;
  /** An index of this version without it. */
  without(databaseVersion: number): string;
}

/** Adds an entry of version 6 to the mirror, and makes the pointer list what `choose` returns, by index version. */
async function pointToIndexes(
  context: AttackContext,
  choose: (texts: IndexTexts) => readonly (readonly [databaseVersion: number, text: string])[],
  others: readonly BlobRecord[] = [],
): Promise<void> {
  const { directory } = context;
  const signer = stolenSigner(context, victims.program);
  const { hash, nodes } = await addEntry(directory, {
    name: 'newer',
    specfile: 6,
    provides: ['newer-api@1'],
    ...(signer === undefined ? {} : { signer }),
  });
  const { lineage, data } = readManifest(directory, pointerKey);
  const older = readObject(directory, blobKey(data[0]?.checksum ?? '')).toString();
  const record = `,"${hash}":{"spec":${nodes.get(hash)},"ref_count":0,"in_buildcache":true}`;
  const without = (version: number): string => older.replace('"version":"8"', `"version":"${version}"`);
  const indexes = choose({
    older,
    without,
    withNewer: (version) => without(version).replace(/}}}$/, `${record}}}}`),
  });
  const records = indexes.map(([version, text]) =>
    writeBlob(directory, Buffer.from(text), indexMediaType(version), 'none'),
  );
  await rewriteManifest(
    context,
    pointerKey,
    formatManifest({ version: 3, data: [...records, ...others], lineage }),
  );
}

/** Stores an index of an unknown, newer version, and returns its record. */
export function foreignIndex(directory: string, body: string): BlobRecord {
  return { ...writeBlob(directory, Buffer.from(body), indexMediaType(10), 'none'), others: { note: body } };
}

/** Lists the spec of the program under another version, after `edit` has changed its text. */
async function relabel(
  context: AttackContext,
  version: number,
  edit: (json: string) => string,
): Promise<void> {
  const manifest = readManifest(context.directory, victims.program);
  const old = requiredRecord(manifest, specMediaType(5));
  const json = readSpecJson(context.directory, victims.program);
  const record = writeBlob(context.directory, gzipSync(edit(json)), specMediaType(version), 'gzip');
  const data = manifest.data.map((listed) => (listed === old ? record : listed));
  await rewriteManifest(context, victims.program, formatManifest({ ...manifest, data }));
}

const asVersion = (json: string, version: number): string =>
  json.replace('"_meta":{"version":5}', `"_meta":{"version":${version}}`);

const entryAttacks: readonly Attack[] = [
  {
    name: 'a spec of an unknown version for another package',
    code: 'name-mismatch',
    level: 'metadata',
    against: 'entry',
    apply: (context) =>
      relabel(context, 7, (json) => asVersion(json, 7).replace('"name":"greet"', '"name":"treat"')),
  },
  {
    name: 'a spec of an unknown version with another hash',
    code: 'spec-blob-mismatch',
    metadataCode: 'hash-mismatch',
    level: 'full',
    against: 'entry',
    apply: (context) =>
      relabel(context, 7, (json) =>
        asVersion(json, 7).replace(/"hash":"dhoyfew7acbbjzzbqka3wknqpckquxwo"/, `"hash":"${'a'.repeat(32)}"`),
      ),
  },
  {
    name: 'a spec of an unknown version without a name',
    code: 'spec-malformed',
    level: 'metadata',
    against: 'entry',
    apply: (context) => relabel(context, 7, (json) => asVersion(json, 7).replace('"name":', '"title":')),
  },
  {
    name: 'a spec that states another version than its manifest',
    code: 'spec-malformed',
    level: 'metadata',
    against: 'entry',
    apply: (context) => relabel(context, 6, (json) => json),
  },
  {
    name: 'a spec of version 6 that is listed as one that older clients read',
    code: 'spec-malformed',
    level: 'metadata',
    against: 'entry',
    apply: (context) => relabel(context, 5, (json) => asVersion(json, 6)),
  },
];

const indexAttacksOfFormats: readonly Attack[] = [
  {
    name: 'an index for older clients that offers what they cannot read',
    code: 'index-version-mismatch',
    level: 'metadata',
    against: 'index',
    onlyVerifyFinds: true,
    apply: (context) =>
      pointToIndexes(context, ({ withNewer }) => [
        [9, withNewer(9)],
        [8, withNewer(8)],
      ]),
  },
  {
    name: 'an entry that is hidden from the only clients that read it',
    code: 'index-hides-entry',
    alongside: ['index-version-mismatch'],
    level: 'metadata',
    against: 'index',
    onlyVerifyFinds: true,
    apply: (context) =>
      pointToIndexes(context, ({ without, withNewer }) => [
        [9, without(9)],
        [8, withNewer(8)],
      ]),
  },
  {
    name: 'no index for entries of the newest format',
    code: 'index-hides-entry',
    level: 'metadata',
    against: 'index',
    apply: (context) => pointToIndexes(context, ({ older }) => [[8, older]]),
  },
  {
    name: 'an index that is listed as one of another version',
    code: 'index-malformed',
    level: 'metadata',
    against: 'index',
    apply: (context) =>
      pointToIndexes(context, ({ older, withNewer }) => [
        [9, withNewer(8)],
        [8, older],
      ]),
  },
  {
    name: 'two indexes of one version, of which clients take the first',
    code: 'index-malformed',
    level: 'metadata',
    against: 'index',
    apply: (context) =>
      pointToIndexes(context, ({ without, withNewer }) => [
        [9, without(9)],
        [9, withNewer(9)],
        [8, without(8)],
      ]),
  },
  {
    name: 'a node that the newer index describes differently',
    code: 'index-node-mismatch',
    level: 'metadata',
    against: 'index',
    onlyVerifyFinds: true,
    apply: (context) =>
      pointToIndexes(context, ({ older, withNewer }) => [
        [9, withNewer(9).replace('newer-api@1', 'newer-api@2')],
        [8, older],
      ]),
  },
  {
    name: 'an index of an unknown version that is not what the pointer says',
    code: 'blob-tampered',
    level: 'metadata',
    against: 'index',
    onlyVerifyFinds: true,
    async apply(context) {
      const foreign = foreignIndex(context.directory, 'whatever');
      await pointToIndexes(
        context,
        ({ older, withNewer }) => [
          [9, withNewer(9)],
          [8, older],
        ],
        [foreign],
      );
      writeObject(context.directory, blobKey(foreign.checksum), 'whatevex');
    },
  },
];

export const formatAttacks: readonly Attack[] = [...entryAttacks, ...indexAttacksOfFormats];
