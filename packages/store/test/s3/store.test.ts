// Slow: about 40 s.
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { describeReading, describeWriting } from '../contract.ts';
import { textOf } from '../objects.ts';
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
