import {
  forgetProven,
  pathDigest,
  pendingInvalidationsKey,
  readPending,
} from '@slipway/pending-invalidations';
import { dyingStore } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { BucketDouble } from './bucket-double.ts';
import { makeTree, publishToStore } from './publishing.ts';

const before = { 'index.html': '<p>1', 'a b.txt': 'one', 'latest.json': '{"v":1}', 'gone.txt': 'old' };
const after = { 'index.html': '<p>2', 'a b.txt': 'two', 'latest.json': '{"v":2}', 'new.txt': 'new' };
const inputs = { pointers: 'latest.json', delete: 'extraneous' };

/** A bucket with the first version of the site, which every cache holds. */
async function published(): Promise<BucketDouble> {
  const bucket = new BucketDouble();
  await publishToStore(bucket, { ...inputs, source: makeTree(before) });
  bucket.objects.delete(pendingInvalidationsKey);
  return bucket;
}

function covers(paths: string, key: string): boolean {
  const lines = paths.split('\n');
  return lines.includes('/*') || lines.includes(`/${encodeURIComponent(key)}`);
}

/** What a CDN with the first version would serve, but the bucket no longer has. */
function outdated(bucket: BucketDouble): readonly string[] {
  const now = bucket.bodies();
  return Object.entries(before).flatMap(([key, body]) => (now[key] === body ? [] : [key]));
}

describe('I5: a publish that is killed', () => {
  test('before any of its changes, leaves a rerun that names all that was replaced', async () => {
    const source = makeTree(after);
    let tried = 0;
    for (let change = 1; ; change += 1) {
      const bucket = await published();
      const dying = dyingStore(bucket, change);
      // It does not matter whether the run or the process ends with the error.
      const died = await publishToStore(dying.store, { ...inputs, source }).catch(() => undefined);
      const rerun = await publishToStore(bucket, { ...inputs, source });
      expect(rerun.failure, `change ${change}`).toBeUndefined();
      expect(bucket.bodies(), `change ${change}`).toEqual(after);
      const paths = String(rerun.outputs['invalidation-paths']);
      for (const key of outdated(bucket)) {
        expect(covers(paths, key), `change ${change} and ${key} in ${paths}`).toBe(true);
      }
      if (!dying.hasDied()) {
        expect(died?.failure).toBeUndefined();
        break;
      }
      tried = change;
    }
    expect(tried).toBeGreaterThan(5);
  });
});

describe('a publish whose invalidation failed', () => {
  test('lists its paths again until they are proven', async () => {
    const bucket = await published();
    const source = makeTree(after);
    const options = { ...inputs, source, 'base-url': 'https://cdn.example.org/the%20site' };
    const first = await publishToStore(bucket, options);
    const again = await publishToStore(bucket, options);
    expect(again.outputs).toMatchObject({ uploaded: 0 });
    const named = new Set(String(again.outputs['invalidation-paths']).split('\n'));
    for (const path of String(first.outputs['invalidation-paths']).split('\n')) expect(named).toContain(path);
    expect(named).toContain('/the%20site/gone.txt');
    expect(again.log.join('\n')).toContain('invalidation is not proven yet');

    const digests = new Set([...String(first.outputs['invalidation-paths']).split('\n')].map(pathDigest));
    await forgetProven(
      bucket,
      await readPending(bucket),
      { path: (path) => path === '/the%20site/gone.txt', digest: (digest) => digests.has(digest) },
      Date.now(),
      { nowMs: Date.now, sleep: async () => {}, random: () => 0 },
    );
    const last = await publishToStore(bucket, options);
    expect(last.outputs).toMatchObject({ uploaded: 0, 'invalidation-paths': '' });
  });

  test('I7: reveals no name of an object to readers of the destination', async () => {
    const bucket = await published();
    await publishToStore(bucket, { ...inputs, source: makeTree({ ...after, 'not-linked-yet.html': 'x' }) });
    const document = bucket.objects.get(pendingInvalidationsKey)?.body.toString() ?? '';
    expect(document).toContain('digests');
    expect(document).not.toMatch(/index|linked|latest/);
  });
});
