import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ObjectStore, RemoteError, silentProgress, systemClock } from '@slipway/core';
import { openStore } from '@slipway/store';
import {
  type AttackKeys,
  harmlessPlants,
  makeAttackKeys,
  prepareMirror,
  prepareSignedMirror,
  type TrustAttack,
  trustAttacks,
  trustedKeysFor,
  writeObject,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { auditMirror, type Finding, type MirrorAudit } from '../src/index.ts';

let keys: AttackKeys;
beforeAll(async () => {
  keys = await makeAttackKeys();
});

async function audit(directory: string, more: Partial<MirrorAudit> = {}): Promise<readonly Finding[]> {
  const { findings } = await auditMirror({
    store: await openStore(pathToFileURL(directory).href),
    trustedKeys: trustedKeysFor({}, keys),
    allowUnsigned: false,
    requireSignedIndex: false,
    expectedIndex: undefined,
    level: 'metadata',
    clock: systemClock,
    progress: silentProgress,
    ...more,
  });
  return findings;
}

const errorCodes = (findings: readonly Finding[]): string[] => [
  ...new Set(findings.filter(({ severity }) => severity === 'error').map(({ code }) => code)),
];

function expectFound(findings: readonly Finding[], { code, alongside = [] }: TrustAttack): void {
  expect(errorCodes(findings).filter((found) => found === code || !alongside.includes(found))).toEqual([
    code,
  ]);
}

describe('I4: a mirror whose indexes are signed', () => {
  it.each([true, false])('is sound while nobody touches it (require-signed-index: %s)', async (required) => {
    const { directory } = await prepareSignedMirror(keys);
    const findings = await audit(directory, { requireSignedIndex: required });
    expect(findings.filter(({ severity }) => severity !== 'notice')).toEqual([]);
  });

  it.each(trustAttacks)('is refused after: $name [$code]', async (attack) => {
    const context = await prepareSignedMirror(keys);
    await attack.apply(context);
    expectFound(await audit(context.directory), attack);
    expectFound(await audit(context.directory, { requireSignedIndex: true }), attack);
  });

  it.each(harmlessPlants)('is as sound as before after: $name [$code]', async ({ code, apply }) => {
    const context = await prepareSignedMirror(keys);
    await apply(context);
    const findings = await audit(context.directory);
    expect(errorCodes(findings)).toEqual([]);
    expect(findings.map((found) => found.code)).toContain(code);
  });

  it('is refused if more is planted than is ever read', async () => {
    const context = await prepareSignedMirror(keys);
    const plant = harmlessPlants.find(({ name }) => name.includes('pretends to be signed'));
    for (let at = 0; at < 101; at += 1) {
      await plant?.apply(context);
      const from = join(
        context.directory,
        `slipway/index-history/@main/0000000006-${'a'.repeat(16)}.signed.json`,
      );
      renameSync(from, from.replace('0000000006', String(1_000_000_000 - 1 - at).padStart(10, '0')));
    }
    expect(errorCodes(await audit(context.directory))).toEqual(['index-history-flooded']);
  });
});

/** A directory as a web server offers it: without listings, and refusing what is missing. */
async function served(directory: string): Promise<ObjectStore> {
  const store = await openStore(pathToFileURL(directory).href);
  const head = async (key: string): ReturnType<ObjectStore['head']> => {
    const info = await store.head(key);
    if (info === undefined)
      throw new RemoteError('access-denied', `HEAD "${key}": the server refused it (403)`);
    return info;
  };
  return new Proxy(store, {
    get: (target, property) => {
      if (property === 'listable') return false;
      if (property === 'head') return head;
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('what may accompany a signed mirror', () => {
  it('includes an unpinned key, if that is allowed', async () => {
    const context = await prepareSignedMirror(keys);
    await trustAttacks.find(({ code }) => code === 'key-not-pinned')?.apply(context);
    expect(errorCodes(await audit(context.directory, { allowUnpinnedKeys: true }))).toEqual([]);
  });

  it('includes layout v2, if that is allowed', async () => {
    const context = await prepareSignedMirror(keys);
    await trustAttacks.find(({ code }) => code === 'layout-v2-unvouched')?.apply(context);
    expect(errorCodes(await audit(context.directory, { allowLayoutV2: true }))).toEqual([]);
  });

  it('does not include keys of layout v2, even if nothing can be listed', async () => {
    const { directory } = await prepareSignedMirror(keys);
    writeObject(directory, 'build_cache/_pgp/index.json', '{"keys":{}}');
    expect(errorCodes(await audit(directory, { store: await served(directory) }))).toEqual([
      'layout-v2-unvouched',
    ]);
  });

  it('is not layout v2 if the server answers 403 for what is missing, as S3 does', async () => {
    const { directory } = await prepareSignedMirror(keys);
    expect(errorCodes(await audit(directory, { store: await served(directory) }))).toEqual([]);
  });

  it('is worth a note only on an unsigned mirror', async () => {
    const context = await prepareMirror(keys, 'unsigned');
    await trustAttacks.find(({ code }) => code === 'layout-v2-unvouched')?.apply(context);
    const findings = await audit(context.directory, { trustedKeys: '', allowUnsigned: true });
    expect(errorCodes(findings)).toEqual([]);
    expect(findings.map(({ code }) => code)).toContain('layout-v2-unaudited');
  });
});
