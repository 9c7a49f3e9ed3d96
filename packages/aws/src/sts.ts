import type { Environment } from '@slipway/core';
import { HttpClient, sdkRequestHandler } from '@slipway/http';
import type { KeySettings } from './settings.ts';

/** How long STS may be silent, and how long a request may take. */
const idleMs = 10_000;
const timeoutMs = 15_000;

export interface StsPlace {
  readonly region: string;
  readonly endpointUrl: string | undefined;
  readonly environment: Environment;
}

/** The host that receives requests, for messages. */
export function stsHost({ region, endpointUrl }: StsPlace): string {
  return URL.parse(endpointUrl ?? '')?.host ?? `sts.${region}`;
}

/**
 * An STS client that sends each request once: the caller knows what may be repeated. Without `keys` it can only make unsigned
 * requests.
 */
export async function stsClient(place: StsPlace, keys?: KeySettings) {
  const { STSClient } = await import('@aws-sdk/client-sts');
  const { accessKeyId = '', secretAccessKey = '', sessionToken } = keys ?? {};
  const identity = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  const client = new HttpClient({ idleMs, proxyEnvironment: place.environment });
  return new STSClient({
    region: place.region,
    maxAttempts: 1,
    credentials: async () => identity,
    ...(place.endpointUrl === undefined ? {} : { endpoint: place.endpointUrl }),
    requestHandler: sdkRequestHandler(client, { what: `STS at ${stsHost(place)}`, timeoutMs }),
  });
}
