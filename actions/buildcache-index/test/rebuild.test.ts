import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { blobKey, historyKey, indexManifestKey } from '@slipway/spack-buildcache';
import {
  addEntry,
  copyOfSpackFixture,
  indexOf,
  listSpecManifests,
  makeKey,
  pictureOf,
  publishByHand,
  readObject,
  specNode,
  type TestKey,
  writeObject,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectSamePlan,
  faultsOf,
  fixtureFingerprint,
  type Inputs,
  index,
  indexChecksum,
  mirrorWithoutIndex,
} from './indexing.ts';

let key: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
});

const rebuild = { operation: 'rebuild' } as const;
const signed = { 'trusted-keys': fixtureFingerprint };
const unsigned = { 'trusted-keys': '', 'allow-unsigned': true };

describe('a rebuilt index of a mirror by Spack is the same as Spack’s, byte for byte:', () => {
  /** Rebuilds everything except the members of a view, which nothing else knows. Returns Spack's index and the new one. */
  async function rebuilt(fixture: 'v3-signed' | 'v3-unsigned' | 'v4-specs', trust: Inputs, view?: string) {
    const mirror = copyOfSpackFixture(fixture);
    const spacks = readObject(mirror, blobKey(indexChecksum(mirror, view)));
    const members = entriesIn(spacks);
    rmSync(join(mirror, blobKey(indexChecksum(mirror, view))));
    rmSync(join(mirror, indexManifestKey(view)));
    const select = view === undefined ? undefined : members.map((hash) => `/${hash}`).join('\n');
    const { outputs } = await index(mirror, key, { ...rebuild, ...trust, view, select });
    expect(outputs).toMatchObject({ changed: true, generation: 1, added: members.length });
    return {
      spacks: spacks.toString(),
      ours: readObject(mirror, blobKey(indexChecksum(mirror, view))).toString(),
    };
  }

  it('v3-signed', async () => {
    const { spacks, ours } = await rebuilt('v3-signed', signed);
    expect(ours).toBe(spacks);
  });

  it('v3-signed, the view stable', async () => {
    const { spacks, ours } = await rebuilt('v3-signed', signed, 'stable');
    expect(ours).toBe(spacks);
  });

  it('v3-unsigned', async () => {
    const { spacks, ours } = await rebuilt('v3-unsigned', unsigned);
    expect(ours).toBe(spacks);
  });

  it('v4-specs, except for the order of a directory listing', async () => {
    const { spacks, ours } = await rebuilt('v4-specs', unsigned);
    expect(JSON.parse(ours)).toEqual(JSON.parse(spacks));
    expect(ours.length).toBe(spacks.length);
  });

  it('and an existing view keeps its members', async () => {
    const mirror = copyOfSpackFixture('v3-signed');
    const spacks = indexChecksum(mirror, 'stable');
    const { outputs } = await index(mirror, key, { ...rebuild, ...signed, view: 'stable' });
    expect(outputs).toMatchObject({ added: 0, removed: 0, 'index-checksum': spacks });
  });
});

/** DAG hashes of the binaries in an index. */
function entriesIn(json: Buffer): string[] {
  const { database }: { database: { installs: Record<string, { in_buildcache: boolean }> } } = JSON.parse(
    json.toString(),
  );
  return Object.entries(database.installs).flatMap(([hash, record]) => (record.in_buildcache ? [hash] : []));
}

