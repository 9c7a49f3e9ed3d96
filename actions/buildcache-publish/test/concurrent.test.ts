// Slow: about 20 s.
import { describe, expect, it } from 'vitest';
import { publishAtOnce, waitingProcesses } from './concurrency.ts';
import { directoryPlaces } from './mirror-places.ts';

const publishers = 16;
const rounds = 2;

describe('I3: concurrent publishers', () => {
  it(`lose no entry: ${publishers} processes, ${rounds} rounds`, async () => {
    const retries = await publishAtOnce(waitingProcesses, publishers, rounds, directoryPlaces());
    // All competed for the pointer.
    expect(retries).toBe((publishers - 1) * rounds);
  }, 300_000);
});
