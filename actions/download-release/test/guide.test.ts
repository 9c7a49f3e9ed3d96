import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { haveWorld, World } from './world.ts';

describe.skipIf(!haveWorld())(
  'the workflows of the guide to secure downloads (needs act, minio, varnishd and gh)',
  () => {
    let world: World;
    beforeAll(async () => {
      world = await World.start();
    });
    afterAll(() => world?.stop());

    it('release a tag: packed, keys checked, signed, published, proven, told, received, deployed, and assets of the release', async () => {
      const run = await world.release('whole');
      expect(run.exitCode, run.log).toBe(0);
      await world.untilReceived();
      console.log(
        run.log.slice(-3000),
        world.receivedRuns.map((r) => r.log),
        world.releases.releases,
      );
    }, 120_000);
  },
);
