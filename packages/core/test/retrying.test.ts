import { describe, expect, test } from 'vitest';
import { type Clock, RemoteError, type RetryRule, retrying, retryNotices } from '../src/index.ts';

/** A clock that only advances by waiting. */
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
const transient = (retryAfterMs = 0) =>
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
      if (number < 2) throw transient();
      return number;
    });
    expect(result).toBe(2);
    expect(clock.waitsMs).toEqual([100, 200]);
  });

  test('waits with full jitter that doubles up to a cap', async () => {
    const longest = [100, 200, 400, 800, 1_000, 1_000];
    for (const random of [0, 0.5, 1]) {
      const clock = handClock(random);
      expect(await failAlways(clock, transient(), { maxAttempts: 7 })).toBe(7);
      expect(clock.waitsMs).toEqual(longest.map((ms) => ms * random));
    }
  });

  test('adds a minimum wait', async () => {
    const clock = handClock(0.5);
    await failAlways(clock, transient(), { maxAttempts: 3, backoff: { ...backoff, leastMs: 30 } });
    expect(clock.waitsMs).toEqual([80, 130]);
  });

  test('adapts the backoff to the error', async () => {
    const clock = handClock();
    const error = transient();
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
      await failAlways(clock, transient(askedMs), { maxAttempts: 2 });
      expect(clock.waitsMs).toEqual([waitMs]);
    }
  });

  test('starts no attempt at or after the deadline', async () => {
    for (const [deadlineMs, attempts] of [
      [0, 1],
      [100, 1],
      [101, 2],
      [300, 2],
      [301, 3],
    ] as const) {
      expect(await failAlways(handClock(), transient(), { deadlineMs })).toBe(attempts);
    }
  });

  test('gives each attempt the time until the deadline, at least a millisecond', async () => {
    const left: number[] = [];
    const rule = { clock: handClock(), backoff, deadlineMs: 301, maxAttempts: 3 };
    await retrying(rule, async ({ leftMs, number }) => {
      left.push(leftMs);
      if (number < 2) throw transient();
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

  test('does not retry permanent errors', async () => {
    for (const error of [new Error('a bug'), new RemoteError('access-denied', 'no')]) {
      expect(await failAlways(handClock(), error)).toBe(1);
    }
    const bug = new Error('this one passes');
    expect(
      await failAlways(handClock(), bug, { isTransient: (error) => error === bug, maxAttempts: 3 }),
    ).toBe(3);
  });

  test('waits for a result, and returns the last one when time is up', async () => {
    const rule = { clock: handClock(), backoff, isTooEarly: (number: number) => number < 2 };
    expect(await retrying(rule, async ({ number }) => number)).toBe(2);
    expect(await retrying({ ...rule, maxAttempts: 2 }, async ({ number }) => number)).toBe(1);
    expect(
      await retrying({ ...rule, clock: handClock(), deadlineMs: 150 }, async ({ number }) => number),
    ).toBe(1);
  });

  test('reports each retry before the wait, and not the final failure', async () => {
    const clock = handClock();
    const reported: unknown[] = [];
    const onRetry = (error: unknown, waitMs: number) =>
      void reported.push([error, waitMs, clock.waitsMs.length]);
    const error = transient();
    await failAlways(clock, error, { maxAttempts: 3, onRetry });
    expect(reported).toEqual([
      [error, 100, 0],
      [error, 200, 1],
    ]);
  });
});

test('logs the first retry at once, then one in ten seconds with the number it skipped', () => {
  let nowMs = 5;
  const lines: string[] = [];
  const notice = retryNotices({ nowMs: () => nowMs }, (line) => lines.push(line));
  notice(transient(), 250);
  nowMs += 9_999;
  notice(transient(), 250);
  notice(transient(), 250);
  expect(lines).toEqual(['GET "a": the server failed (503). Trying again in 250 ms.']);
  nowMs += 1;
  notice(transient(), 2_000);
  expect(lines[1]).toBe(
    'GET "a": the server failed (503). Trying again in 2.0 s. Since the last notice, 2 more requests failed and were tried again.',
  );
  nowMs += 10_000;
  notice(transient(), 250);
  expect(lines[2]).toBe(lines[0]);
});
