import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectStore } from '@slipway/core';
import { type ActionRun, temporaryDirectory, waitsAtChange } from '@slipway/testkit';
import { expect } from 'vitest';
import type { MirrorPlace, MirrorPlaces } from './mirror-places.ts';
import { audit, errorsOf, makePublisher, type Publisher, publish, publishTo, stage } from './publishing.ts';

const entriesEach = 2;
const sharedEntries = 3;
const faster = 'Other publishers were faster';

/** Publishes all staged trees to one mirror at once. Returns how many publishers had to try again. */
type PublishAll = (staged: readonly string[], mirror: MirrorPlace, publisher: Publisher) => Promise<number>;

/** Every publish is a process of its own. */
export const processes: PublishAll = (staged, mirror, publisher) =>
  retriesOf(staged.map((directory) => publish(directory, mirror, publisher)));

/** As `processes`, none of which changes the mirror, which is a directory, before all have read it. */
export const waitingProcesses: PublishAll = (staged, mirror, publisher) => {
  const gate = join(temporaryDirectory('gate'), 'open');
  const open = (): void => writeFileSync(gate, '');
  const waiting = new Set<string>();
  const waitAndPublish = (directory: string): Promise<ActionRun> =>
    publish(directory, mirror, publisher, {
      nodeOptions: waitsAtChange(1, gate),
      onOutput(log) {
        if (log.includes(waitsAtChange.says)) waiting.add(directory);
        if (waiting.size === staged.length) open();
      },
    });
  // One that fails before it waits lets the others go on.
  return retriesOf(staged.map((directory) => waitAndPublish(directory).finally(open)));
};

async function retriesOf(publishes: readonly Promise<ActionRun>[]): Promise<number> {
  const runs = await Promise.all(publishes);
  for (const run of runs) expect(run.exitCode, run.log).toBe(0);
  return runs.filter((run) => run.summary.includes(faster)).length;
}

/** All publish in this process, each with a store of its own, and none changes the mirror before all have read it. */
export const runsInThisProcess: PublishAll = async (staged, mirror, publisher) => {
  const barrier = Promise.withResolvers<void>();
  const waiting = new Set<string>();
  const runs = await Promise.all(
    staged.map(async (directory) => {
      const store = await mirror.open();
      const write: ObjectStore['write'] = async (...args) => {
        waiting.add(directory);
        if (waiting.size === staged.length) barrier.resolve();
        await barrier.promise;
        return store.write(...args);
      };
      const get = (_: ObjectStore, name: string | symbol): unknown =>
        name === 'write' ? write : bound(store, name);
      return publishTo(new Proxy(store, { get }), directory, publisher).finally(barrier.resolve);
    }),
  );
  for (const run of runs) expect(run.failure).toBeUndefined();
  return runs.filter((run) => JSON.stringify(run.summary).includes(faster)).length;
};

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === 'function' ? value.bind(target) : value;
}

/**
 * Lets this many publishers publish different packages to one mirror at once, in several rounds, and expects all entries to
 * survive. Returns how many had to try again, of all rounds together.
 */
export async function publishAtOnce(
  publishAll: PublishAll,
  publishers: number,
  rounds: number,
  places: MirrorPlaces,
): Promise<number> {
  const directory = temporaryDirectory('concurrent');
  const publisher = await makePublisher();
  const staged: string[] = [];
  for (let index = 0; index < publishers; index += 1) {
    const tree = join(directory, `staged-${index}`);
    expect(await stage(tree, publisher, `from${index}`, entriesEach)).toBe(entriesEach + sharedEntries);
    staged.push(tree);
  }
  let retries = 0;
  for (let round = 0; round < rounds; round += 1) {
    const mirror = places(`round-${round}`);
    retries += await publishAll(staged, mirror, publisher);
    const report = await audit(mirror, publisher);
    expect(errorsOf(report)).toEqual([]);
    expect(report.findings.filter((found) => found.severity === 'warning')).toEqual([]);
    const [main] = report.indexes;
    expect(main?.entries).toBe(publishers * entriesEach + sharedEntries);
  }
  return retries;
}
