import type { Clock } from '@slipway/core';
import type { S3StoreOptions } from './s3/settings.ts';

export interface StoreOptions {
  /** The machine's real clock by default. */
  readonly clock?: Clock | undefined;
  /** `file://`: fail with `mirror-missing` if the directory does not exist. Otherwise the first write creates it. */
  readonly requireExisting?: boolean | undefined;
  /** `s3://`: the bucket's settings and credentials. Required for such a URL. */
  readonly s3?: S3StoreOptions | undefined;
  /** `https://` and `s3://`: called now and then with what failed and is retried. */
  readonly onRetry?: ((reason: string) => void) | undefined;
  /** `https://` and `s3://`: proxy variables as in `process.env`; no proxy by default. */
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>> | undefined;
}
