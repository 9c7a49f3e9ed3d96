import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ObjectStore, systemClock } from '@slipway/core';
import { openSigner, type Signer } from '@slipway/signing';
import {
  formatManifest,
  historyPrefixOf,
  indexManifestKey,
  maxGeneration,
  type PackageIndex,
} from '@slipway/spack-buildcache';
import { openStore } from '@slipway/store';
import {
  indexOf,
  makeKey,
  publishByHand,
  readManifest,
  readObject,
  stageHonestMirror,
  type TestKey,
  writeManifest,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  advanceIndex,
  claimOf,
  type IndexAdvance,
  type IndexMove,
  IndexSet,
  nextLineage,
  openDocument,
  openPolicy,
  readCurrentIndex,
  readIndexTrust,
  type SignaturePolicy,
  writeImmutable,
} from '../src/index.ts';

const pointerKey = indexManifestKey(undefined);
let key: TestKey;
let signer: Signer;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
  signer = await openSigner({ armoredKey: key.privateArmored, passphrase: undefined, clock: systemClock });
});

interface Mirror {
  readonly directory: string;
  readonly store: ObjectStore;
  readonly policy: SignaturePolicy;
  /** An index of every entry except the first twin. */
  readonly fewer: PackageIndex;
  move(index: PackageIndex, more?: Partial<IndexAdvance>): Promise<IndexMove>;
}

async function mirror(isSigned = false): Promise<Mirror> {
  const { directory, twins } = await stageHonestMirror(isSigned ? key : undefined);
  const store = await openStore(pathToFileURL(directory).href);
  const trust = { trustedKeys: key.publicArmored, offeredKeys: [], allowUnsigned: !isSigned };
  const { policy } = await openPolicy(trust, systemClock);
  return {
    directory,
    store,
    policy,
    fewer: indexOf(directory, (hash) => hash !== twins[0].hash),
    move: (index, more) =>
      advanceIndex({
        store,
        view: undefined,
        policy,
        signer: isSigned ? signer : undefined,
        clock: systemClock,
        change: () => new IndexSet([index]),
        ...more,
      }),
  };
}

async function keysBelow(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key: found } of store.list(prefix)) keys.push(found);
  return keys.sort();
}

describe('an index pointer that moves', () => {
  it.each([false, true])('keeps itself and its predecessor in the history (signed: %s)', async (isSigned) => {
    const { directory, store, fewer, move } = await mirror(isSigned);
    // The state after a publisher was killed before it kept its own pointer.
    await publishByHand(directory, { index: fewer, ...(isSigned && { signer: key }) });
    const [kept = ''] = await keysBelow(store, historyPrefixOf(undefined));
    const replaced = readObject(directory, pointerKey);
    expect(readObject(directory, kept).equals(replaced)).toBe(true);
    rmSync(join(directory, kept));

    const moved = await move(indexOf(directory));
    const history = await keysBelow(store, historyPrefixOf(undefined));
    expect(history).toHaveLength(2);
    expect(history).toContain(kept);
    expect(readObject(directory, kept).equals(replaced)).toBe(true);
    const [own = ''] = history.filter((other) => other !== kept);
    expect(readObject(directory, own).equals(readObject(directory, pointerKey))).toBe(true);
    expect(moved).toMatchObject({ moved: true, generation: 2, retries: 0 });
    expect(readManifest(directory, pointerKey).lineage).toMatchObject({ generation: 2 });
  });

  it('keeps a replaced pointer by another tool, under the generation before its own', async () => {
    const { directory, store, fewer, move } = await mirror();
    await publishByHand(directory, { index: fewer, lineage: 'none' });
    const foreign = readObject(directory, pointerKey);
    await move(indexOf(directory));
    const history = await keysBelow(store, historyPrefixOf(undefined));
    expect(history).toHaveLength(2);
    expect(history.filter((kept) => readObject(directory, kept).equals(foreign))).toHaveLength(1);
  });

  it("I3: never replaces another publisher's pointer, but retries on top of it", async () => {
    const { directory, fewer, move } = await mirror();
    await publishByHand(directory, { index: fewer });
    let calls = 0;
    const moved = await move(indexOf(directory), {
      change: async () => {
        calls += 1;
        // Another publisher is faster the first time.
        if (calls === 1) await publishByHand(directory, { index: indexOf(directory, () => false) });
        return new IndexSet([indexOf(directory)]);
      },
    });
    expect(moved).toMatchObject({ moved: true, generation: 3, retries: 1 });
    expect(readManifest(directory, pointerKey).lineage).toMatchObject({ generation: 3 });
  });

  it("I3: never overwrites another publisher's first pointer", async () => {
    const { directory, fewer, move } = await mirror();
    let calls = 0;
    const moved = await move(fewer, {
      change: async () => {
        calls += 1;
        if (calls === 1) await publishByHand(directory, { index: fewer });
        return new IndexSet([indexOf(directory)]);
      },
    });
    expect(moved).toMatchObject({ generation: 2, retries: 1 });
  });

  it('stays where it is if nothing changes', async () => {
    const { directory, fewer, move } = await mirror();
    await publishByHand(directory, { index: fewer });
    const before = readObject(directory, pointerKey);
    expect(await move(fewer, { change: () => undefined })).toMatchObject({ moved: false, generation: 1 });
    expect(readObject(directory, pointerKey).equals(before)).toBe(true);
  });

  it('I8: never exceeds the highest generation', async () => {
    const { directory, store, policy, fewer } = await mirror();
    await publishByHand(directory, { index: fewer });
    const seen = await readCurrentIndex({ store, view: undefined, policy });
    const after = (newestGeneration: number) =>
      nextLineage({ ...seen, newestGeneration }, undefined, systemClock);
    expect(after(maxGeneration - 1).generation).toBe(maxGeneration);
    expect(() => after(maxGeneration)).toThrow(expect.objectContaining({ code: 'mirror-refused' }));
  });
});

