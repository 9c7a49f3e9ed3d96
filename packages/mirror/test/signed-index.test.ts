import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { silentProgress, systemClock, UserError } from '@slipway/core';
import { formatManifest, historyKey, indexManifestKey, pendingKey } from '@slipway/spack-buildcache';
import { openStore } from '@slipway/store';
import {
  clearSign,
  indexOf,
  listSpecManifests,
  makeKey,
  publishByHand,
  readManifest,
  readObject,
  stageHonestMirror,
  type TestKey,
  writeObject,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { auditMirror, judgeMirror, openPolicy, publishIdOf } from '../src/index.ts';

const pointerKey = indexManifestKey(undefined);
let key: TestKey;

beforeAll(async () => {
  key = await makeKey({ type: 'ed25519', nowMs: Date.now() });
});

/** A mirror whose index was signed twice, the second time with all entries. */
async function signedMirror(): Promise<{ directory: string; hidden: string; first: string }> {
  const { directory, twins } = await stageHonestMirror(key);
  const hidden = twins[0].hash;
  const first = await publishByHand(directory, {
    signer: key,
    index: indexOf(directory, (hash) => hash !== hidden),
  });
  await publishByHand(directory, { signer: key });
  return { directory, hidden, first };
}

async function errorCodes(directory: string, expectedIndex?: string): Promise<string[]> {
  const { findings } = await auditMirror({
    store: await openStore(pathToFileURL(directory).href),
    trustedKeys: key.fingerprint,
    allowUnsigned: false,
    requireSignedIndex: false,
    expectedIndex,
    level: 'metadata',
    clock: systemClock,
    progress: silentProgress,
  });
  return [
    ...new Set(findings.filter((found) => found.severity === 'error').map((found) => found.code)),
  ].sort();
}

/** What a publisher checks before it writes. */
async function standingCodes(directory: string): Promise<string[]> {
  const store = await openStore(pathToFileURL(directory).href);
  const trust = { trustedKeys: key.publicArmored, offeredKeys: [], allowUnsigned: false };
  const { policy } = await openPolicy(trust, systemClock);
  try {
    await judgeMirror({
      store,
      policy,
      clock: systemClock,
      writer: 'publish',
      view: undefined,
      findings: [],
      surroundings: {
        offeredKeys: [],
        pinnedKeys: [key.fingerprint],
        allowUnpinnedKeys: false,
        allowUnsigned: false,
        allowLayoutV2: false,
      },
    });
    return [];
  } catch (error) {
    const message = error instanceof UserError && error.code === 'mirror-refused' ? error.message : '';
    return [/\(([a-z0-9-]+)\)/.exec(message)?.[1] ?? String(error)];
  }
}

/** Replaces the pointer with an unsigned one, which takes only write access. */
async function forgePointer(
  directory: string,
  hidden: string | undefined,
  rolledBackTo?: number,
): Promise<void> {
  await publishByHand(directory, { index: indexOf(directory, (hash) => hash !== hidden) });
  const forged = readManifest(directory, pointerKey);
  const generation = forged.lineage?.generation ?? 0;
  writeObject(
    directory,
    pointerKey,
    formatManifest({ ...forged, lineage: { ...forged.lineage, generation, rolledBackTo } }),
  );
}

describe('I4: a mirror whose index was signed', () => {
  it('is sound while nobody touches it', async () => {
    const { directory } = await signedMirror();
    expect(await errorCodes(directory)).toEqual([]);
    expect(await standingCodes(directory)).toEqual([]);
  });

  it('is refused if the signature is removed from its index', async () => {
    const { directory } = await signedMirror();
    await forgePointer(directory, undefined);
    expect(await errorCodes(directory)).toEqual(['index-unsigned']);
    expect(await standingCodes(directory)).toEqual(['index-unsigned']);
  });

  it('does not believe an unsigned claim of a rollback', async () => {
    const { directory, hidden } = await signedMirror();
    await forgePointer(directory, hidden, 1);
    expect(await errorCodes(directory)).toEqual(['index-hides-entry', 'index-unsigned']);
    expect(await standingCodes(directory)).toEqual(['index-unsigned']);
  });

  it.each(['unsigned', 'signed by another'])('does not believe a publish note that is %s', async (how) => {
    const { directory, hidden } = await signedMirror();
    const index = indexOf(directory, (hash) => hash !== hidden);
    await publishByHand(directory, { signer: key, index });
    const text = JSON.stringify({ version: 1, startedAtMs: Date.now(), hashes: [hidden] }, null, 1);
    const stranger = await makeKey({ type: 'ed25519', nowMs: Date.now() });
    const note = how === 'unsigned' ? text : await clearSign(text, stranger);
    writeObject(directory, pendingKey(publishIdOf([hidden])), note);
    expect(await errorCodes(directory)).toContain('index-hides-entry');
    expect(await standingCodes(directory)).toEqual([
      how === 'unsigned' ? 'index-hides-entry' : 'signature-unknown-key',
    ]);
  });

  it('believes a signed note for a day, but no longer', async () => {
    const { directory, hidden } = await signedMirror();
    await publishByHand(directory, { signer: key, index: indexOf(directory, (hash) => hash !== hidden) });
    const noteOf = (startedAtMs: number): Promise<string> =>
      clearSign(JSON.stringify({ version: 1, startedAtMs, hashes: [hidden] }, null, 1), key);
    const noteKey = pendingKey(publishIdOf([hidden]));
    writeObject(directory, noteKey, await noteOf(Date.now() - 3_600_000));
    expect(await errorCodes(directory)).toEqual([]);
    writeObject(directory, noteKey, await noteOf(Date.now() - 25 * 3_600_000));
    expect(await errorCodes(directory)).toEqual(['index-hides-entry']);
    writeObject(directory, noteKey, await noteOf(Date.now() + 25 * 3_600_000));
    expect(await errorCodes(directory)).toEqual(['index-hides-entry']);
  });
});

describe('expected-index', () => {
  it('accepts the present index and any earlier one that led to it', async () => {
    const { directory, first } = await signedMirror();
    const present = readManifest(directory, pointerKey).data[0]?.checksum;
    expect(await errorCodes(directory, present)).toEqual([]);
    expect(await errorCodes(directory, first)).toEqual([]);
    expect(await errorCodes(directory, 'f'.repeat(64))).toEqual(['index-not-expected']);
  });

  it('finds a whole mirror that was reset to an earlier state, whatever is planted in its history', async () => {
    const { directory, hidden } = await signedMirror();
    const published = readManifest(directory, pointerKey).data[0]?.checksum ?? '';
    // Removes the second publish entirely: its pointer, its history and the entry it added.
    writeObject(directory, pointerKey, readObject(directory, firstKept(directory)));
    rmSync(join(directory, historyKey(undefined, 2, published, true)));
    const added = listSpecManifests(directory).find((manifest) => manifest.includes(hidden));
    rmSync(join(directory, added ?? 'no such entry'));
    expect(await errorCodes(directory)).toEqual([]);
    expect(await errorCodes(directory, published)).toEqual(['index-not-expected']);
    writeObject(directory, historyKey(undefined, 0, published, false), 'garbage');
    expect(await errorCodes(directory, published)).toContain('index-not-expected');
    const forged = readManifest(directory, pointerKey);
    const data = forged.data.map((record) => ({ ...record, checksum: published }));
    writeObject(
      directory,
      historyKey(undefined, 0, published, false),
      formatManifest({ ...forged, data, lineage: { generation: 0 } }),
    );
    expect(await errorCodes(directory, published)).toContain('index-not-expected');
  });
});

function firstKept(directory: string): string {
  const { lineage } = readManifest(directory, pointerKey);
  return historyKey(undefined, 1, lineage?.previous ?? '', true);
}
