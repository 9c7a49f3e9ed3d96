// Slow: about 20 s.
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AttackKeys,
  attacks,
  attacksWithoutSignatures,
  makeAttackKeys,
  pictureOf,
  prepareMirror,
  prepareStagedTree,
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

  it.each(attacksWithoutSignatures)('$name: changes an unsigned mirror too', async (attack) => {
    const context = await prepareMirror(keys, 'unsigned');
    const before = pictureOf(context.directory);
    await attack.apply(context);
    expect(pictureOf(context.directory)).not.toEqual(before);
  });
});
