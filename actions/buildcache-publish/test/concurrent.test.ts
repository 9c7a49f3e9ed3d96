import { join } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { audit, errorsOf, makePublisher, type Publisher, publish, stage } from './publishing.ts';

const publishers = 16;
const rounds = 20;
const entriesEach = 2;

const directory = temporaryDirectory('concurrent');
let publisher: Publisher;
const sharedEntries = 3;

beforeAll(async () => {
  publisher = await makePublisher();
  for (let index = 0; index < publishers; index += 1) {
    const count = await stage(join(directory, `staged-${index}`), publisher, `from${index}`, entriesEach);
    expect(count).toBe(entriesEach + sharedEntries);
  }
});

describe('I3: publishers at the same time', () => {
  it(`lose no entry: ${publishers} processes, ${rounds} rounds`, async () => {
    let retries = 0;
    for (let round = 0; round < rounds; round += 1) {
      const mirror = join(directory, `mirror-${round}`);
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
    // Otherwise they were not at the pointer at the same time, and nothing was proven.
    expect(retries).toBeGreaterThan(rounds);
  }, 900_000);
});
