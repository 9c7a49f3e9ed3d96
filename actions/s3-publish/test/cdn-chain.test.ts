// Slow: about 10 s.
import { fileURLToPath } from 'node:url';
import { pendingInvalidationsKey } from '@slipway/pending-invalidations';
import { openStore } from '@slipway/store';
import { type CdnSite, dieAtEveryChange, haveCdnSite, startCdnSite } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTree, publishToStore } from './publishing.ts';

const before = { 'index.html': '<p>1', 'a b.txt': 'one', 'latest.json': '{"v":1}', 'gone.txt': 'old' };
const after = { 'index.html': '<p>2', 'a b.txt': 'two', 'latest.json': '{"v":2}', 'new.txt': 'new' };
const inputs = { pointers: 'latest.json', delete: 'extraneous' };

/** Built by `scripts/bundle cloudfront-invalidate`. */
const invalidateBundle = fileURLToPath(new URL('../../cloudfront-invalidate/dist/index.js', import.meta.url));

describe.skipIf(!haveCdnSite())('a site behind a CDN (needs minio and varnishd)', () => {
  let site: CdnSite;
  beforeAll(async () => {
    site = await startCdnSite();
  }, 120_000);
  afterAll(() => site?.stop());

  it('I5: serves no stale byte once a publish that died before any of its changes was run again', async () => {
    const [first, second] = [makeTree(before), makeTree(after)];
    const { settings, credentials } = site.minio;
    const deaths = await dieAtEveryChange({
      site,
      cachedKeys: [...new Set([...Object.keys(before), ...Object.keys(after)])],
      async prepare(name) {
        const store = await openStore(`s3://${site.bucket}/sites/${name}`, {
          s3: { settings, credentials: async () => credentials },
        });
        expect((await publishToStore(store, { ...inputs, source: first })).failure).toBeUndefined();
        await store.delete(pendingInvalidationsKey);
        return store;
      },
      publish: (store) => publishToStore(store, { ...inputs, source: second }),
      invalidateBundle,
    });
    expect(deaths).toBeGreaterThan(5);
  }, 300_000);
});
