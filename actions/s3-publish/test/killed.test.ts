// Slow: about 20 s.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { mapConcurrently } from '@slipway/core';
import {
  type ActionRun,
  actionProcess,
  changesIn,
  countsChanges,
  diesAtChange,
  spread,
  temporaryDirectory,
  waitsAtChange,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { bundle, makeTree, treeOf } from './publishing.ts';

const kills = 12;
const files = Object.fromEntries(
  Array.from({ length: 400 }, (_, index) => [`d${index % 7}/f${index}`, `${index} `.repeat(200)]),
);
const old = {
  'latest.json': '"old"',
  ...Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`gone/${index}`, 'old'])),
};
const next = { ...files, 'latest.json': '"new"' };
const source = makeTree(next);

function inputsFor(out: string): Readonly<Record<string, string>> {
  return { source, destination: pathToFileURL(out).href, pointers: 'latest.json', delete: 'extraneous' };
}

/** Kills a publish just before one of its changes, checks what it left, and runs it again. */
async function killAt(change: number): Promise<number> {
  const out = makeTree(old);
  const first = await actionProcess(bundle, { inputs: inputsFor(out), nodeOptions: diesAtChange(change) });
  expect(first.signal, `at change ${change}`).toBe('SIGKILL');
  const left: Record<string, string> = treeOf(out);
  const stored = Object.keys(files).filter((key) => key in left);
  // I1: the new pointer exists only with everything it may name, and each object is complete.
  if (left['latest.json'] === '"new"') expect(stored).toHaveLength(Object.keys(files).length);
  else expect(left['latest.json']).toBe('"old"');
  for (const key of stored) expect(left[key]).toBe(next[key as keyof typeof next]);
  // Deletions come after pointers.
  const kept = Object.keys(old).filter((key) => key in left).length;
  if (kept < Object.keys(old).length) expect(left['latest.json']).toBe('"new"');

  const rerun = await actionProcess(bundle, { inputs: inputsFor(out) });
  expect(rerun.exitCode, rerun.log).toBe(0);
  expect(treeOf(out)).toEqual(next);
  const pointerIsNew = left['latest.json'] === '"new"' ? 1 : 0;
  expect(rerun.outputs['uploaded']).toBe(`${Object.keys(next).length - stored.length - pointerIsNew}`);
  return stored.length;
}

describe('I5: a publish that is killed', () => {
  test('leaves a sound destination at any point, and a rerun sends only the rest', async () => {
    const whole = await actionProcess(bundle, {
      inputs: inputsFor(makeTree(old)),
      nodeOptions: countsChanges,
    });
    expect(whole.exitCode, whole.log).toBe(0);
    const changes = changesIn(whole.log);
    // The last ones too: pointers and deletions are few among so many objects.
    const moments = [...spread(kills, changes), ...spread(4, 60).map((fromEnd) => changes + 1 - fromEnd)];
    const stored = await mapConcurrently(moments, 2, killAt);
    // Otherwise the kills would hit only the ends, and prove nothing.
    expect(new Set(stored).size).toBeGreaterThan(kills / 2);
  }, 600_000);
});

describe('I3: publishers at the same time', () => {
  test('never overwrite a pointer unseen: each failure is reported, and the last pointer belongs to a publisher that succeeded', async () => {
    const out = temporaryDirectory('out');
    const runs = await Promise.all(
      Array.from({ length: 4 }, (_, index) =>
        actionProcess(bundle, { inputs: pointerInputs(out, `${index}`) }),
      ),
    );
    const tree = treeOf(out);
    for (const [index, run] of runs.entries()) {
      expect(tree[`objects/${index}`]).toBe(`${index}`);
      if (run.exitCode !== 0) expect(run.annotations[0]?.message).toMatch(contention);
    }
    const last = JSON.parse(tree['latest.json'] ?? '""');
    expect(runs[Number(last)]?.exitCode).toBe(0);
  }, 300_000);

  test('a pointer that another publisher wrote since it was read stays', async () => {
    const out = temporaryDirectory('out');
    const gate = join(temporaryDirectory('gate'), 'open');
    let faster: Promise<ActionRun> | undefined;
    const slower = await actionProcess(bundle, {
      inputs: pointerInputs(out, 'slower'),
      nodeOptions: waitsAtChange(1, gate),
      onOutput(log) {
        if (faster !== undefined || !log.includes(waitsAtChange.says)) return;
        faster = actionProcess(bundle, { inputs: pointerInputs(out, 'faster') });
        void faster.finally(() => writeFileSync(gate, ''));
      },
    });
    const won = await faster;
    expect(won?.exitCode, won?.log).toBe(0);
    expect(slower.exitCode).toBe(1);
    expect(slower.annotations[0]?.message).toMatch(contention);
    expect(treeOf(out)).toMatchObject({ 'latest.json': '"faster"', 'objects/slower': 'slower' });
  }, 300_000);
});

const contention = /latest\.json[\s\S]*\(contention\)/;

/** Inputs of a publisher that stores an object and the pointer `latest.json`, both containing `name`. */
function pointerInputs(out: string, name: string): Readonly<Record<string, string>> {
  const own = makeTree({ [`objects/${name}`]: name });
  writeFileSync(join(own, 'latest.json'), JSON.stringify(name));
  return { source: own, destination: pathToFileURL(out).href, pointers: 'latest.json' };
}
