import { pathToFileURL } from 'node:url';
import { silentProgress, systemClock, UserError } from '@slipway/core';
import type { ActionResult } from '@slipway/runner';
import {
  type Attack,
  type AttackContext,
  type AttackKeys,
  addEntry,
  addKeys,
  attacks,
  makeAttackKeys,
  pictureOf,
  prepareStagedTree,
  stagePackages,
  temporaryDirectory,
  trustedKeysFor,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';

let keys: AttackKeys;
beforeAll(async () => {
  keys = await makeAttackKeys();
});

function publish(staged: string, mirror: string, attack: Pick<Attack, 'trusts'> = {}): Promise<ActionResult> {
  const inputs = {
    buildcache: staged,
    mirror: pathToFileURL(mirror).href,
    trustedKeys: trustedKeysFor(attack, keys),
    allowUnsigned: false,
    signingKey: undefined,
    passphrase: undefined,
    view: undefined,
    overwrite: false,
    dryRun: false,
    report: undefined,
  };
  return action.run(inputs, {
    progress: silentProgress,
    clock: systemClock,
    workDirectory: staged,
    environment: {},
    mask() {},
  });
}

/** A staged tree with one package, different for every name. */
async function stageOne(name: string): Promise<string> {
  const staged = temporaryDirectory('staged');
  await stagePackages(staged, { count: 1, prefix: name, signer: keys.honest });
  await addKeys(staged, [keys.honest]);
  return staged;
}

/** A mirror of an honest tree and two more entries, published one after the other by the action itself. */
async function publishedMirror(): Promise<AttackContext> {
  const staged = await prepareStagedTree(keys);
  const mirror = temporaryDirectory('mirror');
  await publish(staged.directory, mirror);
  await publish(await stageOne('later'), mirror);
  await publish(await stageOne('latest'), mirror);
  return { ...staged, directory: mirror };
}

/** The error that publishing ends with, which names what was found first. */
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

  it('accepts more onto an honest mirror', async () => {
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

// What takes reading every spec of the mirror to find, publishing does not look for: its work grows with what is new.
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
