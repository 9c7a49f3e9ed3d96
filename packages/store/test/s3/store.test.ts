// Slow: about 40 s.
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/index.ts';
import { describeReading, describeWriting } from '../contract.ts';
import { keysOf, put, sha256Of, textOf } from '../objects.ts';
import { ended, startChildWith } from '../processes.ts';
import { environmentFor, openMinioStore, useMinio, withoutMinio } from './minio.ts';

describe.skipIf(withoutMinio)('an S3 store (needs minio)', () => {
  const minio = useMinio();

  describeReading('S3Store', async () => {
    const bucket = await minio().makeBucket();
    return {
      store: await openMinioStore(minio(), `s3://${bucket}/pre fix`),
      async place(key, content) {
        await minio().client.send(
          new PutObjectCommand({ Bucket: bucket, Key: `pre fix/${key}`, Body: content }),
        );
      },
    };
  });

  describeWriting('S3Store', async () => openMinioStore(minio(), `s3://${await minio().makeBucket()}`));

  test('keeps objects at keys that end in a slash, if that is asked for', async () => {
    const bucket = await minio().makeBucket();
    const strict = await openMinioStore(minio(), `s3://${bucket}/simple`);
    await expect(put(strict, 'torch/', 'page', 'any')).rejects.toMatchObject({ code: 'name-invalid' });
    const s3 = { settings: minio().settings, credentials: async () => minio().credentials, slashKeys: true };
    const store = await openStore(`s3://${bucket}/simple`, { s3 });
    await put(store, 'torch/', 'page', 'absent');
    await put(store, 'torch/index.html', 'file', 'absent');
    expect(await textOf(store, 'torch/')).toBe('page');
    expect(await keysOf(store.list(''))).toEqual(['torch/', 'torch/index.html']);
    await expect(put(store, 'torch//', 'page', 'any')).rejects.toMatchObject({ code: 'name-invalid' });
    await expect(put(store, '/', 'page', 'any')).rejects.toMatchObject({ code: 'name-invalid' });
    await store.delete('torch/');
    expect(await textOf(store, 'torch/')).toBeUndefined();
  });

  test('knows the checksum that the server keeps of a whole object, never a composite', async () => {
    const bucket = await minio().makeBucket();
    const store = await openMinioStore(minio(), `s3://${bucket}`);
    const { client } = minio();
    const body = Buffer.from('wheel');
    await client.send(
      new PutObjectCommand({ Bucket: bucket, Key: 'whole', Body: body, ChecksumAlgorithm: 'SHA256' }),
    );
    await client.send(
      new PutObjectCommand({ Bucket: bucket, Key: 'other', Body: body, ChecksumAlgorithm: 'CRC32C' }),
    );
    const upload = { Bucket: bucket, Key: 'parts', ChecksumAlgorithm: 'SHA256' } as const;
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(upload));
    const part = { Bucket: bucket, Key: 'parts', UploadId, PartNumber: 1 };
    const { ETag, ChecksumSHA256 } = await client.send(
      new UploadPartCommand({ ...part, Body: body, ChecksumAlgorithm: 'SHA256' }),
    );
    await client.send(
      new CompleteMultipartUploadCommand({
        Bucket: bucket,
        Key: 'parts',
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag, ChecksumSHA256 }] },
      }),
    );
    const checksumOf = async (key: string) => (await store.head(key, { checksum: true }))?.serverSha256;
    expect(await checksumOf('whole')).toBe(sha256Of(body));
    expect(await checksumOf('other')).toBeUndefined();
    expect(await checksumOf('parts')).toBeUndefined();
    expect((await store.head('whole'))?.serverSha256).toBeUndefined();
  });

  test('I3: keeps every compare-and-swap of 12 processes at once', async () => {
    const url = `s3://${await minio().makeBucket()}/in`;
    const environment = environmentFor(minio());
    const children = Array.from({ length: 12 }, () =>
      ended(startChildWith(environment, 'increment.ts', url, 'v3/counter', '5')),
    );
    for (const child of children) expect(await child).toMatchObject({ code: 0 });
    expect(await textOf(await openMinioStore(minio(), url), 'v3/counter')).toBe('60');
  });
});
