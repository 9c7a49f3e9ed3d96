// Slow: about 30 s.
import { haveMinio, type Minio, startMinio, startS3FaultProxy } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { processes, publishAtOnce, runsInThisProcess } from './concurrency.ts';
import { dieAtEveryChangeOf, killAtWrites, prepareKills } from './kills.ts';
import { type MirrorPlaces, minioPlaces } from './mirror-places.ts';

const publishers = 32;

describe.skipIf(!haveMinio())('a mirror on S3 (needs minio)', () => {
  let minio: Minio | undefined;
  let places: MirrorPlaces;
  beforeAll(async () => {
    minio = await startMinio();
    places = minioPlaces(minio, await minio.makeBucket());
  });
  afterAll(() => minio?.stop());

  it(`I3: loses no entry of ${publishers} publishers at the same time`, async () => {
    const retries = await publishAtOnce(runsInThisProcess, publishers, 1, (name) => places(`many ${name}`));
    // All competed for the pointer.
    expect(retries).toBe(publishers - 1);
  }, 300_000);

  it('I3: loses no entry of 6 processes at the same time', async () => {
    await publishAtOnce(processes, 6, 1, (name) => places(`processes ${name}`));
  }, 300_000);

  it('I5: verifies after a publish that died before any change of its store, and a rerun uploads only the rest', async () => {
    expect(await dieAtEveryChangeOf(await prepareKills(places, 1))).toBeGreaterThan(8);
  }, 300_000);

  it('I5: verifies after a process was killed once the server had a number of its writes, and a rerun uploads only the rest', async () => {
    if (minio === undefined) throw new Error('there is no MinIO');
    const proxy = await startS3FaultProxy(minio.endpointUrl);
    onTestFinished(() => proxy.close());
    const behind = minioPlaces({ ...minio, endpointUrl: proxy.endpointUrl }, await minio.makeBucket());
    await killAtWrites(await prepareKills(behind, 10), proxy, 4);
  }, 600_000);
});
