import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { blobKey, historyKey, historyPrefix, indexManifestKey } from '@slipway/spack-buildcache';
import {
  addEntry,
  copyOfSpackFixture,
  isSigned,
  makeKey,
  pictureOf,
  publishByHand,
  readManifest,
  readObject,
  type TestKey,
  writeObject,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  audit,
  expectSamePlan,
  faultsOf,
  fixtureFingerprint,
  index,
  indexChecksum,
  mirrorWithoutIndex,
  overtaken,
  pointerChecksum,
  requestOf,
} from './indexing.ts';

let key: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
});

const rollback = { operation: 'rollback' } as const;

/** Three generations with 7, 8 and 9 entries. */
async function threeGenerations() {
  const mirror = await mirrorWithoutIndex(key);
  const checksums: string[] = [];
  const names: string[] = [];
  for (const name of [undefined, 'second', 'third']) {
    if (name !== undefined) names.push((await addEntry(mirror, { name, signer: key })).manifestKey);
    await index(mirror, key);
    checksums.push(indexChecksum(mirror));
  }
  const [first = '', second = '', third = ''] = checksums;
  return { mirror, first, second, third, added: names };
}

describe('a rollback', () => {
  it('brings back the previous index as a new generation', async () => {
    const { mirror, second } = await threeGenerations();
    const { outputs, json } = await index(mirror, key, rollback);
    expect(outputs).toEqual({
      changed: true,
      added: 0,
      removed: 0,
      generation: 4,
      'index-checksum': second,
      'invalidation-paths': `/${indexManifestKey(undefined)}`,
      'pointer-checksums': pointerChecksum(mirror),
    });
    expect(indexChecksum(mirror)).toBe(second);
    expect(readManifest(mirror, indexManifestKey(undefined)).lineage).toMatchObject({ rolledBackTo: 2 });
    expect(json('report')).toMatchObject({ plan: [{ kind: 'roll-back', from: 3, to: 2, checksum: second }] });
    const { findings } = await audit(mirror, key.fingerprint);
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(findings.map(({ code }) => code)).toContain('entry-withdrawn');
  });

  it('names the generation to bring back', async () => {
    const { mirror, first } = await threeGenerations();
    expect((await index(mirror, key, { ...rollback, to: '1' })).outputs).toMatchObject({
      generation: 4,
      'index-checksum': first,
    });
  });

  it('can be rolled back itself', async () => {
    const { mirror, third } = await threeGenerations();
    await index(mirror, key, { ...rollback, to: '1' });
    expect((await index(mirror, key, { ...rollback, to: '3' })).outputs).toMatchObject({
      generation: 5,
      'index-checksum': third,
    });
  });

  it('twice, goes back two generations', async () => {
    const { mirror, first } = await threeGenerations();
    await index(mirror, key, rollback);
    expect((await index(mirror, key, rollback)).outputs).toMatchObject({ 'index-checksum': first });
  });

  it('after a publish on top of a rollback, goes back to the rollback, and then before what that restored', async () => {
    const { mirror, first, second } = await threeGenerations();
    await index(mirror, key, rollback);
    await addEntry(mirror, { name: 'fourth', signer: key });
    await index(mirror, key);
    expect((await index(mirror, key, rollback)).outputs).toMatchObject({
      generation: 6,
      'index-checksum': second,
    });
    expect((await index(mirror, key, rollback)).outputs).toMatchObject({ 'index-checksum': first });
  });

  it('is signed when there is a key', async () => {
    const { mirror } = await threeGenerations();
    await index(mirror, key, { ...rollback, 'signing-key': key.privateArmored });
    expect(isSigned(mirror, indexManifestKey(undefined))).toBe(true);
  });

  it('is one conditional write of the pointer; otherwise only pointers are kept', async () => {
    const { mirror } = await threeGenerations();
    const calls: string[] = [];
    const request = requestOf(key, { ...rollback, to: '1' });
    await overtaken(mirror, request, async () => undefined, { calls }).done;
    const writes = calls.filter((call) => call.startsWith('write ')).map((call) => call.slice(6));
    expect(writes.filter((name) => name === indexManifestKey(undefined))).toHaveLength(1);
    expect(writes.filter((name) => !name.startsWith(historyPrefix) && !name.startsWith('.slipway/'))).toEqual(
      [indexManifestKey(undefined)],
    );
  });

  it('I3: does not undo a publish that happens meanwhile', async () => {
    const { mirror } = await threeGenerations();
    let theirs = '';
    const { done } = overtaken(mirror, requestOf(key, rollback), async () => {
      await addEntry(mirror, { name: 'meanwhile', signer: key });
      theirs = await publishByHand(mirror);
    });
    await expect(done).rejects.toMatchObject({ code: 'contention' });
    expect(indexChecksum(mirror)).toBe(theirs);
    expect(await faultsOf(mirror, key.fingerprint)).toEqual([]);
  });

  it('I1: is refused if entries of that generation are gone', async () => {
    const { mirror, added } = await threeGenerations();
    rmSync(join(mirror, added[0] ?? ''));
    await index(mirror, key);
    const before = pictureOf(mirror);
    await expect(index(mirror, key, { ...rollback, to: '2' })).rejects.toMatchObject({
      code: 'mirror-refused',
      message: expect.stringContaining('no longer stored'),
    });
    expect(pictureOf(mirror)).toEqual(before);
    expect((await index(mirror, key, { ...rollback, to: '1' })).outputs).toMatchObject({ changed: true });
  });

  it('is refused if there is nothing to go back to', async () => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key);
    await expect(index(mirror, key, rollback)).rejects.toMatchObject({ code: 'history-missing' });
    await expect(index(mirror, key, { ...rollback, to: '9' })).rejects.toMatchObject({
      code: 'history-missing',
      message: expect.stringContaining('generation 9'),
      hint: expect.stringContaining('1'),
    });
  });

  it('of a view leaves the main index alone', async () => {
    const { mirror, third } = await threeGenerations();
    await index(mirror, key, { view: 'v', select: 'greet' });
    const early = indexChecksum(mirror, 'v');
    await index(mirror, key, { view: 'v', select: 'greet*' });
    expect((await index(mirror, key, { ...rollback, view: 'v' })).outputs).toMatchObject({
      generation: 3,
      'index-checksum': early,
    });
    expect(indexChecksum(mirror)).toBe(third);
  });

  it('dry-run: changes nothing; its plan and outputs are those of the following run', async () => {
    const { mirror } = await threeGenerations();
    await expectSamePlan(mirror, key, rollback, ['changed', 'added', 'removed', 'invalidation-paths']);
  });
});

