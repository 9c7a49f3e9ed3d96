import { encodeKey, type ObjectStore, withoutTrailingSlashes } from '@slipway/core';
import type { ActionResult } from '@slipway/runner';
import { type ActionRun, actionProcess } from './action-process.ts';
import type { CdnSite } from './cdn-site.ts';
import { dyingStore } from './dying-store.ts';

const maxChanges = 200;
const maxBytes = 2 ** 24;

export interface DyingPublishes {
  readonly site: CdnSite;
  /** Returns a new destination `s3://bucket/prefix` in the bucket of the site, with the first version of everything. */
  prepare(name: string): Promise<ObjectStore>;
  /** The keys that clients have requested from the CDN. */
  readonly cachedKeys: readonly string[];
  /** Publishes the second version. */
  publish(store: ObjectStore): Promise<ActionResult>;
  /** The built bundle of cloudfront-invalidate. */
  readonly invalidateBundle: string;
}

/**
 * Lets a publish die before each of its changes in turn, runs it again, invalidates what that names, and compares what the CDN
 * serves with what is stored. Returns how many changes it died at. Throws an `Error` for a byte that is stale after all steps
 * were green.
 */
export async function dieAtEveryChange(chain: DyingPublishes): Promise<number> {
  const { site, cachedKeys } = chain;
  for (let change = 1; change <= maxChanges; change += 1) {
    const store = await chain.prepare(`change-${change}`);
    const served = new Map(cachedKeys.map((key) => [key, urlOf(site, store, key)]));
    for (const url of served.values()) await (await fetch(url)).arrayBuffer();

    const dying = dyingStore(store, change);
    // It does not matter whether the run or the process ends with the error.
    await chain.publish(dying.store).catch(() => undefined);
    const rerun = await chain.publish(store);
    assertGreen(rerun, `the rerun after change ${change}`);
    const invalidated = await invalidate(chain, store, rerun);
    if (invalidated.exitCode !== 0)
      throw new Error(`the invalidation after change ${change} failed: ${invalidated.log}`);
    for (const [key, url] of served) {
      const stored = await store.read(key, { maxBytes });
      const response = await fetch(url);
      const got = Buffer.from(await response.arrayBuffer());
      const isFresh = stored === undefined ? !response.ok : Buffer.compare(got, stored.body) === 0;
      if (!isFresh)
        throw new Error(`${key} is stale in the CDN after a publish died before change ${change}`);
    }
    if (!dying.hasDied()) return change - 1;
  }
  throw new Error(`a publish makes more than ${maxChanges} changes`);
}

function invalidate(
  { site, invalidateBundle }: DyingPublishes,
  store: ObjectStore,
  { outputs }: ActionResult,
): Promise<ActionRun> {
  return actionProcess(invalidateBundle, {
    inputs: {
      paths: String(outputs['invalidation-paths']),
      prove: String(outputs['pointer-checksums'] ?? ''),
      destination: store.url,
      'path-prefix': prefixOf(site, store),
      'base-url': site.cdn.url,
      'distribution-id': site.distributionId,
      'endpoint-url': site.controlPlane.url,
      'destination-endpoint-url': site.minio.endpointUrl,
      'force-path-style': 'true',
      'access-key-id': site.minio.credentials.accessKeyId,
      'secret-access-key': site.minio.credentials.secretAccessKey,
    },
  });
}

function assertGreen({ failure }: ActionResult, what: string): void {
  if (failure !== undefined) throw new Error(`${what} failed: ${failure.message}`, { cause: failure });
}

function prefixOf({ bucket }: CdnSite, store: ObjectStore): string {
  return `/${bucket}${withoutTrailingSlashes(new URL(store.url).pathname)}`;
}

function urlOf(site: CdnSite, store: ObjectStore, key: string): string {
  return `${site.cdn.url}${prefixOf(site, store)}/${encodeKey(key)}`;
}
