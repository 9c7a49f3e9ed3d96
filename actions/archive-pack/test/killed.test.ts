// Slow: about 20 s.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { actionProcess, changesIn, countsChanges, diesAtChange, spread } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { bundle, bytesOf, namesIn, workspaceOf } from './packing.ts';

const maxKills = 12;
const inputs = { archives: 'a.zip: a\nb.zip: b', universal: 'all.zip' };
const zips = ['a.zip', 'all.zip', 'b.zip'];

function files(version: string): Readonly<Record<string, Buffer>> {
  return Object.fromEntries(
    ['a', 'b'].map((name) => [
      name,
      Buffer.from(
        Array.from({ length: 60_000 }, (_, index) => `${version} ${name} ${index * 7919}\n`).join(''),
      ),
    ]),
  );
}

/** The expected zips of a workspace, and how many file system changes it takes to make them. */
async function packed(
  workspace: string,
): Promise<{ readonly contents: ReadonlyMap<string, Buffer>; readonly changes: number }> {
  const run = await actionProcess(bundle, { workspace, inputs, nodeOptions: countsChanges });
  expect(run.exitCode, run.log).toBe(0);
  return {
    contents: new Map(zips.map((name) => [name, bytesOf(workspace, `archives/${name}`)])),
    changes: changesIn(run.log),
  };
}

/** The directory of the zips, created if missing. */
function archivesOf(workspace: string): string {
  const directory = join(workspace, 'archives');
  mkdirSync(directory, { recursive: true });
  return directory;
}

describe('I5: a pack that is killed', () => {
  test('leaves each zip complete, old or new, at any point, and running again finishes it', async () => {
    const old = (await packed(workspaceOf(files('old')))).contents;
    const { contents: wanted, changes } = await packed(workspaceOf(files('new')));
    const states = new Set<string>();
    for (const [index, change] of spread(maxKills, changes).entries()) {
      const workspace = workspaceOf(files('new'));
      // The old zips exist every other time.
      const before = index % 2 === 0 ? old : new Map<string, Buffer>();
      for (const [name, bytes] of before) writeFileSync(join(archivesOf(workspace), name), bytes);
      const run = await actionProcess(bundle, { workspace, inputs, nodeOptions: diesAtChange(change) });
      expect(run.signal, `at change ${change} of ${changes}`).toBe('SIGKILL');
      const left = namesIn(archivesOf(workspace)).filter((name) => !name.startsWith('.'));
      states.add(
        left.map((name) => `${name} ${old.get(name)?.equals(bytesOf(workspace, `archives/${name}`))}`).join(),
      );
      for (const name of left) {
        const bytes = bytesOf(workspace, `archives/${name}`);
        expect(
          [before.get(name), wanted.get(name)].some((whole) => whole?.equals(bytes)),
          name,
        ).toBe(true);
      }
      await packed(workspace);
      for (const [name, bytes] of wanted)
        expect(bytesOf(workspace, `archives/${name}`).equals(bytes)).toBe(true);
    }
    // Before the first zip, between them, and after the last.
    expect(states.size).toBeGreaterThan(2);
  }, 300_000);
});
