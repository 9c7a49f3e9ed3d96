import { readFileSync, writeFileSync } from 'node:fs';
import { type ObjectStore, systemClock } from '@slipway/core';
import { decodeSplits, encodeSplits, splitsKey } from '@slipway/simple-index';
import { openStore } from '@slipway/store';
import { temporaryDirectory } from '@slipway/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { changeDocument, readDocument } from '../src/index.ts';

const format = { decode: decodeSplits, encode: encodeSplits };
const added = (key: string) => (current: readonly string[] | undefined) => [...(current ?? []), key].sort();

describe('a document of state', () => {
  let directory: string;
  let store: ObjectStore;
  beforeEach(async () => {
    directory = temporaryDirectory('state');
    store = await openStore(`file://${directory}`);
  });
  const read = () => readDocument(store, splitsKey, format);
  const change = async (key: string, known?: Awaited<ReturnType<typeof read>>) =>
    changeDocument(store, systemClock, known ?? (await read()), format, added(key));

  it('is nothing before the first run', async () => {
    expect(await read()).toMatchObject({ state: undefined, etag: undefined, damage: undefined });
  });

  it('is written, read and changed', async () => {
    expect(await change('b')).toBe(true);
    expect(await change('a')).toBe(true);
    expect((await read()).state).toEqual(['a', 'b']);
  });

  it('is not written if it is the same', async () => {
    await change('a');
    const same = await changeDocument(store, systemClock, await read(), format, (state) => state ?? []);
    expect(same).toBe(false);
  });

  it('I3: loses nothing of runs that change it at once', async () => {
    const known = await read();
    const keys = Array.from({ length: 10 }, (_, index) => `k${index}`);
    await Promise.all(keys.map((key) => change(key, known)));
    expect((await read()).state).toEqual(keys);
  });

  it.each([
    ['cut', (bytes: Buffer) => bytes.subarray(0, bytes.length - 5)],
    ['of another program', () => Buffer.from('{}')],
  ])('is told of, and built anew, if it is %s', async (_, damaged) => {
    await change('a');
    const file = `${directory}/${splitsKey}`;
    writeFileSync(file, damaged(readFileSync(file)));
    const known = await read();
    expect(known.damage).toMatch(/gzip/);
    expect(await change('b', known)).toBe(true);
    expect((await read()).state).toEqual(['b']);
  });
});