describe('after another tool deleted earlier indexes, which nothing under v3/ names,', () => {
  /** Three generations; the first `count` indexes are gone. */
  async function pruned(count: number) {
    const made = await threeGenerations();
    for (const checksum of [made.first, made.second].slice(0, count))
      rmSync(join(made.mirror, blobKey(checksum)));
    return made;
  }

  it('verify lists the generations that cannot be brought back', async () => {
    const { mirror } = await pruned(2);
    const { findings } = await audit(mirror, key.fingerprint);
    expect(findings.filter(({ severity }) => severity !== 'notice')).toMatchObject([
      { code: 'index-history-gone', severity: 'warning', message: expect.stringContaining('(1, 2)') },
    ]);
  });

  it('a list marks each of them', async () => {
    const { mirror, first, third } = await pruned(1);
    const { json, log } = await index(mirror, key, { operation: 'list' });
    expect(json('report')).toMatchObject({
      indexes: [{ stored: false }, { stored: true }, { stored: true, current: true }],
    });
    expect(log).toContain(`generation 1: ${first} (its index is no longer stored)`);
    expect(log).toContain(`generation 3: ${third} (current)`);
  });

  it('a rollback names the generations that remain', async () => {
    const { mirror } = await pruned(1);
    const before = pictureOf(mirror);
    await expect(index(mirror, key, { ...rollback, to: '1' })).rejects.toMatchObject({
      code: 'mirror-refused',
      message: expect.stringContaining('is not stored'),
      hint: 'Choose another generation: the indexes of 2 are stored.',
    });
    expect(pictureOf(mirror)).toEqual(before);
  });

  it('a rollback with none left says so, and what to do instead', async () => {
    const { mirror } = await pruned(2);
    await expect(index(mirror, key, rollback)).rejects.toMatchObject({
      hint: expect.stringMatching(/No earlier index is stored any longer.*rebuild/),
    });
  });
});

