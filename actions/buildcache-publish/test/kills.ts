import { join } from 'node:path';
import type { ObjectStore } from '@slipway/core';
import { classifyKey } from '@slipway/spack-buildcache';
import {
  type ActionProcessOptions,
  changesIn,
  countsChanges,
  diesAtChange,
  dyingStore,
  type S3FaultProxy,
  spread,
  temporaryDirectory,
} from '@slipway/testkit';
import { expect } from 'vitest';
import { copyMirror, keysIn, type MirrorPlace, type MirrorPlaces, removeMirror } from './mirror-places.ts';
import {
  audit,
  entryBlobsOf,
  errorsOf,
  makePublisher,
  type Publisher,
  publish,
  publishTo,
  stage,
} from './publishing.ts';

const earlierEntries = 2;
const maxChanges = 200;

interface Scene {
  readonly publisher: Publisher;
  readonly places: MirrorPlaces;
  /** A mirror with the earlier entries. */
  readonly base: MirrorPlace;
  readonly staged: string;
  readonly entryCount: number;
  /** How many of them are not in the base. */
  readonly newEntries: number;
}

/** A mirror with entries, and a staged tree to add to it. */
export async function prepareKills(places: MirrorPlaces, newEntries: number): Promise<Scene> {
  const directory = temporaryDirectory('killed');
  const publisher = await makePublisher();
  const earlier = join(directory, 'earlier');
  await stage(earlier, publisher, 'earlier', earlierEntries);
  const base = places('base');
  const first = await publishTo(await base.open(), earlier, publisher);
  expect(first.failure).toBeUndefined();
  const staged = join(directory, 'staged');
  const entryCount = await stage(staged, publisher, 'killed', newEntries);
  return { publisher, places, base, staged, entryCount, newEntries };
}

/** What an interrupted publish left behind. */
interface Left {
  readonly manifests: number;
  readonly unfinished: boolean;
}

/**
 * Lets `interrupted` publish to a copy of the base, which must verify afterwards, and publishes once more, which uploads
 * only the rest and completes the mirror.
 */
async function interruptOnce(
  { publisher, places, base, staged, entryCount }: Scene,
  name: string,
  interrupted: (mirror: MirrorPlace, store: ObjectStore) => Promise<void>,
): Promise<Left> {
  const mirror = places(name);
  await copyMirror(base, mirror);
  const store = await mirror.open();
  await interrupted(mirror, store);
  const after = await audit(mirror, publisher);
  expect(errorsOf(after), name).toEqual([]);
  const stored = new Set(await keysIn(mirror));
  const missing = entryBlobsOf(staged).filter((key) => !stored.has(key)).length;
  const manifests = [...stored].filter((key) => classifyKey(key).kind === 'spec-manifest').length;

  const second = await publishTo(store, staged, publisher);
  expect(second.failure, name).toBeUndefined();
  expect(Number(second.outputs['blobs-uploaded']), name).toBe(missing);
  const finished = await audit(mirror, publisher);
  expect(finished.findings.filter((found) => found.severity !== 'notice')).toEqual([]);
  const main = finished.indexes.find((index) => index.view === undefined);
  expect(main?.entries).toBe(earlierEntries + entryCount);
  await removeMirror(mirror);
  return { manifests, unfinished: after.findings.some((found) => found.code === 'publish-unfinished') };
}

/** Interrupts publishes before each change of the mirror's store in turn. Returns the number of changes. */
export async function dieAtEveryChangeOf(scene: Scene): Promise<number> {
  const { staged, publisher } = scene;
  const left: Left[] = [];
  for (let change = 1; change <= maxChanges; change += 1) {
    let hasDied = false;
    left.push(
      await interruptOnce(scene, `change ${change}`, async (_, store) => {
        const dying = dyingStore(store, change);
        // It does not matter whether the error ends the run or the process.
        await publishTo(dying.store, staged, publisher).catch(() => undefined);
        hasDied = dying.hasDied();
      }),
    );
    if (hasDied) continue;
    // Its entries arrived one by one, and what it left looked unfinished.
    expect(new Set(left.map(({ manifests }) => manifests)).size).toBe(scene.newEntries + 1);
    expect(left.some(({ unfinished }) => unfinished)).toBe(true);
    return change - 1;
  }
  throw new Error(`a publish makes more than ${maxChanges} changes`);
}

/** Kills `kills` publishing processes just before a change to the file system. */
export async function killAtChanges(scene: Scene, kills: number): Promise<void> {
  const { staged, publisher, base, places } = scene;
  const run = (mirror: MirrorPlace, options: ActionProcessOptions) =>
    publish(staged, mirror, publisher, options);
  const counted = places('counted');
  await copyMirror(base, counted);
  const whole = await run(counted, { nodeOptions: countsChanges });
  expect(whole.exitCode, whole.log).toBe(0);
  for (const change of spread(kills, changesIn(whole.log))) {
    await interruptOnce(scene, `change ${change}`, async (mirror) => {
      expect((await run(mirror, { nodeOptions: diesAtChange(change) })).signal).toBe('SIGKILL');
    });
  }
}

/** Kills `kills` publishing processes after a proxy in front of the server has seen a given number of writes. */
export async function killAtWrites(scene: Scene, proxy: S3FaultProxy, kills: number): Promise<void> {
  const { staged, publisher } = scene;
  for (const wanted of spread(kills, 2 * scene.newEntries)) {
    await interruptOnce(scene, `write ${wanted}`, async (mirror) => {
      let writes = 0;
      let kill: (() => void) | undefined;
      proxy.onAnswered = ({ method }) => {
        writes += method === 'PUT' ? 1 : 0;
        if (writes >= wanted) kill?.();
      };
      const killed = await publish(staged, mirror, publisher, {
        onOutput: (_, end) => {
          kill = () => end('SIGKILL');
        },
      });
      proxy.onAnswered = () => {};
      expect(killed.signal).toBe('SIGKILL');
    });
  }
}
