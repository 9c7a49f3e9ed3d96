import type { Clock } from '@slipway/core';
import { haveMinio, type Minio, startMinio } from '@slipway/testkit';
import { afterAll, beforeAll } from 'vitest';
import { openStore, type S3Settings } from '../../src/index.ts';
import type { S3Store } from '../../src/s3/store.ts';

/** For `describe.skipIf`: tests of this kind need the real server. */
export const withoutMinio = !haveMinio();

/** Starts one MinIO for the tests of a file; gives access to it once they run. */
export function useMinio(): () => Minio {
  let minio: Minio | undefined;
  beforeAll(async () => {
    if (!withoutMinio) minio = await startMinio();
  });
  afterAll(() => minio?.stop());
  return () => {
    if (minio === undefined) throw new Error('there is no MinIO');
    return minio;
  };
}

/** What a child process needs to open a store of MinIO with `openFromTest`. */
export function environmentFor(minio: Minio, endpointUrl = minio.endpointUrl): Record<string, string> {
  const { accessKeyId, secretAccessKey } = minio.credentials;
  return {
    TEST_ENDPOINT_URL: endpointUrl,
    TEST_ACCESS_KEY_ID: accessKeyId,
    TEST_SECRET_ACCESS_KEY: secretAccessKey,
  };
}

/** Opens a store of a bucket of MinIO, with settings of the test's own. */
export async function openMinioStore(
  minio: Minio,
  url: string,
  settings: Partial<S3Settings> = {},
  clock?: Clock,
): Promise<S3Store> {
  const credentials = async () => minio.credentials;
  const s3 = { settings: { ...minio.settings, ...settings }, credentials };
  const store = await openStore(url, { s3, clock });
  return store as S3Store;
}
