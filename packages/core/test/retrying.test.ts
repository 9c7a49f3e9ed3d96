import { describe, expect, test } from 'vitest';
import { type Clock, RemoteError, type RetryRule, retrying, retryNotices } from '../src/index.ts';

/** A clock on which time passes by waiting alone. */
function handClock(random = 1): Clock & { readonly waitsMs: number[] } {
  const waitsMs: number[] = [];
  return {
    waitsMs,
    nowMs: () => waitsMs.reduce((sum, ms) => sum + ms, 0),
    random: () => random,
    sleep: async (ms) => void waitsMs.push(ms),
  };
}

const backoff = { baseMs: 100, capMs: 1_000 };
const passing = (retryAfterMs = 0) =>
  new RemoteError('store-failed', 'GET "a": the server failed (503).', { retryable: true, retryAfterMs });

async function failAlways(clock: Clock, error: unknown, rule: Partial<RetryRule> = {}): Promise<number> {
  let attempts = 0;
  const failing = retrying({ clock, backoff, ...rule }, async () => {
    attempts += 1;
    throw error;
  });
  await expect(failing).rejects.toBe(error);
  return attempts;
}

describe('retrying', () => {
  test('returns the first success, and counts attempts from 0', async () => {
    const clock = handClock();
    const result = await retrying({ clock, backoff }, async ({ number }) => {
      if (number < 2) throw passing();
      return number;
    });
    expect(result).toBe(2);
    expect(clock.waitsMs).toEqual([100, 200]);
  });

  test('waits with full jitter that doubles up to a cap', async () => {
    const longest = [100, 200, 400, 800, 1_000, 1_000];
    for (const random of [0, 0.5, 1]) {
      const clock = handClock(random);
      expect(await failAlways(clock, passing(), { maxAttempts: 7 })).toBe(7);
      expect(clock.waitsMs).toEqual(longest.map((ms) => ms * random));
    }
  });

  test('waits a least time besides', async () => {
    const clock = handClock(0.5);
    await failAlways(clock, passing(), { maxAttempts: 3, backoff: { ...backoff, leastMs: 30 } });
    expect(clock.waitsMs).toEqual([80, 130]);
  });

  test('waits as the error is', async () => {
    const clock = handClock();
    const error = passing();
    await failAlways(clock, error, {
      maxAttempts: 2,
      backoff: (given) => ({ baseMs: given === error ? 7 : 8, capMs: 100 }),
    });
    expect(clock.waitsMs).toEqual([7]);
  });

  test('waits as long as the server asks for, up to a minute', async () => {
    for (const [askedMs, waitMs] of [
      [50, 100],
      [7_000, 7_000],
      [60_001, 60_000],
    ] as const) {
      const clock = handClock();
      await failAlways(clock, passing(askedMs), { maxAttempts: 2 });
      expect(clock.waitsMs).toEqual([waitMs]);
    }
  });

  test('begins no attempt at the deadline or later', async () => {
    for (const [deadlineMs, attempts] of [
      [0, 1],
      [100, 1],
      [101, 2],
      [300, 2],
      [301, 3],
    ] as const) {
      expect(await failAlways(handClock(), passing(), { deadlineMs })).toBe(attempts);
    }
  });

  test('tells each attempt how long it is until the deadline, and never less than a millisecond', async () => {
    const left: number[] = [];
    const rule = { clock: handClock(), backoff, deadlineMs: 301, maxAttempts: 3 };
    await retrying(rule, async ({ leftMs, number }) => {
      left.push(leftMs);
      if (number < 2) throw passing();
    });
    expect(left).toEqual([301, 201, 1]);
    await retrying({ ...rule, deadlineMs: -5 }, async ({ leftMs }) => expect(leftMs).toBe(1));
  });

  test('aborts the signal of an attempt at the deadline', async () => {
    const clock = { ...handClock(), nowMs: () => Date.now() };
    const cut = new Error('cut');
    const rule = { clock, backoff, deadlineMs: 20, maxAttempts: 1 };
    const waiting = retrying(rule, ({ signal }) => {
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(cut)));
    });
    await expect(waiting).rejects.toBe(cut);
  });

  test('repeats nothing that will not pass', async () => {
    for (const error of [new Error('a bug'), new RemoteError('access-denied', 'no')]) {
      expect(await failAlways(handClock(), error)).toBe(1);
    }
    const bug = new Error('this one passes');
    expect(await failAlways(handClock(), bug, { isPassing: (error) => error === bug, maxAttempts: 3 })).toBe(
      3,
    );
  });

  test('waits for a result, and takes the last one when time is up', async () => {
    const rule = { clock: handClock(), backoff, isTooEarly: (number: number) => number < 2 };
    expect(await retrying(rule, async ({ number }) => number)).toBe(2);
    expect(await retrying({ ...rule, maxAttempts: 2 }, async ({ number }) => number)).toBe(1);
    expect(
      await retrying({ ...rule, clock: handClock(), deadlineMs: 150 }, async ({ number }) => number),
    ).toBe(1);
  });

  test('tells of each retry before the wait, and of no failure that ends it', async () => {
    const clock = handClock();
    const told: unknown[] = [];
    const onRetry = (error: unknown, waitMs: number) => void told.push([error, waitMs, clock.waitsMs.length]);
    const error = passing();
    await failAlways(clock, error, { maxAttempts: 3, onRetry });
    expect(told).toEqual([
      [error, 100, 0],
      [error, 200, 1],
    ]);
  });
});

test('notices of retries come at once, and then once in ten seconds with the number of the others', () => {
  let nowMs = 5;
  const lines: string[] = [];
  const notice = retryNotices({ nowMs: () => nowMs }, (line) => lines.push(line));
  notice(passing(), 250);
  nowMs += 9_999;
  notice(passing(), 250);
  notice(passing(), 250);
  expect(lines).toEqual(['GET "a": the server failed (503). Trying again in 250 ms.']);
  nowMs += 1;
  notice(passing(), 2_000);
  expect(lines[1]).toBe(
    'GET "a": the server failed (503). Trying again in 2.0 s. Since the last notice, 2 more requests failed and were tried again.',
  );
  nowMs += 10_000;
  notice(passing(), 250);
  expect(lines[2]).toBe(lines[0]);
});
