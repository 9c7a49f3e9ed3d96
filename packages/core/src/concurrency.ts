/**
 * Runs `task` over `items`, at most `limit` at a time, and returns the results in order. After the first failure it
 * starts no more tasks, waits for those in progress, and throws the first error.
 */
export async function mapConcurrently<Item, Result>(
  items: Iterable<Item>,
  limit: number,
  task: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const failures: unknown[] = [];
  const iterator = items[Symbol.iterator]();
  let started = 0;
  const lane = async (): Promise<void> => {
    while (failures.length === 0) {
      const next = iterator.next();
      if (next.done === true) return;
      const index = started;
      started += 1;
      try {
        results[index] = await task(next.value, index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, limit) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}

export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. */
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  /** A random number in [0, 1). */
  random(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: () => Math.random(),
};

/** Full-jitter backoff: a random wait of at most `baseMs · 2^attempt`, capped at `capMs`. `attempt` starts at 0. */
export function backoffMs(clock: Clock, attempt: number, baseMs: number, capMs: number): number {
  return clock.random() * Math.min(capMs, baseMs * 2 ** attempt);
}