describe('a rebuild repairs', () => {
  const faults: readonly [string, (mirror: string) => Promise<void> | void][] = [
    ['a missing pointer', (mirror) => rmSync(join(mirror, indexManifestKey(undefined)))],
    ['an unreadable pointer', (mirror) => writeObject(mirror, indexManifestKey(undefined), '{"version":3,')],
    ['a pointer that is no manifest', (mirror) => writeObject(mirror, indexManifestKey(undefined), '[]')],
    [
      'a pointer signed by an unknown key',
      async (mirror) => {
        await publishByHand(mirror, { signer: await makeKey({ type: 'ed25519' }) });
      },
    ],
    [
      'a pointer whose signature is bad',
      async (mirror) => {
        await publishByHand(mirror, { signer: key });
        const text = readObject(mirror, indexManifestKey(undefined)).toString();
        writeObject(
          mirror,
          indexManifestKey(undefined),
          text.replace('"contentLength":', '"contentLength":1'),
        );
      },
    ],
    ['a missing index', (mirror) => rmSync(join(mirror, blobKey(indexChecksum(mirror))))],
    [
      'a tampered index of the same size',
      (mirror) => {
        const name = blobKey(indexChecksum(mirror));
        writeObject(
          mirror,
          name,
          readObject(mirror, name).toString().replace('"ref_count":0', '"ref_count":7'),
        );
      },
    ],
    [
      'a truncated index',
      (mirror) => {
        const name = blobKey(indexChecksum(mirror));
        writeObject(mirror, name, readObject(mirror, name).subarray(0, 100));
      },
    ],
    [
      'a frozen pointer',
      async (mirror) => {
        const old = readObject(mirror, indexManifestKey(undefined));
        await addEntry(mirror, { name: 'later', signer: key });
        await index(mirror, key);
        writeObject(mirror, indexManifestKey(undefined), old);
      },
    ],
    [
      'a hidden entry',
      async (mirror) => {
        const [, ...others] = indexOf(mirror).entries();
        await publishByHand(mirror, { index: indexOf(mirror, (hash) => others.includes(hash)) });
      },
    ],
    [
      'an invented entry',
      async (mirror) => {
        const made = indexOf(mirror);
        const { hash, json } = specNode({ name: 'invented', version: '1', arch: {}, namespace: 'x' });
        made.addEntry(hash, () => ({ hash, dependencies: [], json: Buffer.from(json) }));
        await publishByHand(mirror, { index: made });
      },
    ],
    [
      'an index by another tool',
      async (mirror) => {
        await publishByHand(mirror, { lineage: 'none' });
      },
    ],
  ];
  it.each(faults)('%s', async (_, damage) => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key);
    await damage(mirror);
    expect(await faultsOf(mirror, key.fingerprint)).not.toEqual([]);
    const { outputs, failure } = await index(mirror, key, { ...rebuild, 'signing-key': key.privateArmored });
    expect(failure).toBeUndefined();
    expect(outputs).toMatchObject({ changed: true, 'index-checksum': indexChecksum(mirror) });
    expect(await faultsOf(mirror, key.fingerprint)).toEqual([]);
    expect(indexChecksum(mirror)).toBe(await publishByHand(mirror));
  });

  it('but not problems with the entries themselves', async () => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key);
    const [first = ''] = listSpecManifests(mirror);
    writeObject(mirror, first, readObject(mirror, first).toString().replace('"version":3', '"version":4'));
    const before = pictureOf(mirror);
    await expect(index(mirror, key, rebuild)).rejects.toMatchObject({
      code: 'mirror-refused',
      message: expect.stringContaining(first),
    });
    expect(pictureOf(mirror)).toEqual(before);
  });
});

describe('a rebuild', () => {
  it('keeps the pointer it replaces, and counts its changes', async () => {
    const mirror = await mirrorWithoutIndex(key);
    await index(mirror, key);
    const first = indexChecksum(mirror);
    const [, ...others] = indexOf(mirror).entries();
    await publishByHand(mirror, { index: indexOf(mirror, (hash) => others.includes(hash)) });
    const second = indexChecksum(mirror);
    const { outputs } = await index(mirror, key, rebuild);
    expect(outputs).toMatchObject({ added: 1, removed: 0, generation: 3, 'index-checksum': first });
    expect(existsSync(join(mirror, historyKey(undefined, 2, second, false)))).toBe(true);
  });

  it('dry-run: changes nothing; its plan and outputs are those of the following run', async () => {
    const mirror = await mirrorWithoutIndex(key);
    const gone = await addEntry(mirror, { name: 'gone', signer: key });
    await index(mirror, key);
    rmSync(join(mirror, gone.manifestKey));
    await addEntry(mirror, { name: 'new', signer: key });
    await expectSamePlan(mirror, key, rebuild, ['changed', 'added', 'removed', 'invalidation-paths']);
  });
});
