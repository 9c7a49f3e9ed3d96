import { haveMinio, type Minio, startMinio } from '@slipway/testkit';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { publishAtOnce } from './concurrency.ts';
import { killPublishers } from './kills.ts';
import { type MirrorPlaces, minioPlaces } from './mirror-places.ts';

const publishers = 32;
const rounds = 3;
const kills = 200;

describe.skipIf(!haveMinio())('a mirror on S3 (needs minio)', () => {
  let minio: Minio | undefined;
  let places: MirrorPlaces;
  beforeAll(async () => {
    minio = await startMinio();
    places = minioPlaces(minio, await minio.makeBucket());
  });
  afterAll(() => minio?.stop());

  it(`I3: loses no entry of ${publishers} publishers at the same time, ${rounds} rounds`, async () => {
    await publishAtOnce(publishers, rounds, places);
  }, 1_800_000);

  it(`I5: verifies after each of ${kills} kills, and a rerun uploads only the rest`, async () => {
    await killPublishers(kills, places);
  }, 1_800_000);
});