describe('I4: on a mirror whose indexes are signed', () => {
  it('a rollback never restores an unsigned generation', async () => {
    const { mirror, first } = await threeGenerations();
    await index(mirror, key, { operation: 'rebuild', 'signing-key': key.privateArmored });
    const signed = { ...rollback, 'signing-key': key.privateArmored };
    await expect(index(mirror, key, { ...signed, to: '1' })).rejects.toMatchObject({
      code: 'history-missing',
    });
    await expect(index(mirror, key, signed)).rejects.toMatchObject({ code: 'history-missing' });
    const { json, log } = await index(mirror, key, { operation: 'list' });
    expect(json('report')).toMatchObject({
      indexes: [{ counts: false }, { counts: false }, { counts: false }, { counts: true, current: true }],
    });
    expect(log).toContain(`generation 1: ${first} (not proven, ignored)`);
  });

  it('a rollback works in spite of planted earlier generations', async () => {
    const mirror = await mirrorWithoutIndex(key);
    const signing = { 'signing-key': key.privateArmored };
    await index(mirror, key, signing);
    const first = indexChecksum(mirror);
    await addEntry(mirror, { name: 'more', signer: key });
    await index(mirror, key, signing);
    writeObject(mirror, historyKey(undefined, 1, '0'.repeat(64), true), '');
    expect((await index(mirror, key, { ...rollback, ...signing })).failure).toBeUndefined();
    expect(indexChecksum(mirror)).toBe(first);
    const { problems } = await index(mirror, key, { operation: 'list' });
    expect(problems.map(({ code }) => code)).toEqual(['index-history-unproven']);
  });

  it('a pointer whose kept copy differs is kept again when it is replaced', async () => {
    const mirror = await mirrorWithoutIndex(key);
    const signed = { 'signing-key': key.privateArmored };
    await index(mirror, key, signed);
    const pointer = readObject(mirror, indexManifestKey(undefined));
    const kept = historyKey(undefined, 1, indexChecksum(mirror), true);
    writeObject(mirror, kept, 'what somebody planted');
    await addEntry(mirror, { name: 'more', signer: key });
    await index(mirror, key, signed);
    expect(readObject(mirror, kept)).toEqual(pointer);
  });
});

describe('a list', () => {
  it('shows the kept indexes, and which one is present', async () => {
    const { mirror, first, second, third } = await threeGenerations();
    const before = pictureOf(mirror);
    const { json, outputs, log } = await index(mirror, key, { operation: 'list', 'trusted-keys': '' });
    expect(json('report')).toMatchObject({
      indexes: [
        { generation: 1, checksum: first, current: false },
        { generation: 2, checksum: second, current: false },
        { generation: 3, checksum: third, current: true },
      ],
    });
    expect(outputs).toMatchObject({ changed: false, generation: 3, 'index-checksum': third });
    expect(log).toContain(`generation 3: ${third} (current)`);
    expect(pictureOf(mirror)).toEqual(before);
  });

  it('shows an index by Spack', async () => {
    const mirror = copyOfSpackFixture('v3-signed');
    const { json } = await index(mirror, key, { operation: 'list', 'trusted-keys': fixtureFingerprint });
    expect(json('report')).toMatchObject({ indexes: [{ checksum: indexChecksum(mirror), current: true }] });
  });

  it('shows signed indexes without trusted keys', async () => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key, { 'signing-key': key.privateArmored });
    await addEntry(mirror, { name: 'more', signer: key });
    await index(mirror, key, { 'signing-key': key.privateArmored });
    const { json } = await index(mirror, key, { operation: 'list', 'trusted-keys': '' });
    expect(json('report')).toMatchObject({ indexes: [{ generation: 1 }, { generation: 2, current: true }] });
  });

  it('says what is wrong with an unreadable index, and shows the others', async () => {
    const { mirror } = await threeGenerations();
    writeObject(mirror, indexManifestKey(undefined), 'nothing of a manifest');
    const { json, problems } = await index(mirror, key, { operation: 'list' });
    expect(json('report')).toMatchObject({
      indexes: [{ generation: 1 }, { generation: 2 }, { generation: 3 }],
    });
    expect(problems).toMatchObject([{ code: 'index-malformed', key: indexManifestKey(undefined) }]);
  });
});
