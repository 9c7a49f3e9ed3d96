import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { AwsCredentials, AwsCredentialsSource } from '@slipway/core';

/** Objects of a bucket, written and read by AWS's own client with the given credentials. */
export interface S3Objects {
  write(key: string, body: string | Uint8Array): Promise<void>;
  /** Throws `NoSuchKey` or `AccessDenied` as the server says. */
  read(key: string): Promise<string>;
  /** Keys of the bucket that begin with `prefix`, if given; at most one page. */
  list(prefix?: string): Promise<readonly string[]>;
  remove(key: string): Promise<void>;
  close(): void;
}

export function s3Objects(
  place: { readonly url: string; readonly bucket: string },
  credentials: AwsCredentials | AwsCredentialsSource,
): S3Objects {
  const source = typeof credentials === 'function' ? credentials : async () => credentials;
  const client = new S3Client({
    region: 'us-east-1',
    endpoint: place.url,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken, expiresAtMs } = await source();
      return {
        accessKeyId,
        secretAccessKey,
        ...(sessionToken === undefined ? {} : { sessionToken }),
        ...(expiresAtMs === undefined ? {} : { expiration: new Date(expiresAtMs) }),
      };
    },
  });
  return {
    async write(key, body) {
      await client.send(new PutObjectCommand({ Bucket: place.bucket, Key: key, Body: body }));
    },
    async read(key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: place.bucket, Key: key }));
      return (await Body?.transformToString()) ?? '';
    },
    async list(prefix) {
      const { Contents = [] } = await client.send(
        new ListObjectsV2Command({
          Bucket: place.bucket,
          ...(prefix === undefined ? {} : { Prefix: prefix }),
        }),
      );
      return Contents.flatMap(({ Key }) => Key ?? []);
    },
    async remove(key) {
      await client.send(new DeleteObjectCommand({ Bucket: place.bucket, Key: key }));
    },
    close: () => client.destroy(),
  };
}
