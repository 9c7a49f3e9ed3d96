// Slow: about 15 s.
import { describe, expect, it } from 'vitest';
import { dieAtEveryChangeOf, killAtChanges, prepareKills } from './kills.ts';
import { directoryPlaces } from './mirror-places.ts';

describe('I5: an interrupted publish', () => {
  it('leaves a mirror that verifies, before any change of its store, and a rerun uploads only the rest', async () => {
    expect(await dieAtEveryChangeOf(await prepareKills(directoryPlaces(), 2))).toBeGreaterThan(10);
  }, 300_000);

  it('leaves a mirror that verifies wherever its process is killed, and a rerun uploads only the rest', async () => {
    await killAtChanges(await prepareKills(directoryPlaces(), 10), 6);
  }, 300_000);
});
