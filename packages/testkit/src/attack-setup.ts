import { hash as hashOnce } from 'node:crypto';
import { constants, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attack, AttackContext } from './attack.ts';
import type { AttackKeys } from './attack-signers.ts';
import { attackedView } from './attack-trust.ts';
import { temporaryDirectory } from './fixtures.ts';
import { indexOf, publishByHand, stageHonestMirror } from './mirror-builder.ts';
import { listKeys } from './mirror-files.ts';
import { addEntry } from './synthetic-entry.ts';

/** Whether manifests are signed by the honest key. Default `signed`. */
export type Signing = 'signed' | 'unsigned';

/** An honest staged tree, to be attacked: everything but an index. */
export async function prepareStagedTree(
  keys: AttackKeys,
  signing: Signing = 'signed',
): Promise<AttackContext> {
  const { directory, twins } = await stageHonestMirror(signing === 'signed' ? keys.honest : undefined);
  return { directory, twins, keys, outside: temporaryDirectory('outside') };
}

/** An honest mirror, to be attacked: published three times, each time with one more entry. */
export async function prepareMirror(keys: AttackKeys, signing: Signing = 'signed'): Promise<AttackContext> {
  const context = await prepareStagedTree(keys, signing);
  for (const name of ['early', 'later', 'latest']) {
    await addEntry(context.directory, { name, ...(signing === 'signed' ? { signer: keys.honest } : {}) });
    await publishByHand(context.directory);
  }
  return context;
}

/**
 * A mirror whose indexes are signed, to be attacked: the main one and that of the view `stable`, each published three
 * times, with one more entry each time, and the main one once more.
 */
export async function prepareSignedMirror(keys: AttackKeys): Promise<AttackContext> {
  const context = await prepareStagedTree(keys);
  const { directory } = context;
  const signer = keys.honest;
  for (const name of ['early', 'later', 'latest']) {
    await addEntry(directory, { name, signer });
    await publishByHand(directory, { signer });
    const members = indexOf(directory, (hash) => context.twins.every((twin) => twin.hash !== hash));
    await publishByHand(directory, { signer, view: attackedView, index: members });
  }
  await publishByHand(directory, { signer });
  return context;
}

/** The keys that a verifier in this attack trusts: armored public keys, as `trusted-keys` takes them. */
export function trustedKeysFor(attack: Pick<Attack, 'trusts'>, keys: AttackKeys): string {
  return [keys.honest, ...(attack.trusts ?? []).map((name) => keys[name])]
    .map((key) => key.publicArmored.replaceAll('\r\n', '\n'))
    .join('\n');
}

/** Every file of a directory with its type, mode, and content (of a file beyond 256 MiB its size): what must not change. */
export function pictureOf(directory: string): ReadonlyMap<string, string> {
  return new Map(
    listKeys(directory).map((key) => {
      const { mode, size } = lstatSync(join(directory, key));
      const isReadable = (mode & constants.S_IFMT) === constants.S_IFREG && size < 2 ** 28;
      const content = isReadable ? readFileSync(join(directory, key)) : '';
      return [key, `${mode} ${size} ${hashOnce('sha256', content)}`];
    }),
  );
}
