import { describe, expect, test } from 'vitest';
import { Throttle } from '../../src/s3/throttle.ts';

/** Requests that end on demand; counts how many are in progress. */
function requests(throttle: Throttle) {
  const pending: { succeed: () => void; fail: () => void }[] = [];
  const settled: Promise<unknown>[] = [];
  return {
    pending,
    start(count: number) {
      for (let index = 0; index < count; index += 1) {
        const request = () =>
          new Promise<void>((resolve, reject) => {
            pending.push({ succeed: resolve, fail: () => reject(new Error('slow down')) });
          });
        settled.push(throttle.run(request, () => true).catch(() => {}));
      }
    },
    /** Ends those in progress, either way, and lets waiting ones start. */
    async end(how: 'succeed' | 'fail') {
      for (const request of pending.splice(0)) request[how]();
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    },
  };
}

describe('the throttle', () => {
  test('limits nothing before the server reports overload', () => {
    const { start, pending } = requests(new Throttle());
    start(100);
    expect(pending).toHaveLength(100);
  });

  test('then sends fewer at once, counts a burst of refusals once, and never stops entirely', async () => {
    const { start, pending, end } = requests(new Throttle());
    start(100);
    await end('fail');
    start(200);
    expect(pending).toHaveLength(70);
    await end('fail');
    expect(pending).toHaveLength(49);
    for (let round = 0; round < 30; round += 1) {
      start(49);
      await end('fail');
    }
    expect(pending).toHaveLength(2);
  });

  test('sends more again as the server answers, and all in the end', async () => {
    const { start, pending, end } = requests(new Throttle());
    start(4);
    await end('fail');
    start(1000);
    const atOnce: number[] = [];
    while (pending.length > 0) {
      atOnce.push(pending.length);
      await end('succeed');
    }
    expect(atOnce.slice(0, 4)).toEqual([2, 3, 4, 5]);
    expect(atOnce.reduce((sum, count) => sum + count)).toBe(1000);
  });
});
