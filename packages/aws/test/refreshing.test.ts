import { type AwsCredentials, RemoteError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { refreshing } from '../src/refreshing.ts';
import { errorOf, HandClock, recordedPorts } from './support.ts';

const minuteMs = 60_000;

/** A source of numbered credentials that live for an hour; `fail` says with what the next ones end. */
function numbered(lifetimeMs: number | undefined = 60 * minuteMs) {
  const clock = new HandClock(0);
  const ports = recordedPorts({}, clock);
  const state = { fetched: 0, failure: undefined as Error | undefined };
  const source = refreshing(async (): Promise<AwsCredentials> => {
    state.fetched += 1;
    await Promise.resolve();
    if (state.failure !== undefined) throw state.failure;
    const expiresAtMs = lifetimeMs === undefined ? undefined : clock.nowMs() + lifetimeMs;
    return { accessKeyId: `key-${state.fetched}`, secretAccessKey: 's', expiresAtMs };
  }, ports);
  const key = async (): Promise<string> => (await source()).accessKeyId;
  const keys = (count: number): Promise<string[]> => Promise.all(Array.from({ length: count }, key));
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { clock, state, source, key, keys, settled, lines: ports.lines };
}

describe('expiring credentials', () => {
  test('are fetched once, however many ask, and used until shortly before they expire', async () => {
    const { clock, state, keys } = numbered();
    expect(new Set(await keys(20))).toEqual(new Set(['key-1']));
    clock.advance(54 * minuteMs);
    expect(new Set(await keys(20))).toEqual(new Set(['key-1']));
    expect(state.fetched).toBe(1);
  });

  test('are replaced once in their last five minutes, while the old ones stay in use', async () => {
    const { clock, state, keys, key, settled } = numbered();
    await key();
    clock.advance(56 * minuteMs);
    expect(new Set(await keys(20))).toEqual(new Set(['key-1']));
    await settled();
    expect(new Set(await keys(20))).toEqual(new Set(['key-2']));
    expect(state.fetched).toBe(2);
  });

  test('are waited for if the old ones are about to expire', async () => {
    const { clock, keys, key } = numbered();
    await key();
    clock.advance(59.5 * minuteMs);
    expect(new Set(await keys(20))).toEqual(new Set(['key-2']));
  });

  test('that cannot be replaced yet are reported, and retried half a minute later', async () => {
    const { clock, state, key, keys, settled, lines } = numbered();
    await key();
    clock.advance(56 * minuteMs);
    state.failure = new RemoteError('credentials-refused', 'STS says no.');
    await keys(5);
    await settled();
    expect(await keys(5)).toContain('key-1');
    await settled();
    expect({ fetched: state.fetched, logged: lines.length }).toEqual({ fetched: 2, logged: 1 });
    expect(lines[0]).toMatch(/^Warning: .*expire at 1970-01-01T01:00:00.000Z. STS says no\.$/);
    state.failure = undefined;
    clock.advance(31_000);
    await key();
    await settled();
    expect(await key()).toBe('key-3');
  });

  test('that have expired fail with the reason, and are fetched again by the next caller', async () => {
    const { clock, state, source, key } = numbered();
    await key();
    clock.advance(60 * minuteMs);
    state.failure = new RemoteError('credentials-refused', 'STS says no.');
    expect((await errorOf(source)).message).toBe('STS says no.');
    state.failure = undefined;
    expect(await key()).toBe('key-3');
  });

  test('and cannot be had in half a minute are not tried again by each request, nor by who repeats it', async () => {
    const { clock, state, source } = numbered();
    state.failure = new RemoteError('unexpected-response', 'the same token twice.', { retryable: true });
    for (let attempt = 0; attempt < 12; attempt += 1) {
      expect(await errorOf(source)).toMatchObject({ message: 'the same token twice.', retryable: false });
      clock.advance(1_000);
    }
    expect(state.fetched).toBe(1);
    clock.advance(30_000);
    state.failure = undefined;
    expect((await source()).accessKeyId).toBe('key-2');
  });

  test('with a short life are not fetched for each request', async () => {
    const { clock, state, keys, settled } = numbered(2 * minuteMs);
    await keys(5);
    clock.advance(0.9 * minuteMs);
    await keys(5);
    expect(state.fetched).toBe(1);
    clock.advance(0.2 * minuteMs);
    await keys(5);
    await settled();
    expect(state.fetched).toBe(2);
  });
});

test('credentials that never expire are fetched once', async () => {
  const { clock, state, keys } = numbered(Number.NaN);
  await keys(3);
  clock.advance(1e12);
  await keys(3);
  expect(state.fetched).toBe(1);
});
