import { join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { expect } from 'vitest';
import type { MirrorPlaces } from './mirror-places.ts';
import { audit, errorsOf, makePublisher, publish, stage } from './publishing.ts';

const entriesEach = 2;
const sharedEntries = 3;

/**
 * Lets this many processes publish different packages to one mirror at once, in several rounds, and expects all entries to
 * survive.
 */
export async function publishAtOnce(publishers: number, rounds: number, places: MirrorPlaces): Promise<void> {
  const directory = temporaryDirectory('concurrent');
  const publisher = await makePublisher();
  for (let index = 0; index < publishers; index += 1) {
    const count = await stage(join(directory, `staged-${index}`), publisher, `from${index}`, entriesEach);
    expect(count).toBe(entriesEach + sharedEntries);
  }
  let retries = 0;
  for (let round = 0; round < rounds; round += 1) {
    const mirror = places(`round-${round}`);
    const runs = await Promise.all(
      Array.from({ length: publishers }, (_, index) =>
        publish(join(directory, `staged-${index}`), mirror, publisher),
      ),
    );
    for (const run of runs) expect(run.exitCode, run.log).toBe(0);
    retries += runs.filter((run) => run.summary.includes('Other publishers were faster')).length;
    const report = await audit(mirror, publisher);
    expect(errorsOf(report)).toEqual([]);
    expect(report.findings.filter((found) => found.severity === 'warning')).toEqual([]);
    const [main] = report.indexes;
    expect(main?.entries).toBe(publishers * entriesEach + sharedEntries);
  }
  // Otherwise they did not compete for the pointer, and nothing was proven.
  expect(retries).toBeGreaterThan(rounds);
}
