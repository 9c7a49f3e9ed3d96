import { createHash } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AttackKeys,
  attacks,
  listKeys,
  makeAttackKeys,
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

/** Every file with what identifies its content. A large file is known by its size. */
function picture(directory: string): Map<string, string> {
  return new Map(
    listKeys(directory).map((key) => {
      const { mode, size } = lstatSync(join(directory, key));
      const regular = (mode & 0o170000) === 0o100000;
      const content = regular && size < 2 ** 28 ? readFileSync(join(directory, key)) : '';
      return [key, `${mode} ${size} ${createHash('sha256').update(content).digest('hex')}`];
    }),
  );
}

describe('attacks', () => {
  it('have names of their own and codes of the closed list', () => {
    expect(new Set(attacks.map(({ name }) => name)).size).toBe(attacks.length);
    for (const { code } of attacks) expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });

  it.each(attacks)('$name: changes the mirror', async (attack) => {
    const context = attack.against === 'index' ? await prepareMirror(keys) : await prepareStagedTree(keys);
    const before = picture(context.directory);
    await attack.apply(context);
    expect(picture(context.directory)).not.toEqual(before);
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
    const before = picture(directory);
    await attack.apply({ directory, twins, keys, outside: temporaryDirectory('outside') });
    expect(picture(directory)).not.toEqual(before);
  });
});
