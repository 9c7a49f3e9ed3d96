import type { AwsCredentialsSource, Clock, Environment } from '@slipway/core';

export interface StoreOptions {
  /** The real clock of this machine when not given. */
  readonly clock?: Clock | undefined;
  /** `file://`: opening fails with `mirror-missing` unless the directory is there. Otherwise the first write makes it. */
  readonly requireExisting?: boolean | undefined;
  /** `https://`: `HTTPS_PROXY`, `NO_PROXY` and the like, as in `process.env`. No proxy is used when not given. */
  readonly proxyEnvironment?: Environment | undefined;
  /** `s3://`: which S3 is meant, and as whom. */
  readonly s3?: S3Access | undefined;
}

export interface S3Access {
  readonly settings: S3Settings;
  readonly credentials: AwsCredentialsSource;
}

/** Everything about an S3 store but its credentials, as plain data that crosses into worker threads. */
export interface S3Settings {
  readonly region: string;
  readonly endpointUrl?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
  readonly acl?: string | undefined;
  readonly storageClass?: string | undefined;
  readonly encryption?:
    | { readonly algorithm: 'AES256' | 'aws:kms' | 'aws:kms:dsse'; readonly kmsKeyId?: string | undefined }
    | undefined;
  readonly partSizeBytes?: number | undefined;
  readonly concurrency?: number | undefined;
}
