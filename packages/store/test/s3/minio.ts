import type { Clock } from '@slipway/core';
import { haveMinio, type Minio, startMinio } from '@slipway/testkit';
import { afterAll, beforeAll } from 'vitest';
import { openStore, type S3Settings } from '../../src/index.ts';
import type { S3Store } from '../../src/s3/store.ts';

/** For `describe.skipIf`: these tests need the real server. */
export const withoutMinio = !haveMinio();

/** Starts a MinIO for the tests of a file; returns access to it once they run. */
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

/** What a child process needs for `openFromTest` to open a store of MinIO. */
export function environmentFor(minio: Minio, endpointUrl = minio.endpointUrl): Record<string, string> {
  const { accessKeyId, secretAccessKey } = minio.credentials;
  return {
    TEST_ENDPOINT_URL: endpointUrl,
    TEST_ACCESS_KEY_ID: accessKeyId,
    TEST_SECRET_ACCESS_KEY: secretAccessKey,
  };
}

/** Opens a store of a MinIO bucket, with the test's settings. */
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
