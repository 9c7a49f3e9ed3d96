import type { Clock } from '@slipway/core';
import type { S3StoreOptions } from './s3/settings.ts';

export interface StoreOptions {
  /** The real clock of this machine when not given. */
  readonly clock?: Clock | undefined;
  /** `file://`: opening fails with `mirror-missing` unless the directory is there. Otherwise the first write makes it. */
  readonly requireExisting?: boolean | undefined;
  /** `s3://`: how to speak to the bucket, and as whom. Required for such a URL. */
  readonly s3?: S3StoreOptions | undefined;
  /** `https://` and `s3://`: told, now and then, what failed and is tried again. */
  readonly onRetry?: ((reason: string) => void) | undefined;
  /** `https://` and `s3://`: `HTTPS_PROXY`, `NO_PROXY` and the like, as in `process.env`. No proxy is used when not given. */
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>> | undefined;
}