describe('I4: a key that signs an index', () => {
  it('does not vouch for an unsigned one unless exactly that one was proven', async () => {
    const { directory, store, policy, fewer, move } = await mirror();
    await publishByHand(directory, { index: fewer });
    const { pointer } = await readCurrentIndex({ store, view: undefined, policy });
    const proven = pointer && claimOf(pointer);
    const refused = expect.objectContaining({ code: 'mirror-refused' });
    await expect(move(indexOf(directory), { signer })).rejects.toThrow(refused);
    await expect(move(indexOf(directory), { signer, provenIndex: `${proven}0` })).rejects.toThrow(refused);
    expect(await move(indexOf(directory), { signer, provenIndex: proven })).toMatchObject({ moved: true });
  });

  it('is required if one is signed: no pointer of a signed mirror moves without it', async () => {
    const { directory, move } = await mirror(true);
    await publishByHand(directory, { signer: key });
    await expect(move(indexOf(directory), { signer: undefined })).rejects.toMatchObject({
      code: 'input-invalid',
    });
  });

  it('is required for all indexes once a single view is signed, even if the history is gone', async () => {
    const { directory, store, policy } = await mirror();
    await publishByHand(directory);
    await publishByHand(directory, { view: 'stable', signer: key });
    const kept = await keysBelow(store, historyPrefixOf('stable'));
    for (const one of kept) rmSync(join(directory, one));
    const trust = await readIndexTrust({ store, policy, requireSigned: false });
    expect(trust.mustBeSigned).toBe(true);
    expect(trust.main.findings.map(({ code }) => code)).toContain('index-unsigned');
  });

  it('must be trusted: without trusted keys, a signed document is refused, not read as unsigned', async () => {
    const { directory } = await mirror();
    await writeManifest(directory, pointerKey, formatManifest({ version: 3, data: [] }), key);
    const signed = readObject(directory, pointerKey);
    const resigning = { keyring: undefined, required: false };
    for (const policy of [{ allowUnsigned: true }, { allowUnsigned: true, resigning }]) {
      expect(await openDocument(signed, pointerKey, { keyring: undefined, ...policy })).toMatchObject({
        code: 'signature-unknown-key',
      });
    }
  });
});

it('I2: an immutable object of another size is a conflict; one of the same size is left alone', async () => {
  const { store } = await mirror();
  const sha256 = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881';
  const write = (text: string) =>
    writeImmutable(store, 'blobs/x', { kind: 'bytes', bytes: Buffer.from(text) }, 'text/plain', sha256);
  expect(await write('x')).toBe(true);
  expect(await write('x')).toBe(false);
  await expect(write('xy')).rejects.toMatchObject({ code: 'immutable-conflict' });
});
