import { type Clock, RemoteError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { refusalOf } from '../../src/s3/refusals.ts';
import { withRetries } from '../../src/s3/retries.ts';
import { refusal } from './bucket-double.ts';

const place = { bucket: 'b', root: '', region: 'us-east-1' };

/** A clock that only advances by waiting. */
function clockOf(random: number): Clock & { readonly waitsMs: number[] } {
  const waitsMs: number[] = [];
  return {
    waitsMs,
    nowMs: () => waitsMs.reduce((sum, ms) => sum + ms, 0),
    random: () => random,
    async sleep(ms) {
      waitsMs.push(ms);
    },
  };
}

function failing(status: number, code: string, headers: Readonly<Record<string, string>> = {}): RemoteError {
  return refusalOf({ headers, body: '', ...refusal(status, code) }, 'PUT "a"', 's3:PutObject', place, 0);
}

async function waitsFor(
  clock: Clock & { waitsMs: number[] },
  error: Error,
  deadlineMs = 1e9,
): Promise<number[]> {
  await expect(withRetries({ clock }, deadlineMs, () => Promise.reject(error))).rejects.toBe(error);
  return clock.waitsMs;
}

const reset = () => new RemoteError('unreachable', 'reset', { retryable: true });

describe('retries', () => {
  test('are eleven, with full jitter up to 20 seconds', async () => {
    const longest = [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 20_000, 20_000, 20_000];
    expect(await waitsFor(clockOf(1), reset())).toEqual(longest);
    expect(await waitsFor(clockOf(0.5), reset())).toEqual(longest.map((ms) => ms / 2));
    expect(await waitsFor(clockOf(0), reset())).toEqual(longest.map(() => 0));
  });

  test('are further apart if the server is overloaded', async () => {
    const waits = await waitsFor(clockOf(1), failing(503, 'SlowDown'));
    expect(waits.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
  });

  test('wait as long as the server asks for, up to a minute', async () => {
    expect((await waitsFor(clockOf(0), failing(503, 'SlowDown', { 'retry-after': '7' })))[0]).toBe(7000);
    expect((await waitsFor(clockOf(0), failing(503, 'SlowDown', { 'retry-after': '86400' })))[0]).toBe(
      60_000,
    );
  });

  test('end before a deadline that they cannot meet', async () => {
    expect(await waitsFor(clockOf(1), reset(), 1000)).toEqual([100, 200, 400]);
    expect(await waitsFor(clockOf(0), failing(503, 'SlowDown', { 'retry-after': '7' }), 5000)).toEqual([]);
  });

  test('do not happen for permanent errors', async () => {
    expect(await waitsFor(clockOf(1), failing(403, 'AccessDenied'))).toEqual([]);
    expect(await waitsFor(clockOf(1), new Error('a bug'))).toEqual([]);
  });

  test('know whether an attempt may have been carried out', async () => {
    const doubts: boolean[] = [];
    const failures = [
      failing(409, 'ConditionalRequestConflict'),
      failing(503, 'SlowDown'),
      failing(429, 'SlowDown'),
    ];
    await withRetries({ clock: clockOf(0) }, 1e9, async ({ mayBeDone, number }) => {
      doubts.push(mayBeDone);
      const failure = failures[number];
      if (failure !== undefined) throw failure;
    });
    expect(doubts).toEqual([false, false, true, true]);
  });

  test.each([
    ['a connection that broke', reset()],
    ['a 500', failing(500, 'InternalError')],
  ])('know that an attempt may have been carried out if it ended with %s', async (_, failure) => {
    const doubts: boolean[] = [];
    await withRetries({ clock: clockOf(0) }, 1e9, async ({ mayBeDone, number }) => {
      doubts.push(mayBeDone);
      if (number === 0) throw failure;
    });
    expect(doubts).toEqual([false, true]);
  });
});
