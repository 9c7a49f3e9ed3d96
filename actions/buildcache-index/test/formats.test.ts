import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type BlobRecord,
  blobKey,
  formatManifest,
  indexManifestKey,
  indexMediaType,
  type Manifest,
} from '@slipway/spack-buildcache';
import {
  addEntry,
  copyOfSpackFixture,
  foreignIndex,
  readManifest,
  readObject,
  runAction,
  type SyntheticEntry,
  spackFixture,
  temporaryDirectory,
  writeBlob,
  writeObject,
} from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';
import { audit, faultsOf, type Inputs } from './indexing.ts';

const pointerKey = indexManifestKey(undefined);
const run = (mirror: string, operation: string, more: Inputs = {}) =>
  runAction(action, {
    mirror: pathToFileURL(mirror).href,
    'allow-unsigned': true,
    operation,
    ...more,
  });

interface Install {
  readonly spec: { readonly name: string; readonly provided_virtuals?: readonly string[] };
  readonly ref_count: number;
  readonly in_buildcache: boolean;
}

const recordOf = (mirror: string, version: number, view?: string): BlobRecord | undefined =>
  readManifest(mirror, indexManifestKey(view)).data.find(
    ({ mediaType }) => mediaType === indexMediaType(version),
  );

function installsOf(mirror: string, version: number, view?: string): Readonly<Record<string, Install>> {
  const record = recordOf(mirror, version, view);
  if (record === undefined) throw new Error(`there is no index of version ${version}`);
  const { database } = JSON.parse(readObject(mirror, blobKey(record.checksum)).toString());
  expect(database.version).toBe(String(version));
  return database.installs;
}

/** DAG hashes in an index. */
const offered = (mirror: string, version: number, view?: string): string[] =>
  Object.entries(installsOf(mirror, version, view))
    .filter(([, { in_buildcache: isOffered }]) => isOffered)
    .map(([hash]) => hash)
    .sort();

const mediaTypesOf = (mirror: string, view?: string): string[] =>
  readManifest(mirror, indexManifestKey(view)).data.map(({ mediaType }) => mediaType);

const hashes = (...entries: readonly SyntheticEntry[]): string[] => entries.map(({ hash }) => hash).sort();

/** Spack 1.2 pushed `old` and `app`; Spack 1.3 `lib`, and `tool`, which uses `old`. */
async function mixedMirror(): Promise<{
  mirror: string;
  old: SyntheticEntry;
  app: SyntheticEntry;
  lib: SyntheticEntry;
  tool: SyntheticEntry;
}> {
  const mirror = join(temporaryDirectory('formats'), 'mirror');
  const old = await addEntry(mirror, { name: 'old' });
  const app = await addEntry(mirror, { name: 'app', dependencies: [{ entry: old }] });
  const lib = await addEntry(mirror, { name: 'lib', specfile: 6, provides: ['mpi@:3'] });
  // A newer Spack adds the virtuals that the recipe provides, and keeps the hash.
  const json = old.nodes.get(old.hash) ?? '';
  const added = json.replace(',"annotations"', ',"provided_virtuals":["old-api"],"annotations"');
  const tool = await addEntry(mirror, {
    name: 'tool',
    specfile: 6,
    dependencies: [{ entry: { ...old, nodes: new Map([[old.hash, added]]) } }, { entry: lib }],
  });
  return { mirror, old, app, lib, tool };
}

function editPointer(mirror: string, edit: (manifest: Manifest) => Manifest): void {
  writeObject(mirror, pointerKey, formatManifest(edit(readManifest(mirror, pointerKey))));
}

