import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { systemClock } from '@slipway/core';
import { openPolicy, readCurrentIndex } from '@slipway/mirror';
import { openSigner } from '@slipway/signing';
import { historyKey, historyPrefix, indexManifestKey } from '@slipway/spack-buildcache';
import { openStore } from '@slipway/store';
import {
  addEntry,
  addKeys,
  forgetInvalidations,
  indexOf,
  isSigned,
  listKeys,
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

describe('an update', () => {
  it('makes the first index', async () => {
    const mirror = await mirrorWithoutIndex(key);
    const { outputs } = await index(mirror, key);
    expect(outputs).toEqual({
      changed: true,
      added: 7,
      removed: 0,
      generation: 1,
      'index-checksum': indexChecksum(mirror),
      'invalidation-paths': `/${indexManifestKey(undefined)}`,
      'pointer-checksums': pointerChecksum(mirror),
    });
    expect(await faultsOf(mirror, key.fingerprint)).toEqual([]);
  });

  it('does nothing if nothing is new', async () => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key);
    forgetInvalidations(mirror);
    const before = pictureOf(mirror);
    const { outputs } = await index(mirror, key);
    expect(outputs).toMatchObject({
      changed: false,
      added: 0,
      removed: 0,
      generation: 1,
      'index-checksum': indexChecksum(mirror),
      'invalidation-paths': '',
    });
    expect(pictureOf(mirror)).toEqual(before);
  });

  it('adds only what is new, removes what is gone, and keeps the pointer it replaces', async () => {
    const mirror = await mirrorWithoutIndex(key);
    const gone = await addEntry(mirror, { name: 'gone', signer: key });
    await index(mirror, key);
    const first = indexChecksum(mirror);
    const replaced = readObject(mirror, indexManifestKey(undefined));
    rmSync(join(mirror, gone.manifestKey));
    const fresh = await addEntry(mirror, { name: 'new', signer: key });
    const { outputs, json } = await index(mirror, key);
    expect(outputs).toMatchObject({ changed: true, added: 1, removed: 1, generation: 2 });
    expect(json('report')).toMatchObject({
      operation: 'update',
      plan: [{ kind: 'change-index', add: [fresh.hash], remove: [gone.hash] }],
      result: { added: 1, removed: 1, move: { moved: true, entryCount: 8 } },
    });
    expect(readObject(mirror, historyKey(undefined, 1, first, false))).toEqual(replaced);
    expect(readManifest(mirror, indexManifestKey(undefined)).lineage).toEqual({
      generation: 2,
      index: '@main',
      mirror: expect.stringMatching(/^[0-9a-f]{32}$/),
      previous: first,
    });
    expect(await faultsOf(mirror, key.fingerprint)).toEqual([]);
  });

  it('in steps gives the same index as all at once', async () => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key);
    for (const name of ['zebra', 'apple', 'mango']) {
      await addEntry(mirror, { name, signer: key });
      await index(mirror, key);
    }
    const inSteps = (await audit(mirror, key.fingerprint)).indexes;
    await index(mirror, key, { operation: 'rebuild' });
    const { findings, indexes } = await audit(mirror, key.fingerprint);
    expect(findings.filter(({ severity }) => severity !== 'notice')).toEqual([]);
    expect(indexes.map(({ entries }) => entries)).toEqual(inSteps.map(({ entries }) => entries));
  });

  it('signs the index with a key, and the mirror then verifies', async () => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key, { 'signing-key': key.privateArmored });
    expect(isSigned(mirror, indexManifestKey(undefined))).toBe(true);
    expect((await audit(mirror, key.fingerprint)).indexes).toMatchObject([{ signedBy: key.fingerprint }]);
  });

  it('I4: does not index entries without a trusted signature', async () => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key);
    const stranger = await makeKey({ type: 'ed25519' });
    for (const signer of [undefined, stranger]) {
      const { manifestKey } = await addEntry(mirror, { name: 'smuggled', ...(signer && { signer }) });
      const before = pictureOf(mirror);
      await expect(index(mirror, key)).rejects.toMatchObject({
        code: 'mirror-refused',
        message: expect.stringContaining(manifestKey),
      });
      expect(pictureOf(mirror)).toEqual(before);
    }
  });

  it('refuses an unreadable index, and says what helps', async () => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key, { 'signing-key': key.privateArmored });
    const stranger = await makeKey({ type: 'ed25519' });
    await publishByHand(mirror, { signer: stranger });
    await expect(index(mirror, key)).rejects.toMatchObject({
      code: 'mirror-refused',
      message: expect.stringContaining('signature-'),
      hint: expect.stringContaining('rebuild'),
    });
  });

  it('dry-run: changes nothing; its plan and outputs are those of the following run', async () => {
    const mirror = await mirrorWithoutIndex(key);
    const gone = await addEntry(mirror, { name: 'gone', signer: key });
    await index(mirror, key);
    rmSync(join(mirror, gone.manifestKey));
    await addEntry(mirror, { name: 'new', signer: key });
    await expectSamePlan(mirror, key, {}, ['changed', 'added', 'removed', 'invalidation-paths']);
  });
});

