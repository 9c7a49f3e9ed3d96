import {
  type CdnSite,
  startCdnSite,
  startTokenIssuer,
  startTrustingMinio,
  type TokenIssuer,
  type TrustingMinio,
} from '@slipway/testkit';

/** A bucket behind a CDN, on a server that gives credentials in exchange for a token of the issuer, as AWS does for a role. */
export interface TrustingSite {
  readonly issuer: TokenIssuer;
  readonly minio: TrustingMinio;
  readonly site: CdnSite;
  /** The inputs with which every action finds the services here. */
  readonly inputs: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export async function startTrustingSite(
  options?: Parameters<typeof startTrustingMinio>[1],
): Promise<TrustingSite> {
  const issuer = await startTokenIssuer();
  try {
    const minio = await startTrustingMinio(issuer, options);
    // It stops the server as well, even if it cannot start.
    const site = await startCdnSite(async () => minio);
    return {
      issuer,
      minio,
      site,
      inputs: {
        'endpoint-url': minio.endpointUrl,
        'sts-endpoint-url': minio.endpointUrl,
        'force-path-style': 'true',
        'cloudfront-endpoint-url': site.controlPlane.url,
      },
      async stop() {
        await site.stop();
        issuer.close();
      },
    };
  } catch (error) {
    issuer.close();
    throw error;
  }
}
