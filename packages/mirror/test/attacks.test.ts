// Slow: about 40 s.
import { pathToFileURL } from 'node:url';
import { type ObjectStore, silentProgress, systemClock } from '@slipway/core';
import { openStore } from '@slipway/store';
import {
  type Attack,
  type AttackKeys,
  attacks,
  makeAttackKeys,
  prepareMirror,
  prepareStagedTree,
  trustedKeysFor,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { auditMirror, type Finding, readStaged } from '../src/index.ts';

let keys: AttackKeys;
beforeAll(async () => {
  keys = await makeAttackKeys();
});

const openDirectory = (directory: string): Promise<ObjectStore> => openStore(pathToFileURL(directory).href);

async function audit(
  directory: string,
  level: 'metadata' | 'full',
  trustedKeys: string,
): Promise<readonly Finding[]> {
  const { findings } = await auditMirror({
    store: await openDirectory(directory),
    trustedKeys,
    allowUnsigned: false,
    requireSignedIndex: false,
    expectedIndex: undefined,
    level,
    clock: systemClock,
    progress: silentProgress,
  });
  return findings;
}

async function inspectStaged(directory: string, trustedKeys: string): Promise<readonly Finding[]> {
  const { findings } = await readStaged({
    store: await openDirectory(directory),
    trustedKeys,
    otherKeys: [],
    allowUnsigned: false,
    tarballs: 'read',
    clock: systemClock,
    progress: silentProgress,
  });
  return findings;
}

const errorCodes = (findings: readonly Finding[]): string[] => [
  ...new Set(findings.filter(({ severity }) => severity === 'error').map(({ code }) => code)),
];

/** The attack is found, and no false finding is reported. */
function expectFound(findings: readonly Finding[], attack: Attack, code = attack.code): void {
  const isConsequence = (found: string): boolean =>
    found !== code &&
    (attack.alongside?.includes(found) === true ||
      (attack.against === 'entry' && found.startsWith('index-')));
  expect(errorCodes(findings).filter((found) => !isConsequence(found))).toEqual([code]);
}

describe('I4, I8: an honest mirror', () => {
  it.each(['metadata', 'full'] as const)('has no errors at level %s', async (level) => {
    const { directory } = await prepareMirror(keys);
    expect(errorCodes(await audit(directory, level, trustedKeysFor({}, keys)))).toEqual([]);
  });

  it('has no errors as a staged tree', async () => {
    const { directory } = await prepareStagedTree(keys);
    expect(errorCodes(await inspectStaged(directory, trustedKeysFor({}, keys)))).toEqual([]);
  });
});

describe('I4, I8: the audit of a mirror finds', () => {
  it.each(attacks)('$name [$code]', async (attack) => {
    const context = await prepareMirror(keys);
    await attack.apply(context);
    const trusted = trustedKeysFor(attack, keys);
    expectFound(await audit(context.directory, 'full', trusted), attack);
    const atMetadata = attack.level === 'metadata' ? attack.code : attack.metadataCode;
    if (atMetadata !== undefined) {
      expectFound(await audit(context.directory, 'metadata', trusted), attack, atMetadata);
    }
  });
});

// Whether a closure is complete depends on the mirror as well.
const inOneEntry = attacks.filter(
  ({ against, code }) => against === 'entry' && code !== 'closure-incomplete',
);

describe('I4, I8: reading a staged tree finds', () => {
  it.each(inOneEntry)('$name [$code]', async (attack) => {
    const context = await prepareStagedTree(keys);
    await attack.apply(context);
    expectFound(await inspectStaged(context.directory, trustedKeysFor(attack, keys)), attack);
  });
});