describe('a view', () => {
  it('gets what select names, and keeps those members afterwards', async () => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key);
    forgetInvalidations(mirror);
    const first = await index(mirror, key, { view: 'stable', select: 'libgreet@1.0.*\ngreet-data' });
    expect(first.outputs).toMatchObject({
      changed: true,
      added: 2,
      'invalidation-paths': `/${indexManifestKey('stable')}`,
    });
    await addEntry(mirror, { name: 'libgreet', version: '1.0.9', signer: key });
    await index(mirror, key);
    // Until an invalidation is proven, each run lists what any run has replaced.
    const paths = [undefined, 'stable'].map((view) => `/${indexManifestKey(view)}`);
    expect((await index(mirror, key, { view: 'stable' })).outputs).toMatchObject({
      changed: false,
      'invalidation-paths': paths.join('\n'),
    });
    const { outputs } = await index(mirror, key, { view: 'stable', select: 'libgreet@1.0.*' });
    expect(outputs).toMatchObject({ added: 1 });
    expect(await faultsOf(mirror, key.fingerprint)).toEqual([]);
  });

  it.each([
    ['greet', ['greet', 'greet']],
    ['greet*', ['greet', 'greet', 'greet-data']],
    ['*greet@1.*', ['libgreet', 'libgreet']],
    ['greet@3.0-rc1', ['greet']],
    ['greet@=2.0', ['greet']],
    ['/dhoy', ['greet']],
    ['# a comment\nlibgreet@1.1.0\n\ntwin', ['libgreet', 'twin', 'twin']],
  ])('is selected by %j', async (select, names) => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key, { view: 'v', select });
    const { policy } = await openPolicy(
      { trustedKeys: key.publicArmored, offeredKeys: [], allowUnsigned: false },
      systemClock,
    );
    const store = await openStore(pathToFileURL(mirror).href);
    const { index: made } = await readCurrentIndex({ store, view: 'v', policy });
    expect([...made.entries()].map((hash) => made.node(hash)?.name).sort()).toEqual(names);
  });

  it('warns of each pattern of select that matches no entry', async () => {
    const mirror = await mirrorWithoutIndex(key);
    const select = 'greet\nGreet*\nlibgreet@1.0:\n/aaaa';
    for (const operation of ['update', 'rebuild']) {
      const { problems } = await index(mirror, key, { view: 'v', select, operation });
      expect(problems).toMatchObject([
        { code: 'select-unused', severity: 'warning', message: expect.stringContaining('"Greet*"') },
        { code: 'select-unused', hint: expect.stringContaining('Version ranges') },
        { code: 'select-unused', message: expect.stringContaining('"/aaaa"') },
      ]);
    }
    expect((await index(mirror, key, { view: 'v', select: '*' })).problems).toEqual([]);
  });

  it('that does not exist yet needs a selection', async () => {
    const mirror = await mirrorWithoutIndex(key);
    await expect(index(mirror, key, { view: 'new' })).rejects.toMatchObject({
      code: 'input-invalid',
      message: expect.stringContaining('select'),
    });
  });
});

