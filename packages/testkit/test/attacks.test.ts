import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AttackKeys,
  attacks,
  makeAttackKeys,
  pictureOf,
  prepareMirror,
  prepareStagedTree,
  publishByHand,
  stageHonestMirror,
  temporaryDirectory,
} from '../src/index.ts';

let keys: AttackKeys;
beforeAll(async () => {
  keys = await makeAttackKeys();
});

describe('attacks', () => {
  it('have names of their own and codes of the closed list', () => {
    expect(new Set(attacks.map(({ name }) => name)).size).toBe(attacks.length);
    for (const { code } of attacks) expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });

  it.each(attacks)('$name: changes the mirror', async (attack) => {
    const context = attack.against === 'index' ? await prepareMirror(keys) : await prepareStagedTree(keys);
    const before = pictureOf(context.directory);
    await attack.apply(context);
    expect(pictureOf(context.directory)).not.toEqual(before);
  });

  const withoutSignatures = attacks.filter(
    ({ code, against }) => !code.startsWith('signature-') && code !== 'unsigned' && against !== 'keys',
  );
  it.each(withoutSignatures)('$name: changes an unsigned mirror too', async (attack) => {
    const { directory, twins } = await stageHonestMirror();
    if (attack.against === 'index') {
      await publishByHand(directory, { lineage: 'none' });
      await publishByHand(directory);
    }
    const before = pictureOf(directory);
    await attack.apply({ directory, twins, keys, outside: temporaryDirectory('outside') });
    expect(pictureOf(directory)).not.toEqual(before);
  });
});
