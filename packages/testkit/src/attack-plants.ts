import {
  formatManifest,
  historyKey,
  historyPrefix,
  indexManifestKey,
  mediaTypes,
} from '@slipway/spack-buildcache';
import { attackedView, copy, keptOf, ofAnotherMirror, type TrustAttack } from './attack-trust.ts';
import { clearSign } from './clear-sign.ts';
import { readManifest, requiredRecord, writeObject } from './mirror-files.ts';

const mainPointer = indexManifestKey(undefined);
const viewPointer = indexManifestKey(attackedView);

/** Files that somebody may plant or damage: they are ignored, and do not prevent publishing (I4). */
export const harmlessPlants: readonly (Pick<TrustAttack, 'name' | 'apply'> & {
  readonly code: string;
})[] = [
  {
    name: 'a damaged record of what a CDN must forget',
    code: 'invalidations-malformed',
    apply: ({ directory }) =>
      writeObject(directory, '.slipway/pending-invalidations.v1.json', '{"version":1}'),
  },
  {
    name: 'an empty file of the next generation',
    code: 'index-history-unproven',
    apply: ({ directory }) =>
      writeObject(directory, `${historyPrefix}@main/0000000006-${'a'.repeat(16)}.json`, ''),
  },
  {
    name: 'an empty file that pretends to be signed',
    code: 'index-history-unproven',
    apply: ({ directory }) =>
      writeObject(directory, `${historyPrefix}@main/0000000006-${'a'.repeat(16)}.signed.json`, ''),
  },
  {
    name: 'a file of a generation that no index can have',
    code: 'file-unknown',
    apply: ({ directory }) =>
      writeObject(directory, `${historyPrefix}@main/9999999999-${'a'.repeat(16)}.json`, ''),
  },
  {
    name: 'an unsigned pointer of the highest generation',
    code: 'index-history-unproven',
    apply: ({ directory }) => {
      const pointer = readManifest(directory, mainPointer);
      const lineage = { ...pointer.lineage, generation: 999_999_999 };
      const { checksum } = requiredRecord(pointer, mediaTypes.index);
      const key = historyKey(undefined, lineage.generation, checksum, false);
      writeObject(directory, key, formatManifest({ ...pointer, lineage }));
    },
  },
  {
    name: 'an old signed pointer under the name of a later one',
    code: 'index-history-unproven',
    apply: (context) => {
      const [oldest = ''] = keptOf(context, undefined);
      copy(context, oldest, oldest.replace(/\d{10}/, '0000000050'));
    },
  },
  {
    name: 'a signed pointer of the main index in the history of a view',
    code: 'index-history-unproven',
    apply: (context) => {
      const newest = keptOf(context, undefined).at(-1);
      copy(context, newest, (newest ?? '').replace('@main', attackedView));
    },
  },
  {
    name: 'a later pointer of the same view of another mirror',
    code: 'index-history-unproven',
    apply: async (context) => {
      const bytes = await ofAnotherMirror(context, attackedView);
      const { checksum } = requiredRecord(readManifest(context.directory, viewPointer), mediaTypes.index);
      writeObject(context.directory, historyKey(attackedView, 4, checksum, true), bytes);
    },
  },
  {
    name: 'a pointer signed by a stranger',
    code: 'index-history-unproven',
    apply: async ({ directory, keys }) => {
      const pointer = readManifest(directory, mainPointer);
      const lineage = { ...pointer.lineage, generation: 40 };
      const { checksum } = requiredRecord(pointer, mediaTypes.index);
      const text = formatManifest({ ...pointer, lineage });
      writeObject(directory, historyKey(undefined, 40, checksum, true), await clearSign(text, keys.stranger));
    },
  },
];
