import type { ObjectStore } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/index.ts';
import { refusal, type S3BucketDouble, serveBucketDouble } from './bucket-double.ts';

const hourMs = 3_600_000;

async function openDouble(double: S3BucketDouble): Promise<ObjectStore> {
  const credentials = async () => ({ accessKeyId: 'AKIADOUBLE', secretAccessKey: 'secret' });
  const settings = { region: 'us-east-1', endpointUrl: double.endpointUrl, forcePathStyle: true };
  return openStore('s3://double-bucket/site', { s3: { settings, credentials } });
}

/** Makes the double list these uploads, each as key, id and age, for any prefix. */
function listUploads(double: S3BucketDouble, uploads: readonly (readonly [string, string, number])[]): void {
  const items = uploads.map(([key, id, ageMs]) => {
    const begun = new Date(Date.now() - ageMs).toISOString();
    return `<Upload><Key>${encodeURIComponent(key)}</Key><UploadId>${id}</UploadId><Initiated>${begun}</Initiated></Upload>`;
  });
  const body = `<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${items.join('')}</ListMultipartUploadsResult>`;
  double.intercept = ({ method, url }) =>
    method === 'GET' && url.searchParams.has('uploads') ? { status: 200, body } : undefined;
}

function abortedIn(double: S3BucketDouble): readonly string[] {
  return double.requests
    .filter(({ method, url }) => method === 'DELETE' && url.searchParams.has('uploadId'))
    .map(({ key, url }) => `${key} ${url.searchParams.get('uploadId')}`);
}

describe('multipart uploads left by killed runs', () => {
  test('are ended after a day, only for our keys below the prefix', async () => {
    const double = await serveBucketDouble();
    listUploads(double, [
      ['site/a b.zip', 'killed', 25 * hourMs],
      ['site/a b.zip', 'at-work', 23 * hourMs],
      ['site/of-others.zip', 'theirs', 25 * hourMs],
      ['elsewhere/a b.zip', 'outside', 25 * hourMs],
    ]);
    const store = await openDouble(double);
    expect(await store.endAbandonedUploads?.((key) => key === 'a b.zip')).toEqual({ ended: 1, left: 1 });
    expect(abortedIn(double)).toEqual(['site/a b.zip killed']);
    expect(double.requests[0]?.url.searchParams.get('prefix')).toBe('site/');
  });

  test('are left if they may not be listed', async () => {
    const double = await serveBucketDouble();
    double.intercept = ({ url }) =>
      url.searchParams.has('uploads') ? refusal(403, 'AccessDenied') : undefined;
    const store = await openDouble(double);
    expect(await store.endAbandonedUploads?.(() => true)).toBeUndefined();
    expect(abortedIn(double)).toEqual([]);
  });
});
