// Slow: about 60 s.
import { describe, it } from 'vitest';
import { publishAtOnce } from './concurrency.ts';
import { directoryPlaces } from './mirror-places.ts';

const publishers = 16;
const rounds = 20;

describe('I3: concurrent publishers', () => {
  it(`lose no entry: ${publishers} processes, ${rounds} rounds`, async () => {
    await publishAtOnce(publishers, rounds, directoryPlaces());
  }, 900_000);
});
