// Slow: about 30 s.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '@slipway/core';
import type { ActionResult } from '@slipway/runner';
import { historyPrefixOf, indexManifestKey } from '@slipway/spack-buildcache';
import {
  type AttackContext,
  type AttackKeys,
  addEntry,
  attackedView,
  harmlessPlants,
  indexOf,
  makeAttackKeys,
  pictureOf,
  prepareMirror,
  prepareSignedMirror,
  publishByHand,
  readManifest,
  runAction,
  type TrustAttack,
  trustAttacks,
  trustedKeysFor,
  writeManifest,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';
import { audit, type Inputs } from './indexing.ts';

let keys: AttackKeys;
beforeAll(async () => {
  keys = await makeAttackKeys();
});

function index(mirror: string, more: Inputs = {}): Promise<ActionResult> {
  return runAction(action, {
    mirror: pathToFileURL(mirror).href,
    'trusted-keys': trustedKeysFor({}, keys),
    'signing-key': keys.honest.privateArmored,
    ...more,
  });
}

async function errorCodes({ directory }: Pick<AttackContext, 'directory'>): Promise<string[]> {
  const { findings } = await audit(directory, trustedKeysFor({}, keys));
  return [...new Set(findings.filter(({ severity }) => severity === 'error').map(({ code }) => code))];
}

async function refusalOf(run: Promise<ActionResult>): Promise<UserError> {
  try {
    const { failure } = await run;
    if (failure instanceof UserError) return failure;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('the index was changed');
}

const writers: readonly (readonly [string, Inputs])[] = [
  ['an update', {}],
  ['an update of a view', { view: attackedView, select: '*' }],
  ['a rollback', { operation: 'rollback' }],
  ['a rollback of a view', { operation: 'rollback', view: attackedView }],
];

describe.each(writers)('I4: %s', (_, inputs) => {
  it('accepts a mirror whose indexes are signed', async () => {
    const { directory } = await prepareSignedMirror(keys);
    await addEntry(directory, { name: 'more', signer: keys.honest });
    expect((await index(directory, inputs)).failure).toBeUndefined();
  });

  // Changing a view reads the main index's pointer, but not the index.
  const isSeen = ({ code }: TrustAttack): boolean => !('view' in inputs) || !code.startsWith('blob-');
  it.each(trustAttacks.filter(isSeen))('refuses, and signs nothing, after: $name [$code]', async (attack) => {
    const context = await prepareSignedMirror(keys);
    await attack.apply(context);
    await addEntry(context.directory, { name: 'more', signer: keys.honest });
    const before = pictureOf(context.directory);
    for (const dryRun of [true, false]) {
      const refusal = await refusalOf(index(context.directory, { ...inputs, 'dry-run': dryRun }));
      expect(refusal.code).toBe('mirror-refused');
      expect(refusal.message).toContain(`(${attack.code})`);
      expect(refusal.hint).toBeDefined();
      expect(pictureOf(context.directory)).toEqual(before);
    }
  });

  it.each(harmlessPlants)('works in spite of: $name [$code]', async ({ apply }) => {
    const context = await prepareSignedMirror(keys);
    await apply(context);
    await addEntry(context.directory, { name: 'more', signer: keys.honest });
    expect((await index(context.directory, inputs)).failure).toBeUndefined();
    const view = typeof inputs['view'] === 'string' ? inputs['view'] : undefined;
    const { lineage } = readManifest(context.directory, indexManifestKey(view));
    expect(lineage?.generation).toBe(view === undefined ? 5 : 4);
  });
});

const rebuild = { operation: 'rebuild' } as const;

describe('I4: a rebuild', () => {
  it.each(trustAttacks.filter(({ repairedBy }) => repairedBy !== 'nothing'))(
    'repairs, from the entries alone: $name [$code]',
    async (attack) => {
      const context = await prepareSignedMirror(keys);
      const view = attack.repairedBy === 'view' ? attackedView : undefined;
      const members = readManifest(context.directory, indexManifestKey(view)).data[0]?.checksum;
      await attack.apply(context);
      const { failure, outputs } = await index(context.directory, { ...rebuild, view });
      expect(failure).toBeUndefined();
      expect(outputs).toMatchObject({ 'index-checksum': members, generation: view === undefined ? 5 : 4 });
      expect(await errorCodes(context)).toEqual([]);
    },
  );

  it.each(trustAttacks.filter(({ code }) => code === 'key-not-pinned' || code === 'layout-v2-unvouched'))(
    'refuses, and does not repair: $name [$code]',
    async (attack) => {
      const context = await prepareSignedMirror(keys);
      await attack.apply(context);
      const before = pictureOf(context.directory);
      const refusal = await refusalOf(index(context.directory, rebuild));
      expect(refusal.message).toContain(`(${attack.code})`);
      expect(pictureOf(context.directory)).toEqual(before);
    },
  );

  it('of a view is refused while the main index is', async () => {
    const context = await prepareSignedMirror(keys);
    await trustAttacks.find(({ repairedBy }) => repairedBy === 'main')?.apply(context);
    const refusal = await refusalOf(index(context.directory, { ...rebuild, view: attackedView }));
    expect(refusal.message).toContain('(index-unsigned)');
  });

  it('does not take the members of a view from an index that is refused', async () => {
    const context = await prepareSignedMirror(keys);
    await trustAttacks.find(({ name }) => name.startsWith('an unsigned index over'))?.apply(context);
    rmSync(join(context.directory, historyPrefixOf(attackedView)), { recursive: true });
    const refusal = await refusalOf(index(context.directory, { ...rebuild, view: attackedView }));
    expect(refusal).toMatchObject({ code: 'input-invalid', message: expect.stringContaining('refused') });
    const { failure } = await index(context.directory, { ...rebuild, view: attackedView, select: 'greet' });
    expect(failure).toBeUndefined();
    expect(await errorCodes(context)).toEqual([]);
  });
});

describe('I4: a key never signs an index that nobody vouches for', () => {
  /** An unsigned mirror of signed entries, as Spack leaves it, with a change to its index. */
  async function unsignedIndex(edit: (json: string) => string): Promise<AttackContext> {
    const context = await prepareMirror(keys);
    const json = indexOf(context.directory).toBytes().toString('utf8');
    await publishByHand(context.directory, { lineage: 'none', index: Buffer.from(edit(json)) });
    rmSync(join(context.directory, 'slipway'), { recursive: true });
    return context;
  }

  it('an honest one is signed after every entry is read, even if nothing is new', async () => {
    const context = await unsignedIndex((json) => json);
    const before = pictureOf(context.directory);
    const rehearsal = await index(context.directory, { 'dry-run': true });
    expect(rehearsal.failure).toBeUndefined();
    expect(pictureOf(context.directory)).toEqual(before);
    expect((await index(context.directory)).outputs).toMatchObject({ changed: true, added: 0 });
    const { findings, indexes } = await audit(context.directory, trustedKeysFor({}, keys));
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(indexes).toMatchObject([{ signedBy: keys.honest.fingerprint }]);
  });

  it.each([
    ['a changed record', (json: string) => json.replace('"loud":false', '"loud":true')],
    ['a dependency redirected', (json: string) => json.replace('"ref_count":0', '"ref_count":9')],
  ])('one with %s is refused by update', async (_, edit) => {
    const context = await unsignedIndex(edit);
    await addEntry(context.directory, { name: 'more', signer: keys.honest });
    const before = pictureOf(context.directory);
    expect((await refusalOf(index(context.directory))).code).toBe('mirror-refused');
    expect(pictureOf(context.directory)).toEqual(before);
    expect((await index(context.directory, rebuild)).failure).toBeUndefined();
    expect(await errorCodes(context)).toEqual([]);
  });

  it('one with views is refused, because they would stay unsigned; each is rebuilt', async () => {
    const context = await unsignedIndex((json) => json);
    await publishByHand(context.directory, { lineage: 'none', view: attackedView });
    const refusal = await refusalOf(index(context.directory));
    expect(refusal.message).toContain(attackedView);
    expect((await refusalOf(index(context.directory, { ...rebuild, view: attackedView }))).message).toContain(
      'before the main index',
    );
    await index(context.directory, rebuild);
    expect(await errorCodes(context)).toEqual(['index-unsigned']);
    await index(context.directory, { ...rebuild, view: attackedView, select: '*' });
    expect(await errorCodes(context)).toEqual([]);
  });

  it('if indexes are signed, a run without a key is refused', async () => {
    const { directory } = await prepareSignedMirror(keys);
    await addEntry(directory, { name: 'more', signer: keys.honest });
    const before = pictureOf(directory);
    for (const [, inputs] of writers) {
      const refusal = await refusalOf(index(directory, { ...inputs, 'signing-key': undefined }));
      expect(refusal).toMatchObject({
        code: 'input-invalid',
        message: expect.stringContaining('signing-key'),
      });
    }
    expect(pictureOf(directory)).toEqual(before);
  });
});

describe('the highest generation', () => {
  it('is never exceeded, and the refusal says what to delete', async () => {
    const { directory } = await prepareMirror(keys);
    const pointer = readManifest(directory, indexManifestKey(undefined));
    await writeManifest(directory, indexManifestKey(undefined), {
      ...pointer,
      lineage: { ...pointer.lineage, generation: 999_999_999 },
    });
    await addEntry(directory, { name: 'more', signer: keys.honest });
    const refusal = await refusalOf(index(directory, { 'signing-key': undefined }));
    expect(refusal.hint).toContain(historyPrefixOf(undefined));
    rmSync(join(directory, indexManifestKey(undefined)));
    rmSync(join(directory, historyPrefixOf(undefined)), { recursive: true });
    expect((await index(directory, { ...rebuild, 'signing-key': undefined })).outputs).toMatchObject({
      generation: 1,
    });
    expect(await errorCodes({ directory })).toEqual([]);
  });
});
