// Slow: about 10 s.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ObjectStore } from '@slipway/core';
import { pendingInvalidationsKey } from '@slipway/pending-invalidations';
import { openStore } from '@slipway/store';
import {
  type ActionRun,
  actionProcess,
  type CdnSite,
  dyingStore,
  haveCdnSite,
  makeTree,
  startCdnSite,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bucketInputs, type InputTexts, runOnStore } from './downloads.ts';

/** Built by `scripts/bundle cloudfront-invalidate`. */
const invalidateBundle = fileURLToPath(new URL('../../cloudfront-invalidate/dist/index.js', import.meta.url));

describe.skipIf(!haveCdnSite())('publish, invalidate and serve (needs minio, varnishd and gcc)', () => {
  let site: CdnSite;
  let places = 0;
  beforeAll(async () => {
    site = await startCdnSite();
  });
  afterAll(() => site?.stop());

  /** A destination whose first edition is published and cached, and the steps of a job that replaces it. */
  async function cachedEdition(): Promise<{
    readonly store: ObjectStore;
    publish(on?: ObjectStore): ReturnType<typeof runOnStore>;
    invalidate(paths: unknown): Promise<ActionRun>;
    served(): Promise<readonly string[]>;
  }> {
    places += 1;
    const folder = `place-${places}`;
    const baseUrl = `${site.baseUrl}/${folder}`;
    const destination = `s3://${site.bucket}/${folder}`;
    const { settings } = site.minio;
    const store = await openStore(destination, {
      s3: { settings, credentials: async () => site.minio.credentials },
    });
    const workspace = makeTree({ 'app.zip': 'the first edition' });
    const inputs: InputTexts = {
      operation: 'publish',
      files: 'any: app.zip',
      'base-url': baseUrl,
      replace: 'true',
      // Without an invalidation, the cache keeps its copies for longer than this test takes.
      'max-age': '1h',
      // Far from the end of a window, whenever this runs.
      'window-length': '31d',
      'clock-tolerance': '10s',
    };
    const served = async (): Promise<readonly string[]> => {
      const keys = await site.keys(`${folder}/downloads/`);
      return Promise.all(keys.map(async (key) => (await fetch(`${site.baseUrl}/${key}`)).text()));
    };
    const first = await runOnStore(store, workspace, inputs);
    expect(first.failure).toBeUndefined();
    await store.delete(pendingInvalidationsKey);
    expect(await served()).toEqual(['the first edition', 'the first edition']);
    writeFileSync(join(workspace, 'app.zip'), 'the second one');
    return {
      store,
      served,
      publish: (on = store) => runOnStore(on, workspace, inputs),
      invalidate: (paths) =>
        actionProcess(invalidateBundle, {
          inputs: {
            ...bucketInputs(site.minio, site.bucket),
            destination,
            'destination-endpoint-url': site.minio.endpointUrl,
            'distribution-id': site.distributionId,
            'endpoint-url': site.controlPlane.url,
            'base-url': baseUrl,
            paths: String(paths),
          },
        }),
    };
  }

  const stale = ['the first edition', 'the first edition'];
  const fresh = ['the second one', 'the second one'];

  test('I5: killed before any of its changes, and run again, no link serves old bytes after a green invalidation', async () => {
    let change = 1;
    for (let hasDied = true; hasDied; change += 1) {
      const { store, publish, invalidate, served } = await cachedEdition();
      const dying = dyingStore(store, change);
      await publish(dying.store).catch(() => undefined);
      hasDied = dying.hasDied();
      const rerun = await publish();
      expect(rerun.failure, `change ${change}`).toBeUndefined();
      const invalidated = await invalidate(rerun.outputs['invalidation-paths']);
      expect(invalidated.exitCode, invalidated.log).toBe(0);
      expect(await served(), `change ${change}`).toEqual(fresh);
    }
    expect(change).toBeGreaterThan(4);
  }, 300_000);

  test('a rerun that stores nothing makes up for a failed invalidation, and then nothing is pending', async () => {
    const { publish, invalidate, served } = await cachedEdition();
    const replaced = await publish();
    expect(replaced.outputs).toMatchObject({ uploaded: 2 });
    site.controlPlane.denied.add('CreateInvalidation');
    const denied = await invalidate(replaced.outputs['invalidation-paths']);
    site.controlPlane.denied.delete('CreateInvalidation');
    expect(denied.exitCode).toBe(1);
    expect(await served()).toEqual(stale);

    const rerun = await publish();
    expect(rerun.outputs).toMatchObject({
      uploaded: 0,
      'invalidation-paths': replaced.outputs['invalidation-paths'],
    });
    expect(String(rerun.outputs['invalidation-paths']).split('\n')).toHaveLength(2);
    const invalidated = await invalidate(rerun.outputs['invalidation-paths']);
    expect(invalidated.exitCode, invalidated.log).toBe(0);
    expect(await served()).toEqual(fresh);
    expect((await publish()).outputs).toMatchObject({ uploaded: 0, 'invalidation-paths': '' });
  }, 60_000);

  test('pending paths in the destination are invalidated even if no step passes them on', async () => {
    const { publish, invalidate, served } = await cachedEdition();
    await publish();
    expect(await served()).toEqual(stale);
    const invalidated = await invalidate('');
    expect(invalidated.exitCode, invalidated.log).toBe(0);
    expect(await served()).toEqual(fresh);
  }, 60_000);
});
