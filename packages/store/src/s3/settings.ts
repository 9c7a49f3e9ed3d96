import { type AwsCredentialsSource, parseEndpoint, printable, UserError } from '@slipway/core';

/** How to access an S3 bucket: plain data, so that it can be sent to worker threads. Contains no secrets. */
export interface S3Settings {
  readonly region: string;
  /** A server other than AWS: `https://`, or `http://` on this machine. */
  readonly endpointUrl?: string | undefined;
  /** Put the bucket in the path instead of the host name, as most servers other than AWS require. */
  readonly forcePathStyle?: boolean | undefined;
  /** A canned ACL; none by default, because most buckets refuse them. */
  readonly acl?: string | undefined;
  readonly storageClass?: string | undefined;
  readonly encryption?: S3Encryption | undefined;
  /** Larger files are sent in parts of this size: 16 MiB by default. */
  readonly partSizeBytes?: number | undefined;
  /** How many parts may be in memory and in transit at once: 8 by default. */
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
  /** Accept keys that end in a slash: `simple/torch/` is then an object, which a bucket serves at that very URL. */
  readonly slashKeys?: boolean | undefined;
}

export const minPartBytes = 5 * 2 ** 20;
export const maxPartBytes = 5 * 2 ** 30;
export const maxParts = 10_000;
const maxConcurrency = 256;

export interface S3Tuning {
  readonly partSizeBytes: number;
  readonly concurrency: number;
}

/** Checks all settings before any request. Throws `UserError` `input-invalid` with every problem. */
export function checkedTuning(settings: S3Settings): S3Tuning {
  const { partSizeBytes = 16 * 2 ** 20, concurrency = 8, encryption } = settings;
  const problems: string[] = [];
  if (!/^[a-z0-9-]{1,64}$/i.test(settings.region)) {
    problems.push(`"${printable(settings.region)}" is not a region: write one like eu-central-1`);
  }
  if (settings.endpointUrl !== undefined) problems.push(...endpointProblems(settings.endpointUrl));
  if (!Number.isSafeInteger(partSizeBytes) || partSizeBytes < minPartBytes || partSizeBytes > maxPartBytes) {
    problems.push(
      `a part size of ${partSizeBytes} bytes is not possible: S3 accepts parts of 5 MiB to 5 GiB`,
    );
  }
  if (!Number.isSafeInteger(concurrency) || concurrency < 1 || concurrency > maxConcurrency) {
    problems.push(`a concurrency of ${concurrency} is not possible: it must be from 1 to ${maxConcurrency}`);
  }
  if (encryption?.kmsKeyId !== undefined && encryption.algorithm === 'AES256') {
    problems.push('a KMS key needs the encryption aws:kms or aws:kms:dsse, not AES256');
  }
  for (const [name, value] of Object.entries({
    ACL: settings.acl,
    'storage class': settings.storageClass,
    'KMS key': encryption?.kmsKeyId,
  })) {
    if (value !== undefined && !/^[\x21-\x7e]{1,2048}$/.test(value)) {
      problems.push(`"${printable(value)}" is not a valid ${name}`);
    }
  }
  if (problems.length > 0) {
    throw new UserError('input-invalid', `The settings for S3 cannot be used: ${problems.join('; ')}.`);
  }
  return { partSizeBytes, concurrency };
}

function endpointProblems(endpointUrl: string): string[] {
  try {
    parseEndpoint(endpointUrl);
    return [];
  } catch (error) {
    // Without the text: it may be a secret given to the wrong input.
    return [`the endpoint URL cannot be used: ${error instanceof Error ? error.message : String(error)}`];
  }
}
