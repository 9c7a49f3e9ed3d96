// Slow: about 50 s.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '@slipway/core';
import type { ActionResult } from '@slipway/runner';
import { indexManifestKey } from '@slipway/spack-buildcache';
import {
  type Attack,
  type AttackContext,
  type AttackKeys,
  addEntry,
  addKeys,
  attackedView,
  attacks,
  harmlessPlants,
  indexOf,
  isSigned,
  makeAttackKeys,
  pictureOf,
  prepareSignedMirror,
  prepareStagedTree,
  publishByHand,
  readManifest,
  runAction,
  stagePackages,
  temporaryDirectory,
  trustAttacks,
  trustedKeysFor,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';

let keys: AttackKeys;
beforeAll(async () => {
  keys = await makeAttackKeys();
});

function publish(
  staged: string,
  mirror: string,
  attack: Pick<Attack, 'trusts'> = {},
  more: Readonly<Record<string, string | boolean>> = {},
): Promise<ActionResult> {
  const inputs = {
    buildcache: staged,
    mirror: pathToFileURL(mirror).href,
    'trusted-keys': trustedKeysFor(attack, keys),
    ...more,
  };
  return runAction(action, inputs, { workDirectory: staged });
}

/** A staged tree with one package, different for each name. */
async function stageOne(name: string): Promise<string> {
  const staged = temporaryDirectory('staged');
  await stagePackages(staged, { count: 1, prefix: name, signer: keys.honest });
  await addKeys(staged, [keys.honest]);
  return staged;
}

/** A mirror of an honest tree and two more entries, published one by one by the action itself. */
async function publishedMirror(): Promise<AttackContext> {
  const staged = await prepareStagedTree(keys);
  const mirror = temporaryDirectory('mirror');
  await publish(staged.directory, mirror);
  await publish(await stageOne('later'), mirror);
  await publish(await stageOne('latest'), mirror);
  return { ...staged, directory: mirror };
}

/** The error of a publish, which names the first finding. */
async function refusalOf(run: Promise<ActionResult>): Promise<UserError> {
  try {
    const { failure } = await run;
    if (failure instanceof UserError) return failure;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('it was published');
}

describe('publishing', () => {
  it('accepts an honest tree', async () => {
    const { failure, outputs } = await publish(
      (await prepareStagedTree(keys)).directory,
      temporaryDirectory('mirror'),
    );
    expect(failure).toBeUndefined();
    expect(outputs).toMatchObject({ published: 7 });
  });

  it('accepts more entries on an honest mirror', async () => {
    const { directory } = await publishedMirror();
    const { failure, outputs } = await publish(await stageOne('more'), directory);
    expect(failure).toBeUndefined();
    expect(outputs).toMatchObject({ published: 1 });
  });
});

describe('I1, I4, I8: publishing refuses, and leaves the mirror untouched,', () => {
  it.each(attacks.filter(({ against }) => against === 'entry'))('$name [$code]', async (attack) => {
    const context = await prepareStagedTree(keys);
    await attack.apply(context);
    const mirror = temporaryDirectory('mirror');
    await publish(await stageOne('before'), mirror);
    const before = pictureOf(mirror);
    const refusal = await refusalOf(publish(context.directory, mirror, attack));
    expect(refusal.code).toBe('buildcache-refused');
    expect(refusal.message).toContain(`(${attack.code})`);
    expect(pictureOf(mirror)).toEqual(before);
  });

  it('a good entry beside a bad one', async () => {
    const context = await prepareStagedTree(keys);
    await addEntry(context.directory, { name: 'good', signer: keys.honest });
    await addEntry(context.directory, { name: 'bad', signer: keys.stranger });
    const mirror = temporaryDirectory('mirror');
    const refusal = await refusalOf(publish(context.directory, mirror));
    expect(refusal.message).toContain('(signature-unknown-key)');
    expect(pictureOf(mirror)).toEqual(new Map());
  });
});

// Publishing does not look for problems whose discovery needs every spec of the mirror: its work is in proportion to what
// is new.
const onMirrors = attacks.filter(({ against, onlyVerifyFinds }) => against !== 'entry' && !onlyVerifyFinds);

describe('I1, I3: publishing onto an attacked mirror refuses, and leaves it untouched:', () => {
  it.each(onMirrors)('$name [$code]', async (attack) => {
    const context = await publishedMirror();
    await attack.apply(context);
    const before = pictureOf(context.directory);
    const refusal = await refusalOf(publish(await stageOne('more'), context.directory));
    expect(refusal.code).toBe('mirror-refused');
    expect(refusal.message).toContain(`(${attack.code})`);
    expect(pictureOf(context.directory)).toEqual(before);
  });
});

describe.each([
  ['to the main index alone', {}],
  ['to a view as well', { view: attackedView }],
] as const)('I4: publishing %s onto a mirror whose indexes are signed', (_, view) => {
  const signed = (): Record<string, string> => ({ 'signing-key': keys.honest.privateArmored, ...view });

  it('adds to them, signed', async () => {
    const { directory } = await prepareSignedMirror(keys);
    const { failure } = await publish(await stageOne('more'), directory, {}, signed());
    expect(failure).toBeUndefined();
  });

  it.each(trustAttacks)('refuses, and leaves it untouched, after: $name [$code]', async (attack) => {
    const context = await prepareSignedMirror(keys);
    await attack.apply(context);
    const before = pictureOf(context.directory);
    const refusal = await refusalOf(publish(await stageOne('more'), context.directory, {}, signed()));
    expect(refusal.code).toBe('mirror-refused');
    expect(refusal.message).toContain(`(${attack.code})`);
    expect(refusal.hint).toBeDefined();
    expect(pictureOf(context.directory)).toEqual(before);
  });

  it.each(harmlessPlants)('works in spite of: $name', async ({ apply }) => {
    const context = await prepareSignedMirror(keys);
    await apply(context);
    const { failure } = await publish(await stageOne('more'), context.directory, {}, signed());
    expect(failure).toBeUndefined();
    expect(readManifest(context.directory, indexManifestKey(undefined)).lineage?.generation).toBe(5);
  });
});

describe('I1: publishing to a mirror that has entries but no index', () => {
  it.each([true, false])('is refused, because the new one would hide them (signed: %s)', async (isSigned) => {
    const { directory } = await publishedMirror();
    rmSync(join(directory, indexManifestKey(undefined)));
    rmSync(join(directory, 'slipway'), { recursive: true });
    const before = pictureOf(directory);
    const more = isSigned ? { 'signing-key': keys.honest.privateArmored } : {};
    const refusal = await refusalOf(publish(await stageOne('more'), directory, {}, more));
    expect(refusal).toMatchObject({ code: 'mirror-refused', hint: expect.stringContaining('update') });
    expect(refusal.message).toContain('(index-missing)');
    expect(pictureOf(directory)).toEqual(before);
  });
});

describe('I4: publishing with a key to a mirror whose index is not signed', () => {
  async function unsignedMirror(edit: (json: string) => string): Promise<string> {
    const mirror = temporaryDirectory('mirror');
    await publish((await prepareStagedTree(keys)).directory, mirror);
    const json = indexOf(mirror).toBytes().toString('utf8');
    await publishByHand(mirror, { lineage: 'none', index: Buffer.from(edit(json)) });
    rmSync(join(mirror, 'slipway'), { recursive: true });
    return mirror;
  }
  const signed = (): Record<string, string> => ({ 'signing-key': keys.honest.privateArmored });

  it('signs it after comparing it with every entry', async () => {
    const mirror = await unsignedMirror((json) => json);
    const { failure, outputs } = await publish(await stageOne('more'), mirror, {}, signed());
    expect(failure).toBeUndefined();
    expect(outputs).toMatchObject({ published: 1 });
    expect(isSigned(mirror, indexManifestKey(undefined))).toBe(true);
  });

  it('refuses to sign a record that differs from its entry', async () => {
    const mirror = await unsignedMirror((json) => json.replace('"loud":false', '"loud":true'));
    const before = pictureOf(mirror);
    const refusal = await refusalOf(publish(await stageOne('more'), mirror, {}, signed()));
    expect(refusal.message).toContain('(index-node-mismatch)');
    expect(pictureOf(mirror)).toEqual(before);
  });
});