describe('I3: an update', () => {
  it("overtaken by a publisher loses none of either's entries, and plans again", async () => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key);
    await addEntry(mirror, { name: 'mine', signer: key });
    const { done, lines } = overtaken(mirror, requestOf(key), async () => {
      await addEntry(mirror, { name: 'theirs', signer: key });
      await addKeys(mirror, [key]);
      await publishByHand(mirror);
    });
    // The other publisher has already indexed both, so nothing is left to do.
    expect(await done).toMatchObject({
      plan: { steps: [] },
      move: { moved: false, retries: 1, generation: 2 },
    });
    expect(lines.filter((line) => line.startsWith('Plan') || line.startsWith('Another'))).toEqual([
      'Plan: change the index: 1 entry to add, 0 to remove.',
      'Another publisher moved the index. Reading it and planning again.',
      'Plan: the index stays as it is.',
    ]);
    expect((await audit(mirror, key.fingerprint)).indexes).toMatchObject([{ entries: 9 }]);
    expect(await faultsOf(mirror, key.fingerprint)).toEqual([]);
  });

  it('overtaken by a publisher with fewer entries adds its own on top, and reads no entry twice', async () => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key);
    const mine = await addEntry(mirror, { name: 'mine', signer: key });
    const calls: string[] = [];
    const { done } = overtaken(
      mirror,
      requestOf(key),
      async () => {
        const [some = ''] = indexOf(mirror).entries();
        const lacking = [mine.hash, some];
        await publishByHand(mirror, { index: indexOf(mirror, (hash) => !lacking.includes(hash)) });
      },
      { calls },
    );
    expect(await done).toMatchObject({
      plan: { steps: [{ kind: 'change-index', add: [expect.any(String), expect.any(String)] }] },
      move: { moved: true, retries: 1, generation: 3, entryCount: 8 },
    });
    expect(calls.filter((call) => call === `read ${mine.manifestKey}`)).toHaveLength(1);
    expect((await audit(mirror, key.fingerprint)).indexes).toMatchObject([{ entries: 8 }]);
    expect(await faultsOf(mirror, key.fingerprint)).toEqual([]);
  });
});

describe('I4: an update', () => {
  it.each([
    ['unsigned', undefined],
    ['of an earlier generation', 1],
  ] as const)('overtaken by a pointer that is %s signs nothing on top', async (_, generation) => {
    const mirror = await mirrorWithoutIndex(key);
    const inputs = { 'signing-key': key.privateArmored };
    await index(mirror, key, inputs);
    await addEntry(mirror, { name: 'second', signer: key });
    await index(mirror, key, inputs);
    await addEntry(mirror, { name: 'mine', signer: key });
    const signer = await openSigner({
      armoredKey: key.privateArmored,
      passphrase: undefined,
      clock: systemClock,
    });
    const { done } = overtaken(
      mirror,
      requestOf(key),
      async () => {
        if (generation === undefined) await publishByHand(mirror);
        else writeObject(mirror, indexManifestKey(undefined), readObject(mirror, oldestKept(mirror)));
      },
      { signer },
    );
    await expect(done).rejects.toMatchObject({
      code: 'mirror-refused',
      message: expect.stringContaining(generation === undefined ? '(index-unsigned)' : '(index-frozen)'),
    });
    signer.close();
  });
});

function oldestKept(mirror: string): string {
  return listKeys(mirror).find((name) => name.startsWith(historyPrefix)) ?? '';
}
