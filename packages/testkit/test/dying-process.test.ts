import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  actionProcess,
  changesIn,
  countsChanges,
  diesAtChange,
  spread,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterAll, describe, expect, test } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'slipway-dying-'));
afterAll(() => rmSync(directory, { recursive: true }));

function program(text: string): string {
  const path = join(directory, 'program.mjs');
  writeFileSync(path, text);
  return path;
}

describe('a process that dies at a change of the file system', () => {
  const work = `
    import fs, { promises, writeSync } from 'node:fs';
    fs.mkdirSync('one');
    const file = await promises.open('one/two', 'w');
    await file.write('text');
    await file.close();
    const descriptor = fs.openSync('one/three', 'w');
    writeSync(descriptor, 'text');
    fs.readFileSync('one/two');
    await promises.rename('one/two', 'one/four');
    process.stdout.write('done\\n');
  `;

  test('dies just before that change, at each of them, and counts them when it lives', async () => {
    const whole = await actionProcess(program(work), { nodeOptions: countsChanges });
    expect(changesIn(whole.log)).toBe(6);
    expect(whole.exitCode).toBe(0);
    const left: (readonly string[])[] = [];
    for (let change = 1; change <= 6; change += 1) {
      const workspace = temporaryDirectory('dying');
      const run = await actionProcess(program(work), { workspace, nodeOptions: diesAtChange(change) });
      expect(run.signal).toBe('SIGKILL');
      left.push(readdirSync(workspace, { recursive: true, encoding: 'utf8' }).sort());
    }
    const both = ['one', 'one/three', 'one/two'];
    expect(left).toEqual([[], ['one'], ['one', 'one/two'], ['one', 'one/two'], both, both]);
  });

  test('is let live where it makes fewer changes', async () => {
    const run = await actionProcess(program(work), { nodeOptions: diesAtChange(7) });
    expect([run.exitCode, run.signal]).toEqual([0, null]);
  });
});

test('numbers are spread evenly, the first and the last near the ends', () => {
  expect(spread(4, 100)).toEqual([13, 38, 63, 88]);
  expect(spread(10, 3)).toEqual([1, 2, 3]);
});
