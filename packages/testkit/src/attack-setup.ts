import type { Attack, AttackContext } from './attack.ts';
import type { AttackKeys } from './attack-signers.ts';
import { temporaryDirectory } from './fixtures.ts';
import { publishByHand, stageHonestMirror } from './mirror-builder.ts';
import { addEntry } from './synthetic-entry.ts';

/** An honest signed staged tree, to be attacked: everything but an index. */
export async function prepareStagedTree(keys: AttackKeys): Promise<AttackContext> {
  const { directory, twins } = await stageHonestMirror(keys.honest);
  return { directory, twins, keys, outside: temporaryDirectory('outside') };
}

/** An honest signed mirror, to be attacked: published three times, each time with one more entry. */
export async function prepareMirror(keys: AttackKeys): Promise<AttackContext> {
  const context = await prepareStagedTree(keys);
  for (const name of ['early', 'later', 'latest']) {
    await addEntry(context.directory, { name, signer: keys.honest });
    await publishByHand(context.directory);
  }
  return context;
}

/** Whom a verifier trusts who may come across this attack: armored public keys, as the input `trusted-keys` takes them. */
export function trustedKeysFor(attack: Pick<Attack, 'trusts'>, keys: AttackKeys): string {
  return [keys.honest, ...(attack.trusts ?? []).map((name) => keys[name])]
    .map((key) => key.publicArmored.replaceAll('\r\n', '\n'))
    .join('\n');
}
