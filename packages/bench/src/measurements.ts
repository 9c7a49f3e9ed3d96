import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { InternalError } from '@slipway/core';
import {
  blobKey,
  findRecord,
  indexManifestKey,
  mediaTypes,
  PackageIndex,
  parseManifest,
  specManifestPrefix,
} from '@slipway/spack-buildcache';
import type { Contender, Measurement } from './measure.ts';
import { type Gpg, publishedGpg, publishedUpdateIndex, type Spack } from './peers.ts';
import { type Command, runProcess } from './process.ts';
import { actionBundles, type SlipwayProgram } from './slipway.ts';
import { addFiles, linkedCopy, type Workspace } from './workspace.ts';

/** How many entries are new in an update or a small publish. */
const newEntryCount = 100;
/** How many manifests gpg is given: it takes as long for each of them. */
const gpgSampleCount = 50;
const mebibyte = 2 ** 20;

/** What takes part. */
export interface Field {
  readonly workspace: Workspace;
  readonly slipway: SlipwayProgram;
  readonly spack: Spack | undefined;
  readonly gpg: Gpg | undefined;
}

/** A measurement that can be asked for; what it needs is made only when it is. */
export interface Plan {
  readonly name: string;
  readonly entryCount: number | undefined;
  /** Further runs are of no use, or too long. */
  readonly maxRuns?: number;
  readonly minRuns?: number;
  prepare(): Promise<Measurement>;
}

const command = (made: Command): (() => ReturnType<typeof runProcess>) => {
  return () => runProcess(made);
};

/** All measurements at these sizes, in the order in which they run. */
export function plansFor(field: Field, entryCounts: readonly number[]): Plan[] {
  return entryCounts.flatMap((entryCount) => [
    plan('rebuild', entryCount, () => rebuild(field, entryCount)),
    plan(`update with ${newEntryCount} new`, entryCount, () => update(field, entryCount)),
    plan('publish onto an empty mirror', entryCount, () => publishAll(field, entryCount)),
    plan(`publish ${newEntryCount} new`, entryCount, () => publishNew(field, entryCount)),
    plan('sign', entryCount, () => sign(field, entryCount)),
    plan('verify metadata', entryCount, () => verify(field, entryCount, 'metadata')),
    plan('verify full', entryCount, () => verify(field, entryCount, 'full')),
    plan('verify full, against check-index', entryCount, () => checkIndex(field, entryCount)),
  ]);
}

function plan(
  name: string,
  entryCount: number,
  prepare: () => Promise<Omit<Measurement, 'name' | 'entryCount' | 'clock'>>,
): Plan {
  return {
    name,
    entryCount,
    prepare: async () => ({ name, entryCount, clock: 'wall', ...(await prepare()) }),
  };
}

type Parts = Omit<Measurement, 'name' | 'entryCount' | 'clock'>;

async function rebuild({ workspace, slipway, spack }: Field, entryCount: number): Promise<Parts> {
  const source = await workspace.signedMirror(entryCount);
  const key = await workspace.signingKey();
  const ours = workspace.path('run-slipway');
  const theirs = workspace.path('run-spack');
  return {
    ours: {
      label: 'buildcache-index',
      prepare: () => withoutIndex(source, ours),
      run: command(slipway.rebuildIndex(ours, key)),
      check: () => requireIndexed(ours, entryCount),
      pieces: 1,
    },
    peer:
      spack === undefined
        ? publishedUpdateIndex(entryCount)
        : {
            label: 'spack update-index',
            prepare: () => withoutIndex(source, theirs),
            run: command(spack.updateIndex(theirs)),
            check: () => requireIndexed(theirs, entryCount),
            pieces: 1,
          },
    aim: { kind: 'ratio', atLeast: 60 },
  };
}

async function update({ workspace, slipway, spack }: Field, entryCount: number): Promise<Parts> {
  const source = await workspace.signedMirror(entryCount);
  const added = await workspace.signedStaged(newEntryCount, entryCount);
  const key = await workspace.signingKey();
  const ours = workspace.path('run-slipway');
  const theirs = workspace.path('run-spack');
  return {
    ours: {
      label: 'buildcache-index',
      prepare: () => {
        linkedCopy(source, ours);
        addFiles(added, ours);
      },
      run: command(slipway.updateIndex(ours, key)),
      check: () => requireIndexed(ours, entryCount + newEntryCount),
      pieces: 1,
    },
    peer:
      spack === undefined
        ? publishedUpdateIndex(entryCount)
        : {
            label: 'spack update-index',
            prepare: () => {
              // Spack may write into the pointer, which a linked copy would share.
              withoutIndex(source, theirs);
              addFiles(added, theirs);
            },
            run: command(spack.updateIndex(theirs)),
            check: () => requireIndexed(theirs, entryCount + newEntryCount),
            pieces: 1,
          },
    aim: { kind: 'ratio', atLeast: 400 },
  };
}

