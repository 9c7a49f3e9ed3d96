import { rmSync } from 'node:fs';
import {
  blobKey,
  classifyKey,
  formatKeyIndex,
  indexManifestKey,
  keyIndexManifestKey,
  keyManifestKey,
  mediaTypes,
} from '@slipway/spack-buildcache';
import { type Attack, type AttackContext, pathOf } from './attack.ts';
import { damages } from './attack-blobs.ts';
import { clearSign } from './clear-sign.ts';
import { addKeys, indexOf, publishByHand, stageHonestMirror } from './mirror-builder.ts';
import {
  listKeys,
  readManifest,
  readManifestText,
  readObject,
  requiredRecord,
  writeBlob,
  writeManifest,
  writeObject,
} from './mirror-files.ts';

/** The view of a mirror from `prepareSignedMirror`. */
export const attackedView = 'stable';

const mainPointer = indexManifestKey(undefined);
const viewPointer = indexManifestKey(attackedView);
const programHash = 'dhoyfew7acbbjzzbqka3wknqpckquxwo';

/** An attack on the trust in a mirror with signed indexes: its pointers, its keys, and what lies beside them. */
export interface TrustAttack extends Pick<Attack, 'name' | 'code' | 'alongside'> {
  /** What to rebuild: the main index, the view, or neither. */
  readonly repairedBy: 'main' | 'view' | 'nothing';
  apply(context: AttackContext): Promise<void> | void;
}

/** The kept pointers of an index, oldest first. */
export function keptOf(context: AttackContext, view: string | undefined): readonly string[] {
  return listKeys(context.directory).filter((key) => {
    const classified = classifyKey(key);
    return classified.kind === 'history' && classified.view === view;
  });
}

export function copy(context: AttackContext, from: string | undefined, to: string): void {
  if (from === undefined) throw new Error('the mirror has no such pointer');
  writeObject(context.directory, to, readObject(context.directory, from));
}

/** Makes a pointer name an index of other entries, and removes its signature. */
async function forgeUnsigned(
  context: AttackContext,
  view: string | undefined,
  edit: (json: string) => string,
): Promise<void> {
  const { lineage } = readManifest(context.directory, indexManifestKey(view));
  const json = indexOf(context.directory, (hash) => hash !== programHash)
    .toBytes()
    .toString('utf8');
  await publishByHand(context.directory, { view, index: Buffer.from(edit(json)) });
  const key = indexManifestKey(view);
  await writeManifest(context.directory, key, { ...readManifest(context.directory, key), lineage });
}

/** The pointer of another mirror whose indexes are signed by the same key. */
export async function ofAnotherMirror(context: AttackContext, view: string | undefined): Promise<Buffer> {
  const { directory } = await stageHonestMirror(context.keys.honest);
  const mirrorId = 'fedcba9876543210'.repeat(2);
  for (const name of [undefined, view]) {
    for (let generation = 0; generation < 4; generation += 1) {
      await publishByHand(directory, { view: name, mirrorId, signer: context.keys.honest });
    }
  }
  const key = indexManifestKey(view);
  const blob = blobKey(requiredRecord(readManifest(directory, key), mediaTypes.index).checksum);
  writeObject(context.directory, blob, readObject(directory, blob));
  return readObject(directory, key);
}

const onViews: readonly TrustAttack[] = [
  {
    name: 'an unsigned index over the signed one of a view',
    code: 'index-unsigned',
    repairedBy: 'view',
    apply: (context) => forgeUnsigned(context, attackedView, (json) => json),
  },
  {
    name: 'an old signed pointer of a view put back',
    code: 'index-frozen',
    repairedBy: 'view',
    apply: (context) => copy(context, keptOf(context, attackedView)[0], viewPointer),
  },
  {
    name: 'the main pointer copied over a view',
    code: 'index-misplaced',
    repairedBy: 'view',
    apply: (context) => copy(context, mainPointer, viewPointer),
  },
  {
    name: 'a new view planted from an old main pointer',
    code: 'index-misplaced',
    repairedBy: 'nothing',
    apply: (context) => copy(context, keptOf(context, undefined)[0], indexManifestKey('planted')),
  },
  {
    name: 'a new view planted from the pointer of another',
    code: 'index-misplaced',
    repairedBy: 'nothing',
    apply: (context) => copy(context, viewPointer, indexManifestKey('planted')),
  },
  {
    name: 'a new view planted without a signature',
    code: 'index-unsigned',
    repairedBy: 'nothing',
    apply: async ({ directory }) => void (await publishByHand(directory, { view: 'planted' })),
  },
  {
    name: 'the pointer of a view deleted',
    code: 'index-missing',
    repairedBy: 'view',
    apply: (context) => rmSync(pathOf(context, viewPointer)),
  },
  {
    name: 'the pointer of the same view of another mirror',
    code: 'index-misplaced',
    repairedBy: 'view',
    apply: async (context) =>
      writeObject(context.directory, viewPointer, await ofAnotherMirror(context, attackedView)),
  },
  {
    name: 'a pointer of a view signed by a stranger',
    code: 'signature-unknown-key',
    repairedBy: 'view',
    apply: async (context) => {
      const text = readManifestText(context.directory, viewPointer);
      writeObject(context.directory, viewPointer, await clearSign(text, context.keys.stranger));
    },
  },
  {
    name: 'a signed pointer of a view that does not say what it is',
    code: 'index-misplaced',
    repairedBy: 'view',
    apply: async (context) => {
      const { lineage: _, ...bare } = readManifest(context.directory, viewPointer);
      await writeManifest(context.directory, viewPointer, bare, context.keys.honest);
    },
  },
];

