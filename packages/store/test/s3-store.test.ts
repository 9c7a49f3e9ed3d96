import { PutObjectCommand } from '@aws-sdk/client-s3';
import { describe } from 'vitest';
import { describeReading, describeWriting } from './contract.ts';
import { openMinioStore, useMinio, withoutMinio } from './s3-room.ts';

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
});