async function publishAll({ workspace, slipway, spack }: Field, entryCount: number): Promise<Parts> {
  const staged = workspace.path('run-staged');
  withoutIndex(await workspace.signedMirror(entryCount), staged);
  const key = await workspace.signingKey();
  const target = workspace.path('run-target');
  const prepare = (): void => {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
  };
  return {
    ours: {
      label: 'buildcache-publish',
      prepare,
      run: command(slipway.publish(staged, target, key)),
      check: () => requireIndexed(target, entryCount),
      pieces: 1,
    },
    peer:
      spack === undefined
        ? undefined
        : {
            label: 'cp, then spack update-index',
            prepare,
            run: command(spack.copyAndUpdateIndex(staged, target)),
            check: () => requireIndexed(target, entryCount),
            pieces: 1,
          },
    aim: undefined,
  };
}

async function publishNew({ workspace, slipway, spack }: Field, entryCount: number): Promise<Parts> {
  const source = await workspace.signedMirror(entryCount);
  const staged = await workspace.signedStaged(newEntryCount, entryCount);
  const key = await workspace.signingKey();
  const ours = workspace.path('run-slipway');
  const theirs = workspace.path('run-spack');
  return {
    ours: {
      label: 'buildcache-publish',
      prepare: () => linkedCopy(source, ours),
      run: command(slipway.publish(staged, ours, key)),
      check: () => requireIndexed(ours, entryCount + newEntryCount),
      pieces: 1,
    },
    peer:
      spack === undefined
        ? undefined
        : {
            label: 'cp, then spack update-index',
            prepare: () => withoutIndex(source, theirs),
            run: command(spack.copyAndUpdateIndex(staged, theirs)),
            check: () => requireIndexed(theirs, entryCount + newEntryCount),
            pieces: 1,
          },
    aim: undefined,
  };
}

async function sign({ workspace, slipway, gpg }: Field, entryCount: number): Promise<Parts> {
  const staged = await workspace.staged(entryCount);
  const key = await workspace.signingKey();
  const target = workspace.path('run-sign');
  const sample = manifestSample(staged);
  return {
    ours: {
      label: 'buildcache-sign',
      prepare: () => linkedCopy(staged, target),
      run: command(slipway.sign(target, key)),
      check: () => requireSigned(target, staged),
      pieces: entryCount,
    },
    peer:
      gpg === undefined
        ? publishedGpg('sign')
        : { label: 'gpg --clearsign', run: () => gpg.signEach(sample), pieces: sample.length },
    aim: { kind: 'ratio', atLeast: 10 },
  };
}

async function verify(
  { workspace, slipway, gpg }: Field,
  entryCount: number,
  level: 'metadata' | 'full',
): Promise<Parts> {
  const mirror = await workspace.signedMirror(entryCount);
  const key = await workspace.signingKey();
  const sample = manifestSample(mirror);
  return {
    ours: {
      label: 'buildcache-verify',
      run: command(slipway.verify(mirror, level, key)),
      pieces: entryCount,
    },
    peer:
      gpg === undefined
        ? publishedGpg('verify')
        : { label: 'gpg --verify', run: () => gpg.verifyEach(sample), pieces: sample.length },
    aim: level === 'metadata' ? { kind: 'ratio', atLeast: 20 } : undefined,
  };
}

async function checkIndex({ workspace, slipway, spack }: Field, entryCount: number): Promise<Parts> {
  const mirror = await workspace.signedMirror(entryCount);
  const key = await workspace.signingKey();
  return {
    ours: { label: 'buildcache-verify', run: command(slipway.verify(mirror, 'full', key)), pieces: 1 },
    peer:
      spack === undefined
        ? undefined
        : { label: 'spack check-index (existence only)', run: command(spack.checkIndex(mirror)), pieces: 1 },
    aim: undefined,
  };
}

