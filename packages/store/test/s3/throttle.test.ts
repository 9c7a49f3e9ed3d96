import { describe, expect, test } from 'vitest';
import { Throttle } from '../../src/s3/throttle.ts';

/** Requests that end when told to, and how many were under way at once. */
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
    /** Ends those that are under way, in either way, and lets those that waited begin. */
    async end(how: 'succeed' | 'fail') {
      for (const request of pending.splice(0)) request[how]();
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    },
  };
}

describe('the throttle', () => {
  test('holds nothing back before the server says so', () => {
    const { start, pending } = requests(new Throttle());
    start(100);
    expect(pending).toHaveLength(100);
  });

  test('sends fewer at once then, counting a burst of refusals once, and never none', async () => {
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

  test('sends more again as it answers, and all in the end', async () => {
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