describe('a mirror with entries of Spack 1.2 and 1.3', () => {
  it('gets an index for each, listing all that its clients can read', async () => {
    const { mirror, old, app, lib, tool } = await mixedMirror();
    const { outputs, problems } = await run(mirror, 'rebuild');
    expect(problems).toEqual([]);
    expect(outputs).toMatchObject({ added: 4, 'index-checksum': recordOf(mirror, 9)?.checksum });
    expect(mediaTypesOf(mirror)).toEqual([indexMediaType(9), indexMediaType(8)]);
    expect(offered(mirror, 8)).toEqual(hashes(old, app));
    expect(offered(mirror, 9)).toEqual(hashes(old, app, lib, tool));
    // Each has nodes in the form of its own specs.
    expect(installsOf(mirror, 8)[old.hash]?.spec.provided_virtuals).toBeUndefined();
    expect(installsOf(mirror, 9)[old.hash]).toMatchObject({
      spec: { provided_virtuals: ['old-api'] },
      ref_count: 2,
    });
    const { findings, indexes } = await audit(mirror, '', true);
    expect(findings).toEqual([]);
    expect(indexes).toMatchObject([{ entries: 4 }]);
    expect((await run(mirror, 'update')).outputs).toMatchObject({ changed: false });
  });

  it('gets its first index of version 9 from an update, with all earlier entries', async () => {
    const { mirror, old, app, lib, tool } = await mixedMirror();
    for (const { manifestKey } of [lib, tool]) rmSync(join(mirror, manifestKey));
    await run(mirror, 'rebuild');
    expect(mediaTypesOf(mirror)).toEqual([indexMediaType(8)]);
    const before = recordOf(mirror, 8);
    const added = await addEntry(mirror, { name: 'lib', specfile: 6, provides: ['mpi@:3'] });
    expect((await run(mirror, 'update')).outputs).toMatchObject({ added: 1, removed: 0 });
    expect(recordOf(mirror, 8)).toEqual(before);
    expect(offered(mirror, 9)).toEqual(hashes(old, app, added));
    // Later entries go into both.
    const later = await addEntry(mirror, { name: 'later', dependencies: [{ entry: app }] });
    await run(mirror, 'update');
    expect(offered(mirror, 8)).toEqual(hashes(old, app, later));
    expect(offered(mirror, 9)).toEqual(hashes(old, app, added, later));
    rmSync(join(mirror, later.manifestKey));
    expect((await run(mirror, 'update')).outputs).toMatchObject({ removed: 1 });
    expect(offered(mirror, 8)).toEqual(hashes(old, app));
    expect(offered(mirror, 9)).toEqual(hashes(old, app, added));
    expect(await faultsOf(mirror, '', true)).toEqual([]);
  });

  it('gets both back in a rollback, and has both in a view', async () => {
    const { mirror, old, app, lib, tool } = await mixedMirror();
    await run(mirror, 'rebuild');
    const data = readManifest(mirror, pointerKey).data;
    const more = await addEntry(mirror, { name: 'more', specfile: 6 });
    const oldMore = await addEntry(mirror, { name: 'old-more' });
    await run(mirror, 'update');
    expect(offered(mirror, 9)).toEqual(hashes(old, app, lib, tool, more, oldMore));
    await run(mirror, 'rollback');
    expect(readManifest(mirror, pointerKey).data).toEqual(data);
    await run(mirror, 'rebuild', { view: 'some', select: 'app\nlib' });
    expect(offered(mirror, 8, 'some')).toEqual(hashes(app));
    expect(offered(mirror, 9, 'some')).toEqual(hashes(app, lib));
    expect(new Set(await faultsOf(mirror, '', true))).toEqual(new Set(['entry-withdrawn']));
  });

  it('has one index if only Spack 1.3 pushed to it', async () => {
    const mirror = join(temporaryDirectory('formats'), 'mirror');
    const lib = await addEntry(mirror, { name: 'lib', specfile: 6 });
    await run(mirror, 'rebuild');
    expect(mediaTypesOf(mirror)).toEqual([indexMediaType(9)]);
    expect(offered(mirror, 9)).toEqual(hashes(lib));
    expect(await faultsOf(mirror, '', true)).toEqual([]);
  });

  it('is updated for older clients too, after Spack 1.3 wrote only its own index', async () => {
    const { mirror, old, app, lib, tool } = await mixedMirror();
    await run(mirror, 'rebuild');
    const newest = recordOf(mirror, 9);
    rmSync(join(mirror, app.manifestKey));
    await run(mirror, 'rebuild');
    const stale = recordOf(mirror, 8);
    await addEntry(mirror, { name: 'app', dependencies: [{ entry: old }] });
    if (newest === undefined || stale === undefined) throw new Error('there are not two indexes');
    rmSync(join(mirror, 'slipway'), { recursive: true });
    // What `spack buildcache update-index` leaves: its own index first, and the other unchanged.
    editPointer(mirror, () => ({ version: 3, data: [newest, stale] }));
    const found = (await audit(mirror, '', true)).findings.filter(({ severity }) => severity !== 'notice');
    expect(found).toMatchObject([
      { code: 'index-incomplete', message: expect.stringContaining('version 8 leaves out 1 entry') },
    ]);
    expect((await run(mirror, 'update')).outputs).toMatchObject({ added: 1, removed: 0 });
    expect(offered(mirror, 8)).toEqual(hashes(old, app));
    expect(recordOf(mirror, 9)).toEqual(newest);
    expect(offered(mirror, 9)).toEqual(hashes(old, app, lib, tool));
    expect(await faultsOf(mirror, '', true)).toEqual([]);
  });

  it('may have an index by Spack 1.3 with the virtuals of older packages', async () => {
    const { mirror, app } = await mixedMirror();
    await run(mirror, 'rebuild');
    const { checksum = '' } = recordOf(mirror, 9) ?? {};
    const text = readObject(mirror, blobKey(checksum)).toString();
    const node = app.nodes.get(app.hash) ?? '';
    const added = node.replace(',"dependencies"', ',"provided_virtuals":["app-api"],"dependencies"');
    expect(text).toContain(node);
    const record = writeBlob(mirror, Buffer.from(text.replace(node, added)), indexMediaType(9), 'none');
    editPointer(mirror, ({ data, ...rest }) => ({ ...rest, data: [record, ...data.slice(1)] }));
    expect(await faultsOf(mirror, '', true)).toEqual([]);
  });
});