/** Memory with so many entries, unsigned so that the mirror is made in minutes; one run each. */
export function memoryPlans({ workspace, slipway }: Field, entryCount: number): Plan[] {
  const aim = { kind: 'peak-rss', belowBytes: 512 * mebibyte } as const;
  const once = (name: string, ours: () => Promise<Contender>): Plan => ({
    ...plan(`memory: ${name}`, entryCount, async () => ({ ours: await ours(), peer: undefined, aim })),
    maxRuns: 1,
  });
  const target = workspace.path('run-memory');
  return [
    once('rebuild', async () => {
      const source = await workspace.unsignedMirror(entryCount);
      return {
        label: 'buildcache-index',
        prepare: () => withoutIndex(source, target),
        run: command(slipway.rebuildIndex(target, undefined)),
        check: () => requireIndexed(target, entryCount),
        pieces: 1,
      };
    }),
    once(`update with ${newEntryCount} new`, async () => {
      const source = await workspace.unsignedMirror(entryCount);
      const added = await workspace.staged(newEntryCount, entryCount);
      return {
        label: 'buildcache-index',
        prepare: () => {
          linkedCopy(source, target);
          addFiles(added, target);
        },
        run: command(slipway.updateIndex(target, undefined)),
        check: () => requireIndexed(target, entryCount + newEntryCount),
        pieces: 1,
      };
    }),
    once('verify full', async () => {
      const mirror = await workspace.unsignedMirror(entryCount);
      return {
        label: 'buildcache-verify',
        run: command(slipway.verify(mirror, 'full', undefined)),
        pieces: 1,
      };
    }),
  ];
}

/** From the start of each bundled action to its first line, against Node printing a line. */
export function startPlans(): Plan[] {
  return [...actionBundles()].map(([action, bundle]): Plan => {
    const node = (label: string, args: readonly string[], exitCodes: readonly number[]): Contender => ({
      label,
      run: () => runProcess({ program: process.execPath, args }, exitCodes),
      pieces: 1,
    });
    const name = `first line of ${action}`;
    return {
      name,
      entryCount: undefined,
      minRuns: 15,
      prepare: async () => ({
        name,
        entryCount: undefined,
        clock: 'first-line',
        // Without its inputs an action fails, after it has said its first words.
        ours: node(action, [bundle], [0, 1]),
        peer: node('node -p 0', ['-p', '0'], [0]),
        aim: { kind: 'extra-ms', atMost: 150 },
      }),
    };
  });
}

/** A copy of a mirror as it was before its index was made. */
function withoutIndex(mirror: string, target: string): void {
  linkedCopy(mirror, target);
  const pointer = join(target, indexManifestKey(undefined));
  const record = findRecord(parseManifest(readFileSync(pointer, 'utf8')), mediaTypes.index);
  if (record !== undefined) rmSync(join(target, blobKey(record.checksum)));
  rmSync(join(target, 'v3/manifests/index'), { recursive: true });
}

/** Throws unless the main index of the mirror has so many binaries. */
function requireIndexed(mirror: string, entryCount: number): void {
  const manifest = parseManifest(readFileSync(join(mirror, indexManifestKey(undefined)), 'utf8'));
  const sha256 = findRecord(manifest, mediaTypes.index)?.checksum ?? '';
  const index = PackageIndex.parse(readFileSync(join(mirror, blobKey(sha256))));
  if (index.entryCount !== entryCount) {
    throw new InternalError(`the index has ${index.entryCount} entries instead of ${entryCount}`);
  }
}

/** Throws unless some manifests of the copy are signed now, and those of its source still are not. */
function requireSigned(copy: string, source: string): void {
  const signature = '-----BEGIN PGP SIGNATURE-----';
  const signed = manifestSample(copy).filter((path) => readFileSync(path, 'utf8').includes(signature));
  const touched = manifestSample(source).filter((path) => readFileSync(path, 'utf8').includes(signature));
  if (signed.length !== manifestSample(copy).length) throw new InternalError('a manifest was not signed');
  if (touched.length > 0) throw new InternalError('signing a copy has changed its source');
}

/** Paths of some spec manifests, spread over the mirror. */
function manifestSample(mirror: string): string[] {
  const specs = join(mirror, specManifestPrefix);
  const paths = readdirSync(specs, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.spec.manifest.json'))
    .sort();
  const step = Math.max(1, Math.floor(paths.length / gpgSampleCount));
  return paths
    .filter((_, index) => index % step === 0)
    .slice(0, gpgSampleCount)
    .map((path) => join(specs, path));
}
