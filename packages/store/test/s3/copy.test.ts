import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { mapConcurrently } from '@slipway/core';
import { startS3FaultProxy } from '@slipway/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { options, put, textOf } from '../objects.ts';
import { openMinioStore, useMinio, withoutMinio } from './minio.ts';

describe.skipIf(withoutMinio)('a copy within a bucket (needs minio)', () => {
  const minio = useMinio();

  test('succeeds byte for byte despite faults', async () => {
    const faults = { slowDown: 0.15, reset: 0.1, cut: 0.05, conflict: 0.1, ambiguous: 0.1 };
    const proxy = await startS3FaultProxy(minio().endpointUrl, faults, 3);
    onTestFinished(() => proxy.close());
    const url = `s3://${await minio().makeBucket()}/in`;
    const store = await openMinioStore(minio(), url, { endpointUrl: proxy.endpointUrl });
    const names = Array.from({ length: 30 }, (_, index) => `object ${index}`);
    await mapConcurrently(names, 8, async (name) => {
      const { etag } = await put(store, `from/${name}`, name);
      const from = { key: `from/${name}`, sizeBytes: name.length, etag };
      await store.copy(from, `to/${name}`, options(name, 'absent'));
    });
    for (const name of names) expect(await textOf(store, `to/${name}`)).toBe(name);
    expect(proxy.requests.filter(({ fault }) => fault !== undefined).length).toBeGreaterThan(20);
  }, 120_000);

  test('ends what a killed copy left for the same key, and leaves an upload of sent parts alone', async () => {
    const bucket = await minio().makeBucket();
    const store = await openMinioStore(minio(), `s3://${bucket}`);
    const { client } = minio();
    const { etag } = await put(store, 'from', 'content');
    const begin = async (more: { readonly ChecksumAlgorithm?: 'CRC32' }): Promise<string> => {
      const begun = await client.send(
        new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'to', ...more }),
      );
      return begun.UploadId ?? '';
    };
    const left = await begin({});
    await client.send(
      new UploadPartCopyCommand({
        Bucket: bucket,
        Key: 'to',
        UploadId: left,
        PartNumber: 1,
        CopySource: `${bucket}/from`,
      }),
    );
    const sent = await begin({ ChecksumAlgorithm: 'CRC32' });
    await client.send(
      new UploadPartCommand({
        ...{ Bucket: bucket, Key: 'to', UploadId: sent, PartNumber: 1 },
        ...{ Body: 'sent', ChecksumAlgorithm: 'CRC32' },
      }),
    );
    await store.copy({ key: 'from', sizeBytes: 7, etag }, 'to', options('content', 'absent'));
    expect(await textOf(store, 'to')).toBe('content');
    const { Uploads = [] } = await client.send(
      new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: 'to' }),
    );
    expect(Uploads.map(({ UploadId }) => UploadId)).toEqual([sent]);
  });
});
