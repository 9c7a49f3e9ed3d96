import { join } from 'node:path';
import { mapConcurrently } from '@slipway/core';
import { classifyKey } from '@slipway/spack-buildcache';
import { temporaryDirectory } from '@slipway/testkit';
import { expect } from 'vitest';
import { copyMirror, keysIn, type MirrorPlace, type MirrorPlaces, removeMirror } from './mirror-places.ts';
import {
  audit,
  entryBlobsOf,
  errorsOf,
  makePublisher,
  type Publisher,
  publish,
  stage,
} from './publishing.ts';

const earlierEntries = 4;
const stagedEntries = 30;
const atOnce = 2;

/**
 * Publishes to a mirror that has entries already, and kills it at random moments, `kills` times. Expects that the mirror
 * verifies after each, and that a rerun uploads only the rest.
 */
export async function killPublishers(kills: number, places: MirrorPlaces): Promise<void> {
  const scene = await prepare(places);
  const moments = Array.from({ length: kills }, (_, index) => ({
    name: `kill-${index}`,
    delayMs: Math.random() * scene.workMs,
  }));
  const results = await mapConcurrently(moments, atOnce, ({ delayMs, name }) =>
    killOnce(scene, delayMs, places(name)),
  );
  // The kills must have hit the work, not its ends alone.
  expect(results.filter((result) => result.killed).length).toBeGreaterThan(kills / 2);
  expect(results.filter((result) => result.unfinished).length).toBeGreaterThan(kills / 40);
  expect(new Set(results.map((result) => result.manifests)).size).toBeGreaterThan(2);
}

interface Scene {
  readonly publisher: Publisher;
  /** A mirror with the earlier entries. */
  readonly base: MirrorPlace;
  readonly staged: string;
  readonly entryCount: number;
  /** How long a publish works after its first words: the time in which a kill is worth trying. */
  readonly workMs: number;
}

async function prepare(places: MirrorPlaces): Promise<Scene> {
  const directory = temporaryDirectory('killed');
  const publisher = await makePublisher();
  const earlier = join(directory, 'earlier');
  await stage(earlier, publisher, 'earlier', earlierEntries);
  const base = places('base');
  const first = await publish(earlier, base, publisher);
  expect(first.exitCode, first.log).toBe(0);
  const staged = join(directory, 'staged');
  const entryCount = await stage(staged, publisher, 'killed', stagedEntries);
  const measured = Array.from({ length: atOnce }, async (_, index) => {
    const mirror = places(`measured-${index}`);
    await copyMirror(base, mirror);
    return measureWork(staged, mirror, publisher);
  });
  const workMs = Math.max(...(await Promise.all(measured)));
  return { publisher, base, staged, entryCount, workMs };
}

/** Measured as many at once as are killed at once, or all kills would come too early. */
async function measureWork(staged: string, mirror: MirrorPlace, publisher: Publisher): Promise<number> {
  let startedMs: number | undefined;
  const run = await publish(staged, mirror, publisher, () => {
    startedMs ??= performance.now();
  });
  const workMs = performance.now() - (startedMs ?? 0);
  expect(run.exitCode, run.log).toBe(0);
  expect(errorsOf(await audit(mirror, publisher))).toEqual([]);
  return workMs;
}

interface Killed {
  readonly killed: boolean;
  readonly manifests: number;
  readonly unfinished: boolean;
}

/** Publishes, kills it after `delayMs` of work, checks the mirror, publishes again, and checks once more. */
async function killOnce(scene: Scene, delayMs: number, mirror: MirrorPlace): Promise<Killed> {
  const { publisher, staged } = scene;
  await copyMirror(scene.base, mirror);
  let armed = false;
  const first = await publish(staged, mirror, publisher, (_, kill) => {
    if (armed) return;
    armed = true;
    setTimeout(() => kill('SIGKILL'), delayMs);
  });
  const after = await audit(mirror, publisher);
  expect(errorsOf(after), `killed after ${delayMs} ms`).toEqual([]);
  const stored = new Set(await keysIn(mirror));
  const missing = entryBlobsOf(staged).filter((key) => !stored.has(key)).length;
  const manifests = [...stored].filter((key) => classifyKey(key).kind === 'spec-manifest').length;

  const second = await publish(staged, mirror, publisher);
  expect(second.exitCode, second.log).toBe(0);
  expect(Number(second.outputs['blobs-uploaded'])).toBe(missing);
  const finished = await audit(mirror, publisher);
  expect(finished.findings.filter((found) => found.severity !== 'notice')).toEqual([]);
  const main = finished.indexes.find((index) => index.view === undefined);
  // The earlier publish had the same shared dependencies.
  expect(main?.entries).toBe(earlierEntries + scene.entryCount);
  await removeMirror(mirror);
  return {
    killed: first.signal === 'SIGKILL',
    manifests,
    unfinished: after.findings.some((found) => found.code === 'publish-unfinished'),
  };
}
