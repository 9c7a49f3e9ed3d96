import { hash } from 'node:crypto';
import { join } from 'node:path';
import {
  type ActionProcessOptions,
  type ActionRun,
  actionProcess,
  CloudFrontDouble,
  type CloudFrontDoubleOptions,
  serveLoopback,
  startVarnish,
  type VarnishOptions,
} from '@slipway/testkit';
import { onTestFinished } from 'vitest';

export const distributionId = 'E1A2B3C4D5E6F7';
export const secretAccessKey = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY';
const main = join(import.meta.dirname, '../dist/index.js');

/** An origin, a real Varnish in front of it as the CDN, and the control plane whose invalidations purge it. */
export interface Cdn {
  readonly url: string;
  readonly controlPlane: CloudFrontDouble;
  /** Puts objects at the origin, by their keys. */
  store(objects: Readonly<Record<string, string>>, headers?: Readonly<Record<string, string>>): void;
  /** Stores objects and requests them from the CDN, so that it caches them. */
  cache(objects: Readonly<Record<string, string>>, headers?: Readonly<Record<string, string>>): Promise<void>;
  /** Runs the bundle as a step of a job, with what it needs to reach the control plane. */
  run(inputs: Readonly<Record<string, string>>, options?: ActionProcessOptions): Promise<ActionRun>;
  urlOf(key: string): string;
}

export interface CdnOptions
  extends Omit<VarnishOptions, 'origin'>,
    Partial<Pick<CloudFrontDoubleOptions, 'completesAfterMs' | 'tagHeader'>> {
  /** Another origin than the one that `store` writes to. */
  readonly origin?: string;
  /** How many invalidations complete without an effect, as if the stale content was cached after them. */
  readonly ineffective?: number;
}

export async function startCdn(options: CdnOptions = {}): Promise<Cdn> {
  const objects = new Map<string, { readonly body: string; readonly headers: Record<string, string> }>();
  const origin = await serveLoopback(async (request, response) => {
    const found = objects.get(decodeURIComponent((request.url ?? '/').slice(1)));
    if (found === undefined) response.writeHead(404).end('no such key');
    else response.writeHead(200, { etag: `"${hash('md5', found.body)}"`, ...found.headers }).end(found.body);
  });
  const varnish = await startVarnish({ errorSeconds: 600, ...options, origin: options.origin ?? origin.url });
  let ineffective = options.ineffective ?? 0;
  const controlPlane = await CloudFrontDouble.start({
    completesAfterMs: 100,
    ...options,
    distributionId,
    async onCompleted(paths) {
      if (ineffective > 0) ineffective -= 1;
      else await varnish.ban(paths);
    },
  });
  onTestFinished(async () => {
    controlPlane.close();
    await varnish.stop();
    origin.close();
  });
  const urlOf = (key: string): string => `${varnish.url}/${key.split('/').map(encodeURIComponent).join('/')}`;
  const cdn: Cdn = {
    url: varnish.url,
    controlPlane,
    urlOf,
    store(added, headers = {}) {
      for (const [key, body] of Object.entries(added)) objects.set(key, { body, headers: { ...headers } });
    },
    async cache(added, headers) {
      cdn.store(added, headers);
      for (const [key, body] of Object.entries(added)) {
        const got = await (await fetch(urlOf(key))).text();
        if (got !== body) throw new Error(`the CDN serves "${got}" for ${key}`);
      }
    },
    run(inputs, more = {}) {
      return actionProcess(main, {
        ...more,
        inputs: {
          'distribution-id': distributionId,
          'endpoint-url': controlPlane.url,
          'access-key-id': 'AKIDEXAMPLE',
          'secret-access-key': secretAccessKey,
          'base-url': varnish.url,
          ...inputs,
        },
      });
    },
  };
  return cdn;
}

/** A line for `prove`. */
export function proof(place: string, body: string): string {
  return `${place} ${hash('sha256', body)}`;
}
