import { describe, expect, test } from 'vitest';
import { backoffMs, type Clock, mapConcurrently } from '../src/concurrency.ts';

/** Tasks that a test finishes one by one; counts the most that ran at once. */
class Tasks {
  readonly started: number[] = [];
  mostAtOnce = 0;
  readonly #ends = new Map<number, (error?: Error) => void>();

  readonly run = (item: number): Promise<number> => {
    this.started.push(item);
    return new Promise((resolve, reject) => {
      this.#ends.set(item, (error) => (error === undefined ? resolve(item * 10) : reject(error)));
      this.mostAtOnce = Math.max(this.mostAtOnce, this.#ends.size);
    });
  };

  /** Finishes a task, and waits until the next one has started. */
  async end(item: number, error?: Error): Promise<void> {
    this.#ends.get(item)?.(error);
    this.#ends.delete(item);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('tasks over items', () => {
  test('run at most as many at a time as the limit allows, and return results in order', async () => {
    const tasks = new Tasks();
    const results = mapConcurrently([1, 2, 3, 4, 5], 2, tasks.run);
    expect(tasks.started).toEqual([1, 2]);
    await tasks.end(2);
    expect(tasks.started).toEqual([1, 2, 3]);
    await tasks.end(1);
    await tasks.end(4);
    await tasks.end(5);
    await tasks.end(3);
    expect(await results).toEqual([10, 20, 30, 40, 50]);
    expect(tasks.mostAtOnce).toBe(2);
  });

  test('get their index', async () => {
    expect(await mapConcurrently(['a', 'b'], 1, async (item, index) => `${item}${index}`)).toEqual([
      'a0',
      'b1',
    ]);
  });

  test.each([0, -1, 1])('run one at a time with a limit of %i', async (limit) => {
    let running = 0;
    const results = await mapConcurrently([1, 2, 3], limit, async (item) => {
      running += 1;
      expect(running).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return item;
    });
    expect(results).toEqual([1, 2, 3]);
  });

  test('stop starting after a failure, and those in progress finish before the first error is thrown', async () => {
    const tasks = new Tasks();
    let settled = false;
    const results = mapConcurrently([1, 2, 3, 4], 2, tasks.run).finally(() => {
      settled = true;
    });
    const outcome = expect(results).rejects.toThrow('the first');
    await tasks.end(2, new Error('the first'));
    expect(settled).toBe(false);
    await tasks.end(1, new Error('the second'));
    // Nothing finishes these unless they were started by mistake.
    await tasks.end(3);
    await tasks.end(4);
    await outcome;
    expect(tasks.started).toEqual([1, 2]);
  });

  test('take items one by one from an iterable that is not an array', async () => {
    let taken = 0;
    function* items(): Generator<number> {
      while (taken < 100) {
        taken += 1;
        yield taken;
      }
    }
    await expect(
      mapConcurrently(items(), 1, async (item) => {
        if (item === 3) throw new Error('at three');
      }),
    ).rejects.toThrow('at three');
    expect(taken).toBe(3);
  });
});

describe('a wait between attempts', () => {
  const clockWith = (random: number): Clock => ({
    nowMs: () => 0,
    sleep: async () => {},
    random: () => random,
  });

  test('doubles with each attempt up to its cap', () => {
    const waits = [0, 1, 2, 3, 4].map((attempt) => backoffMs(clockWith(1), attempt, 100, 1_000));
    expect(waits).toEqual([100, 200, 400, 800, 1_000]);
  });

  test('is random between zero and that', () => {
    expect(backoffMs(clockWith(0), 3, 100, 1_000)).toBe(0);
    expect(backoffMs(clockWith(0.25), 3, 100, 1_000)).toBe(200);
  });
});
