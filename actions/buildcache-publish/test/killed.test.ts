import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { mapConcurrently } from '@slipway/core';
import { listSpecManifests, temporaryDirectory } from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  audit,
  entryBlobsOf,
  errorsOf,
  makePublisher,
  type Publisher,
  publish,
  stage,
} from './publishing.ts';

const kills = 200;
const stagedEntries = 30;

const directory = temporaryDirectory('killed');
const base = join(directory, 'base');
const staged = join(directory, 'staged');
let publisher: Publisher;
let entries: number;
let workMs: number;

beforeAll(async () => {
  publisher = await makePublisher();
  const earlier = join(directory, 'earlier');
  await stage(earlier, publisher, 'earlier', 4);
  const first = await publish(earlier, base, publisher);
  expect(first.exitCode, first.log).toBe(0);
  entries = await stage(staged, publisher, 'killed', stagedEntries);
  workMs = await measureWork();
});

/** How long a publish works after its first words: the time in which a kill is worth trying. */
async function measureWork(): Promise<number> {
  const mirror = join(directory, 'measured');
  cpSync(base, mirror, { recursive: true });
  let startedMs: number | undefined;
  const run = await publish(staged, mirror, publisher, () => {
    startedMs ??= performance.now();
  });
  expect(run.exitCode, run.log).toBe(0);
  expect(errorsOf(await audit(mirror, publisher))).toEqual([]);
  return performance.now() - (startedMs ?? 0);
}

interface Killed {
  readonly killed: boolean;
  readonly manifests: number;
  readonly unfinished: boolean;
}

/** Publishes, kills it after `delayMs` of work, checks the mirror, publishes again, and checks once more. */
async function killOnce(delayMs: number, name: string): Promise<Killed> {
  const mirror = join(directory, name);
  cpSync(base, mirror, { recursive: true });
  let armed = false;
  const first = await publish(staged, mirror, publisher, (_, kill) => {
    if (armed) return;
    armed = true;
    setTimeout(() => kill('SIGKILL'), delayMs);
  });
  const after = await audit(mirror, publisher);
  expect(errorsOf(after), `killed after ${delayMs} ms`).toEqual([]);
  const missing = entryBlobsOf(staged).filter((key) => !existsSync(join(mirror, key))).length;
  const manifests = listSpecManifests(mirror).length;

  const second = await publish(staged, mirror, publisher);
  expect(second.exitCode, second.log).toBe(0);
  expect(Number(second.outputs['blobs-uploaded'])).toBe(missing);
  const finished = await audit(mirror, publisher);
  expect(finished.findings.filter((found) => found.severity !== 'notice')).toEqual([]);
  expect(finished.indexes.find((index) => index.view === undefined)?.entries).toBe(4 + entries);
  rmSync(mirror, { recursive: true });
  return {
    killed: first.signal === 'SIGKILL',
    manifests,
    unfinished: after.findings.some((found) => found.code === 'publish-unfinished'),
  };
}

describe('I5: a publish that is killed', () => {
  it(`verifies after each of ${kills} kills at random moments, and a rerun uploads only the rest`, async () => {
    const moments = Array.from({ length: kills }, (_, index) => ({
      name: `kill-${index}`,
      delayMs: Math.random() * workMs,
    }));
    const results = await mapConcurrently(moments, 2, ({ delayMs, name }) => killOnce(delayMs, name));
    // The kills must have hit the work, not its ends alone.
    expect(results.filter((result) => result.killed).length).toBeGreaterThan(kills / 2);
    expect(results.filter((result) => result.unfinished).length).toBeGreaterThan(5);
    expect(new Set(results.map((result) => result.manifests)).size).toBeGreaterThan(2);
  }, 900_000);
});