const onMain: readonly TrustAttack[] = [
  {
    name: 'the main pointer replaced by an unsigned one that leaves an entry out',
    code: 'index-unsigned',
    alongside: ['index-hides-entry'],
    repairedBy: 'main',
    apply: (context) => forgeUnsigned(context, undefined, (json) => json),
  },
  {
    name: 'the main pointer replaced by an unsigned one that changes a record',
    code: 'index-unsigned',
    alongside: ['index-hides-entry', 'index-node-mismatch'],
    repairedBy: 'main',
    apply: (context) =>
      forgeUnsigned(context, undefined, (json) => json.replace('"loud":false', '"loud":true')),
  },
  {
    name: 'an old signed main pointer put back',
    code: 'index-frozen',
    alongside: ['index-hides-entry'],
    repairedBy: 'main',
    apply: (context) => copy(context, keptOf(context, undefined)[0], mainPointer),
  },
  {
    name: 'the pointer of a view copied over the main one',
    code: 'index-misplaced',
    alongside: ['index-hides-entry'],
    repairedBy: 'main',
    apply: (context) => copy(context, viewPointer, mainPointer),
  },
  {
    name: 'the main pointer of another mirror',
    code: 'index-misplaced',
    alongside: ['index-hides-entry', 'index-names-missing-entry'],
    repairedBy: 'main',
    apply: async (context) =>
      writeObject(context.directory, mainPointer, await ofAnotherMirror(context, undefined)),
  },
  {
    name: 'another signed pointer of the same generation',
    code: 'index-frozen',
    alongside: ['index-hides-entry'],
    repairedBy: 'main',
    apply: async (context) => {
      const { lineage } = readManifest(context.directory, mainPointer);
      await forgeUnsigned(context, undefined, (json) => json);
      rmSync(pathOf(context, keptOf(context, undefined).at(-1) ?? ''));
      const forked = { ...readManifest(context.directory, mainPointer), lineage };
      await writeManifest(context.directory, mainPointer, forked, context.keys.honest);
    },
  },
  {
    name: 'the main pointer deleted',
    code: 'index-missing',
    repairedBy: 'main',
    apply: (context) => rmSync(pathOf(context, mainPointer)),
  },
  ...damages.map(
    ({ what, code, damage }): TrustAttack => ({
      name: `the signed index ${what}`,
      code,
      repairedBy: 'main',
      apply: (context) => {
        const { checksum } = requiredRecord(readManifest(context.directory, mainPointer), mediaTypes.index);
        return damage(pathOf(context, blobKey(checksum)));
      },
    }),
  ),
];

/** Inserts a payload before that of a key's manifest or of the key list: Spack takes the first. */
async function listFirst({ directory }: AttackContext, key: string, body: string): Promise<void> {
  const manifest = readManifest(directory, key);
  const planted = writeBlob(directory, Buffer.from(body), 'application/octet-stream', 'none');
  await writeManifest(directory, key, { ...manifest, data: [planted, ...manifest.data] });
}

const besideThem: readonly TrustAttack[] = [
  {
    name: 'the key of a stranger listed before the honest one, as of another media type',
    code: 'key-malformed',
    repairedBy: 'nothing',
    apply: (context) =>
      listFirst(
        context,
        keyManifestKey(context.keys.honest.fingerprint),
        context.keys.stranger.publicArmored,
      ),
  },
  {
    name: 'another list of keys before the honest one, as of another media type',
    code: 'key-malformed',
    repairedBy: 'nothing',
    apply: (context) =>
      listFirst(context, keyIndexManifestKey, formatKeyIndex([context.keys.stranger.fingerprint])),
  },
  {
    name: 'a pointer under a name that no view can have',
    code: 'name-invalid',
    repairedBy: 'nothing',
    apply: (context) => copy(context, mainPointer, indexManifestKey('of all')),
  },
  {
    name: 'the key of a stranger among those that the mirror offers',
    code: 'key-not-pinned',
    repairedBy: 'nothing',
    apply: ({ directory, keys }) => addKeys(directory, [keys.stranger]),
  },
  {
    name: 'an index of layout v2 beside it',
    code: 'layout-v2-unvouched',
    repairedBy: 'nothing',
    apply: ({ directory }) =>
      writeObject(directory, 'build_cache/index.json', '{"database":{"version":"7","installs":{}}}'),
  },
  {
    name: 'an entry of layout v2 beside it',
    code: 'layout-v2-unvouched',
    repairedBy: 'nothing',
    apply: ({ directory }) => writeObject(directory, 'build_cache/linux-planted.spec.json', '{}'),
  },
];

/** Every attack on the trust in a mirror with signed indexes (I4). */
export const trustAttacks: readonly TrustAttack[] = [...onMain, ...onViews, ...besideThem];
