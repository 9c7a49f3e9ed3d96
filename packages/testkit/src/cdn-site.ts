import { CloudFrontDouble } from './cloudfront-double.ts';
import { haveMinio, type Minio, startMinio } from './minio.ts';
import { s3Objects } from './s3-objects.ts';
import { serverProgram } from './server-programs.ts';
import { startVarnish, type Varnish } from './varnish.ts';

const distributionId = 'E1A2B3C4D5E6F7';

/** A publisher's site: a bucket, a public CDN in front of it, and the CDN's control plane. */
export interface CdnSite {
  readonly minio: Minio;
  readonly bucket: string;
  readonly cdn: Varnish;
  readonly controlPlane: CloudFrontDouble;
  readonly distributionId: string;
  /** The URL of the bucket through the CDN. */
  readonly baseUrl: string;
  /** Keys of the bucket that begin with `prefix`, sorted, at most one page, without Slipway's own documents. */
  keys(prefix: string): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export function haveCdnSite(): boolean {
  return haveMinio() && serverProgram('varnishd') !== undefined;
}

/**
 * Starts MinIO, or the one that `start` starts, Varnish in front of it, and a double of CloudFront's API that bans in Varnish what
 * is invalidated, at once.
 */
export async function startCdnSite(start: () => Promise<Minio> = startMinio): Promise<CdnSite> {
  const minio = await start();
  let cdn: Varnish | undefined;
  try {
    const bucket = await minio.makePublicBucket();
    const started = await startVarnish({ origin: minio.endpointUrl });
    cdn = started;
    const controlPlane = await CloudFrontDouble.start({
      distributionId,
      completesAfterMs: 0,
      onCompleted: (paths) => started.ban(paths),
    });
    return {
      minio,
      bucket,
      cdn: started,
      controlPlane,
      distributionId,
      baseUrl: `${started.url}/${bucket}`,
      async keys(prefix) {
        const objects = s3Objects({ url: minio.endpointUrl, bucket }, minio.credentials);
        const keys = await objects.list(prefix).finally(() => objects.close());
        return keys.filter((key) => !/(^|\/)\.slipway\//.test(key)).sort();
      },
      async stop() {
        controlPlane.close();
        await started.stop();
        await minio.stop();
      },
    };
  } catch (error) {
    await cdn?.stop();
    await minio.stop();
    throw error;
  }
}
