import { type Environment, proxyVariables } from '@slipway/core';
import type { KeySettings } from './settings.ts';

/** How long a connection to STS may take to open, and then to answer. */
const connectMs = 5_000;
const answerMs = 10_000;

export interface StsPlace {
  readonly region: string;
  readonly endpointUrl: string | undefined;
  readonly environment: Environment;
}

/** The host that requests go to, for messages. */
export function stsHost({ region, endpointUrl }: StsPlace): string {
  return URL.parse(endpointUrl ?? '')?.host ?? `sts.${region}`;
}

/**
 * A client of STS that sends each request once: whoever calls it knows what may be sent again. Without `keys` it can
 * only make requests that nobody signs.
 */
export async function stsClient(place: StsPlace, keys?: KeySettings) {
  const [{ STSClient }, http, https] = await Promise.all([
    import('@aws-sdk/client-sts'),
    import('node:http'),
    import('node:https'),
  ]);
  const { accessKeyId = '', secretAccessKey = '', sessionToken } = keys ?? {};
  const identity = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  const proxyEnv = proxyVariables(place.environment);
  return new STSClient({
    region: place.region,
    maxAttempts: 1,
    credentials: async () => identity,
    ...(place.endpointUrl === undefined ? {} : { endpoint: place.endpointUrl }),
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
      httpAgent: new http.Agent({ proxyEnv }),
      httpsAgent: new https.Agent({ proxyEnv }),
    },
  });
}
