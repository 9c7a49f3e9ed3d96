import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { blobKey, indexManifestKey, indexMediaType } from '@slipway/spack-buildcache';
import {
  type ActionRunResult,
  actionProcess,
  addEntry,
  makeKey,
  pictureOf,
  readManifest,
  readObject,
  requiredRecord,
  runAction,
  type SyntheticEntry,
  type TestKey,
  temporaryDirectory,
} from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';
import { directoryPlace } from './mirror-places.ts';
import { audit } from './publishing.ts';

let key: TestKey;
beforeAll(async () => {
  key = await makeKey({ type: 'ed25519' });
});

const newDirectory = (): string => join(temporaryDirectory('formats'), 'directory');

function publish(staged: string, mirror: string, more = {}): Promise<ActionRunResult> {
  const secrets = { 'signing-key': key.privateArmored, passphrase: key.passphrase ?? '' };
  const inputs = { buildcache: staged, mirror: pathToFileURL(mirror).href, 'trusted-keys': key.fingerprint };
  return runAction(action, { ...inputs, ...secrets, ...more });
}

function offered(mirror: string, version: number): string[] {
  const { checksum } = requiredRecord(
    readManifest(mirror, indexManifestKey(undefined)),
    indexMediaType(version),
  );
  const { database } = JSON.parse(readObject(mirror, blobKey(checksum)).toString());
  const installs: Readonly<Record<string, { in_buildcache: boolean }>> = database.installs;
  return Object.keys(installs)
    .filter((hash) => installs[hash]?.in_buildcache)
    .sort();
}

const hashes = (...entries: readonly SyntheticEntry[]): string[] => entries.map(({ hash }) => hash).sort();
const codesOf = (result: ActionRunResult): string[] => result.problems.map(({ code }) => code);

async function faults(mirror: string): Promise<string[]> {
  const { findings } = await audit(directoryPlace(mirror), key);
  return findings.filter(({ severity }) => severity !== 'notice').map(({ code }) => code);
}

describe('publishing what several versions of Spack staged', () => {
  it('indexes each entry for the clients that can read it, and keeps those that are too new', async () => {
    const mirror = newDirectory();
    const first = newDirectory();
    const old = await addEntry(first, { name: 'old', version: 'git.feature/x=1.0', signer: key });
    await publish(first, mirror);
    expect(offered(mirror, 8)).toEqual(hashes(old));
    const second = newDirectory();
    const lib = await addEntry(second, { name: 'lib', specfile: 6, provides: ['mpi'], signer: key });
    const user = await addEntry(second, {
      name: 'user',
      dependencies: [{ entry: lib }],
      specfile: 6,
      signer: key,
    });
    const newer = await addEntry(second, { name: 'newer', specfile: 7, signer: key });
    const result = await publish(second, mirror);
    expect(result.failure).toBeUndefined();
    expect(codesOf(result)).toEqual(['spec-newer']);
    expect(offered(mirror, 8)).toEqual(hashes(old));
    expect(offered(mirror, 9)).toEqual(hashes(old, lib, user));
    expect(readdirSync(join(mirror, newer.manifestKey, '..'))).toHaveLength(1);
    expect(await faults(mirror)).toEqual([]);
    // A newer entry is not a reason to refuse the mirror or to move its index again.
    const before = pictureOf(mirror);
    const again = await publish(second, mirror);
    expect(again.failure).toBeUndefined();
    expect(pictureOf(mirror)).toEqual(before);
    const third = newDirectory();
    const late = await addEntry(third, { name: 'late', signer: key });
    const last = await publish(third, mirror);
    expect(last.failure).toBeUndefined();
    expect(codesOf(last)).toEqual(['spec-newer']);
    expect(offered(mirror, 8)).toEqual(hashes(old, late));
    expect(offered(mirror, 9)).toEqual(hashes(old, lib, user, late));
    expect(await faults(mirror)).toEqual([]);
  });

  it('removes an entry from older indexes if one with a newer format replaces it', async () => {
    const mirror = newDirectory();
    const staged = newDirectory();
    const entry = await addEntry(staged, { name: 'entry', signer: key });
    const other = await addEntry(staged, { name: 'other', signer: key });
    await publish(staged, mirror);
    // Spack 1.3 pushes a package built by an older Spack: same hash, newer format.
    const pushedAgain = newDirectory();
    cpSync(staged, pushedAgain, { recursive: true });
    await addEntry(pushedAgain, { name: 'entry', asOriginal: 5, specfile: 6, signer: key });
    const result = await publish(pushedAgain, mirror, { overwrite: true });
    expect(result.failure).toBeUndefined();
    expect(offered(mirror, 8)).toEqual(hashes(other));
    expect(offered(mirror, 9)).toEqual(hashes(entry, other));
    expect(await faults(mirror)).toEqual([]);
  });
});

describe('signing what several versions of Spack staged', () => {
  it('signs specs of every version, known or not, and Git versions', async () => {
    const staged = newDirectory();
    await addEntry(staged, { name: 'old', version: 'git.feature/x=1.0' });
    await addEntry(staged, { name: 'lib', specfile: 6, provides: ['mpi'] });
    await addEntry(staged, { name: 'newer', specfile: 7 });
    const bundle = fileURLToPath(new URL('../../buildcache-sign/dist/index.js', import.meta.url));
    const inputs = {
      buildcache: staged,
      'signing-key': key.privateArmored,
      passphrase: key.passphrase ?? '',
    };
    const signed = await actionProcess(bundle, { inputs });
    expect(signed.exitCode, signed.log).toBe(0);
    const mirror = newDirectory();
    const published = await publish(staged, mirror);
    expect(published.failure).toBeUndefined();
    expect(await faults(mirror)).toEqual([]);
  });
});
