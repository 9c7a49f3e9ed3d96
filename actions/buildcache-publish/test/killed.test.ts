import { describe, it } from 'vitest';
import { killPublishers } from './kills.ts';
import { directoryPlaces } from './mirror-places.ts';

const kills = 200;

describe('I5: a publish that is killed', () => {
  it(`verifies after each of ${kills} kills at random moments, and a rerun uploads only the rest`, async () => {
    await killPublishers(kills, directoryPlaces());
  }, 900_000);
});
