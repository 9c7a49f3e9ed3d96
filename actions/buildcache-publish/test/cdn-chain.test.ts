// Slow: about 20 s.
import { fileURLToPath } from 'node:url';
import { pendingInvalidationsKey } from '@slipway/pending-invalidations';
import { indexManifestKey, keyIndexManifestKey, keyManifestKey, layoutKey } from '@slipway/spack-buildcache';
import {
  addEntry,
  addKeys,
  type CdnSite,
  dieAtEveryChange,
  haveCdnSite,
  makeKey,
  startCdnSite,
  type TestKey,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { minioPlaces } from './mirror-places.ts';
import { publishTo } from './publishing.ts';
import { repack } from './repack.ts';

/** Built by `scripts/bundle cloudfront-invalidate`. */
const invalidateBundle = fileURLToPath(new URL('../../cloudfront-invalidate/dist/index.js', import.meta.url));

describe.skipIf(!haveCdnSite())('a mirror behind a CDN (needs minio and varnishd)', () => {
  let site: CdnSite;
  let key: TestKey;
  beforeAll(async () => {
    site = await startCdnSite();
    key = await makeKey({ type: 'ed25519' });
  }, 120_000);
  afterAll(() => site?.stop());

  it('I5: serves no stale byte once a publish that died before any of its changes was run again', async () => {
    const [first, second] = [temporaryDirectory('staged'), temporaryDirectory('staged')];
    // The same entry, packed again into other bytes.
    const { manifestKey } = await addEntry(first, { name: 'changed', signer: key });
    await addEntry(second, { name: 'changed', signer: key });
    await repack(second, manifestKey, key);
    await addEntry(second, { name: 'new', signer: key });
    for (const staged of [first, second]) await addKeys(staged, [key]);
    const places = minioPlaces(site.minio, site.bucket);
    const deaths = await dieAtEveryChange({
      site,
      cachedKeys: [
        layoutKey,
        keyIndexManifestKey,
        keyManifestKey(key.fingerprint),
        indexManifestKey(undefined),
        manifestKey,
      ],
      async prepare(name) {
        const mirror = await places(name).open();
        expect((await publishTo(mirror, first, key)).failure).toBeUndefined();
        await mirror.delete(pendingInvalidationsKey);
        return mirror;
      },
      publish: (mirror) => publishTo(mirror, second, key, { overwrite: 'true' }),
      invalidateBundle,
    });
    expect(deaths).toBeGreaterThan(10);
  }, 300_000);
});
