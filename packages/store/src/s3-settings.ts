import type { AwsCredentialsSource } from '@slipway/core';

/** How an S3 bucket is spoken to: plain data, so that it may cross into worker threads. Never a secret. */
export interface S3Settings {
  readonly region: string;
  readonly endpointUrl?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
  readonly acl?: string | undefined;
  readonly storageClass?: string | undefined;
  readonly encryption?: S3Encryption | undefined;
  readonly partSizeBytes?: number | undefined;
  readonly concurrency?: number | undefined;
}

export interface S3Encryption {
  readonly algorithm: 'AES256' | 'aws:kms' | 'aws:kms:dsse';
  readonly kmsKeyId?: string | undefined;
}

/** What `openStore` needs for an `s3://` URL. */
export interface S3StoreOptions {
  readonly settings: S3Settings;
  readonly credentials: AwsCredentialsSource;
}