describe('a mirror that Spack migrated from layout v2', () => {
  it('is sound, even with the index that the migration left', async () => {
    const mirror = copyOfSpackFixture('v4-specs');
    const text = readFileSync(spackFixture('v4-index-of-migrate.json'));
    const left = writeBlob(mirror, text, indexMediaType(8), 'none');
    const updated = recordOf(mirror, 8);
    editPointer(mirror, (manifest) => ({ ...manifest, data: [left] }));
    expect(left.checksum).not.toBe(updated?.checksum);
    expect(await faultsOf(mirror, '', true)).toEqual([]);
    expect((await run(mirror, 'update')).outputs).toMatchObject({ changed: false });
  });
});

describe('an index of a version that is not known yet', () => {
  it('is kept byte for byte by every operation, with a finding', async () => {
    const mirror = copyOfSpackFixture('v3-unsigned');
    const foreign = foreignIndex(mirror, '{"database":{"version":"10"}}');
    editPointer(mirror, ({ data, ...rest }) => ({ ...rest, data: [foreign, ...data] }));
    const entry = await addEntry(mirror, { name: 'entry' });
    for (const operation of ['update', 'rebuild', 'rollback']) {
      const { outputs } = await run(mirror, operation);
      expect(outputs, operation).toMatchObject({ changed: true });
      expect(readManifest(mirror, pointerKey).data.at(-1), operation).toEqual(foreign);
      expect(readManifest(mirror, pointerKey).data, operation).toHaveLength(2);
    }
    await run(mirror, 'rebuild');
    expect(offered(mirror, 8)).toContain(entry.hash);
    const { findings } = await audit(mirror, '', true);
    expect(findings).toMatchObject([{ code: 'index-newer', severity: 'notice' }]);
  });

  it('is reported missing if it is gone', async () => {
    const mirror = copyOfSpackFixture('v3-unsigned');
    const foreign = foreignIndex(mirror, 'anything');
    editPointer(mirror, ({ data, ...rest }) => ({ ...rest, data: [...data, foreign] }));
    rmSync(join(mirror, blobKey(foreign.checksum)));
    expect(await faultsOf(mirror, '', true)).toEqual(['blob-missing']);
  });
});

describe('an entry whose spec is too new', () => {
  it('is left out of every index with a notice, and is not an error', async () => {
    const { mirror, old, app, lib, tool } = await mixedMirror();
    const newer = await addEntry(mirror, { name: 'newer', specfile: 7, dependencies: [{ entry: lib }] });
    const { outputs, problems } = await run(mirror, 'rebuild');
    expect(outputs).toMatchObject({ added: 4 });
    expect(problems).toMatchObject([{ code: 'spec-newer', severity: 'notice', key: newer.manifestKey }]);
    expect(offered(mirror, 9)).toEqual(hashes(old, app, lib, tool));
    expect((await audit(mirror, '', true)).findings).toMatchObject([
      { code: 'spec-newer', severity: 'notice', key: newer.manifestKey },
    ]);
    expect((await run(mirror, 'update')).outputs).toMatchObject({ changed: false, added: 0 });
  });
});

describe('a version with a Git name', () => {
  const version = 'git.feature/x=1.0';

  it('is indexed, updated, verified, and selected in the form Spack shows', async () => {
    const mirror = join(temporaryDirectory('formats'), 'mirror');
    const branch = await addEntry(mirror, { name: 'demo', version });
    await run(mirror, 'rebuild');
    expect(offered(mirror, 8)).toEqual(hashes(branch));
    const other = await addEntry(mirror, { name: 'demo', version: 'git.feature/y=1.0' });
    expect((await run(mirror, 'update')).outputs).toMatchObject({ added: 1 });
    for (const [view, select] of [
      ['exact', `demo@${version}`],
      ['starred', 'demo@git.feature/x*'],
    ] as const) {
      await run(mirror, 'rebuild', { view, select });
      expect(offered(mirror, 8, view)).toEqual(hashes(branch));
    }
    expect(offered(mirror, 8)).toEqual(hashes(branch, other));
    expect(await faultsOf(mirror, '', true)).toEqual([]);
  });
});
