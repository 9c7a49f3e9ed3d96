// Slow: about 30 s.
import type { DyingMoment } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { dieAtEveryCallOf, killAtChanges, prepareKills } from './kills.ts';
import { directoryPlaces } from './mirror-places.ts';

describe('I5: an interrupted publish', () => {
  it.each<DyingMoment>(['before', 'after'])(
    'leaves a mirror that verifies, %s any call of its store, and a rerun uploads only the rest',
    async (moment) => {
      const scene = await prepareKills(directoryPlaces(), 2);
      expect(await dieAtEveryCallOf(scene, moment)).toBeGreaterThan(20);
    },
    300_000,
  );

  it('leaves a mirror that verifies wherever its process is killed, and a rerun uploads only the rest', async () => {
    await killAtChanges(await prepareKills(directoryPlaces(), 10), 8);
  }, 300_000);
});
