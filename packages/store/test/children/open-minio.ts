import type { ObjectStore } from '@slipway/core';
import { openStore } from '../../src/index.ts';

/** Opens the store that a test names. The keys of MinIO are in the environment, because argument lists are public. */
export function openFromTest(url: string): Promise<ObjectStore> {
  const { TEST_ENDPOINT_URL: endpointUrl } = process.env;
  if (endpointUrl === undefined) return openStore(url);
  const credentials = {
    accessKeyId: process.env['TEST_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: process.env['TEST_SECRET_ACCESS_KEY'] ?? '',
  };
  const settings = {
    region: 'us-east-1',
    endpointUrl,
    forcePathStyle: true,
    partSizeBytes: 5 * 2 ** 20,
    concurrency: 2,
  };
  return openStore(url, { s3: { settings, credentials: async () => credentials } });
}
