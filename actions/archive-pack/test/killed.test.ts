import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { actionProcess } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { bundle, bytesOf, namesIn, workspaceOf } from './packing.ts';

const kills = 20;
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

/** What the zips of a workspace have to be. */
async function packed(workspace: string): Promise<ReadonlyMap<string, Buffer>> {
  const run = await actionProcess(bundle, { workspace, inputs });
  expect(run.exitCode, run.log).toBe(0);
  return new Map(zips.map((name) => [name, bytesOf(workspace, `archives/${name}`)]));
}

/** The directory of the zips, which is made when it is not there. */
function archivesOf(workspace: string): string {
  const directory = join(workspace, 'archives');
  mkdirSync(directory, { recursive: true });
  return directory;
}

describe('I5: a pack that is killed', () => {
  test(`leaves each zip whole, old or new, at ${kills} random moments, and running again finishes it`, async () => {
    const old = await packed(workspaceOf(files('old')));
    const startedMs = performance.now();
    const wanted = await packed(workspaceOf(files('new')));
    const workMs = performance.now() - startedMs;
    let killed = 0;
    const states = new Set<string>();
    for (let count = 0; count < kills; count += 1) {
      const workspace = workspaceOf(files('new'));
      const half = count % 2 === 0 ? old : new Map<string, Buffer>();
      for (const [name, bytes] of half) {
        writeFileSync(join(archivesOf(workspace), name), bytes);
      }
      let timer: NodeJS.Timeout | undefined;
      const run = await actionProcess(bundle, {
        workspace,
        inputs,
        onOutput: (_, kill) => {
          timer ??= setTimeout(() => kill('SIGKILL'), Math.random() * workMs * 0.8);
        },
      });
      clearTimeout(timer);
      if (run.signal === 'SIGKILL') killed += 1;
      const left = namesIn(archivesOf(workspace)).filter((name) => !name.startsWith('.'));
      states.add(left.join());
      for (const name of left) {
        const bytes = bytesOf(workspace, `archives/${name}`);
        expect(
          [old.get(name), wanted.get(name)].some((whole) => whole?.equals(bytes)),
          name,
        ).toBe(true);
      }
      await packed(workspace);
      for (const [name, bytes] of wanted)
        expect(bytesOf(workspace, `archives/${name}`).equals(bytes)).toBe(true);
    }
    expect(killed).toBeGreaterThan(kills / 3);
    expect(states.size).toBeGreaterThan(1);
  }, 300_000);
});
