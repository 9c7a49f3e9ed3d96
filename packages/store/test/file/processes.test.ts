// Slow: about 20 s.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { type Clock, systemClock } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { FileStore, openStore } from '../../src/index.ts';
import { filesUnder, keysOf, put, temporaryDirectory, textOf } from '../objects.ts';
import { ended, firstOutput, killed, startChild, startDyingChild } from '../processes.ts';

describe('a mirror directory used by many processes', () => {
  test('I3: keeps every compare-and-swap of 16 at once', async () => {
    const directory = temporaryDirectory();
    const url = `file://${directory}`;
    const ends = Array.from({ length: 16 }, () => ended(startChild('increment.ts', url, 'v3/counter', '10')));
    for (const end of ends) expect(await end).toMatchObject({ code: 0 });
    expect(await textOf(await openStore(url), 'v3/counter')).toBe('160');
    expect(filesUnder(directory)).toEqual(['.slipway/lock.sqlite', 'v3/counter']);
  });

  test('I5: one that is killed while it holds the lock blocks nobody', async () => {
    const directory = temporaryDirectory();
    const store = await openStore(`file://${directory}`);
    const { etag } = await put(store, 'pointer', 'one', 'any', 'pointer');
    const holder = startChild('hold-lock.ts', `${directory}/.slipway/lock.sqlite`);
    expect(await firstOutput(holder)).toBe('held\n');
    let replaced = false;
    const replacing = put(store, 'pointer', 'two', { etag }, 'pointer').then(() => {
      replaced = true;
    });
    await systemClock.sleep(200);
    expect(replaced).toBe(false);
    await killed(holder);
    await replacing;
    expect(await textOf(store, 'pointer')).toBe('two');
    expect(fs.readdirSync(`${directory}/.slipway`).sort()).toEqual(['lock.sqlite', 'tmp']);
  });

  test('reports "contention" if one keeps the lock, and changes nothing', async () => {
    const directory = temporaryDirectory();
    await put(await openStore(`file://${directory}`), 'pointer', 'one', 'any', 'pointer');
    const holder = startChild('hold-lock.ts', `${directory}/.slipway/lock.sqlite`);
    await firstOutput(holder);
    let nowMs = 0;
    const fastClock: Clock = {
      nowMs: () => nowMs,
      sleep: async () => {
        nowMs += 1000;
      },
      random: () => 0.5,
    };
    const store = new FileStore('file:///', directory, { clock: fastClock });
    const contention = { code: 'contention', retryable: true };
    await expect(put(store, 'pointer', 'two', 'any', 'pointer')).rejects.toMatchObject(contention);
    await expect(store.delete('pointer')).rejects.toMatchObject(contention);
    await put(store, 'blob', 'needs no lock', 'absent');
    expect(await textOf(store, 'pointer')).toBe('one');
    expect(fs.readdirSync(`${directory}/.slipway/tmp`)).toEqual([]);
  });

  test('I5: one killed while writing leaves a whole object, and no other file once another has written', async () => {
    const directory = temporaryDirectory();
    const url = `file://${directory}`;
    const leftovers: number[] = [];
    // Killed just before each of its changes: of directories, of the lock, of two objects one after the other.
    for (let change = 1; change <= 14; change += 1) {
      const writer = startDyingChild(change, 'write-forever.ts', url, 'object');
      expect(await ended(writer)).toMatchObject({ code: 'SIGKILL' });
      const temporary = `${directory}/.slipway/tmp`;
      leftovers.push(fs.existsSync(temporary) ? fs.readdirSync(temporary).length : 0);
      const object = await (await openStore(url)).read('object', { maxBytes: 3_000_000 });
      if (object === undefined) continue;
      const text = Buffer.from(object.body).toString();
      const pattern = text.slice(0, text.indexOf(' ', text.indexOf(' ') + 1) + 1);
      expect(text === pattern.repeat(Math.ceil(3_000_000 / pattern.length)).slice(0, 3_000_000)).toBe(true);
    }
    await put(await openStore(url), 'other', 'x');
    expect(filesUnder(directory)).toEqual(['.slipway/lock.sqlite', 'object', 'other']);
    expect(fs.readdirSync(`${directory}/.slipway/tmp`)).toEqual([]);
    // Some died with unfinished files, of the lock and an object at most, and the next one removed them.
    expect(Math.max(...leftovers)).toBeGreaterThan(0);
    expect(Math.max(...leftovers)).toBeLessThanOrEqual(2);
  });

  test('I5: removes only what dead processes of this machine left', async () => {
    const directory = temporaryDirectory();
    const url = `file://${directory}`;
    const writer = startChild('write-forever.ts', url, 'object');
    await firstOutput(writer);
    // Stopped, so that its file stays: it is alive, and may continue.
    let living: string | undefined;
    while (living === undefined) {
      writer.kill('SIGCONT');
      await systemClock.sleep(1);
      writer.kill('SIGSTOP');
      await systemClock.sleep(5);
      living = fs.readdirSync(`${directory}/.slipway/tmp`)[0];
    }
    const [host] = living.split('-');
    const { pid: deadPid } = spawnSync('true');
    for (const name of [
      `${host}-${deadPid}-0123-1`,
      `000000000000-${deadPid}-0123-1`,
      'readme',
      `${host}--5-x`,
    ]) {
      fs.writeFileSync(`${directory}/.slipway/tmp/${name}`, 'left');
    }
    await put(await openStore(url), 'new', 'x', 'absent');
    expect(fs.readdirSync(`${directory}/.slipway/tmp`).sort()).toEqual(
      [`000000000000-${deadPid}-0123-1`, `${host}--5-x`, living, 'readme'].sort(),
    );
  });

  test('still locks after the lock file is removed', async () => {
    const directory = temporaryDirectory();
    const first = await openStore(`file://${directory}`);
    const second = await openStore(`file://${directory}`);
    await put(first, 'pointer', 'one', 'any', 'pointer');
    fs.rmSync(`${directory}/.slipway`, { recursive: true });
    await put(second, 'pointer', 'two', 'any', 'pointer');
    const holder = startChild('hold-lock.ts', `${directory}/.slipway/lock.sqlite`);
    await firstOutput(holder);
    let replaced = false;
    const replacing = put(first, 'pointer', 'three', 'any', 'pointer').then(() => {
      replaced = true;
    });
    await systemClock.sleep(200);
    expect(replaced).toBe(false);
    await killed(holder);
    await replacing;
    expect(await textOf(second, 'pointer')).toBe('three');
  });

  test('reports a lock file that is not one', async () => {
    const directory = temporaryDirectory();
    const store = await openStore(`file://${directory}`);
    fs.mkdirSync(`${directory}/.slipway`);
    fs.writeFileSync(`${directory}/.slipway/lock.sqlite`, 'not a database '.repeat(100));
    await expect(put(store, 'pointer', 'x', 'any')).rejects.toMatchObject({
      code: 'store-failed',
      retryable: false,
    });
    expect(await keysOf(store.list(''))).toEqual([]);
    fs.rmSync(`${directory}/.slipway/lock.sqlite`);
    await put(store, 'pointer', 'x', 'any');
  });
});
