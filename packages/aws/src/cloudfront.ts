import type { CloudFrontClient, Invalidation as SdkInvalidation } from '@aws-sdk/client-cloudfront';
import { type AwsCredentialsSource, RemoteError } from '@slipway/core';
import { HttpClient, sdkRequestHandler } from '@slipway/http';
import type { InvalidationBatch } from './cloudfront-batches.ts';
import { explainRefusal } from './cloudfront-errors.ts';

const idleMs = 60_000;
const timeoutMs = 90_000;
const maxConnections = 8;
/** More than that many invalidations cannot be in progress at once. */
const listedAtOnce = 100;

export interface Invalidation {
  readonly id: string;
  /** `InProgress` or `Completed`. */
  readonly status: string;
  readonly createdAtMs: number;
}

/** The control plane of one distribution. */
export interface CloudFront {
  /**
   * Makes an invalidation, or gives the one that was made with this reference and these paths before. Safe to repeat. Throws
   * `UserError` `input-invalid` for what CloudFront will never take, and `RemoteError` `access-denied`,
   * `credentials-refused`, `quota-exceeded` (retryable: too many in progress), `store-failed`, `timed-out` or `unreachable`.
   */
  create(batch: InvalidationBatch, callerReference: string): Promise<Invalidation>;
  get(id: string): Promise<Invalidation>;
  /** How many of the latest hundred invalidations are in progress; undefined when that may not be listed. */
  countInProgress(): Promise<number | undefined>;
  /**
   * From which of the origin's headers cache tags are read: `none` when the distribution ignores them, undefined when its
   * configuration may not be read.
   */
  cacheTagHeader(): Promise<string | undefined>;
  close(): void;
}

export interface CloudFrontOptions {
  readonly distributionId: string;
  readonly credentials: AwsCredentialsSource;
  /** CloudFront is one for all regions of a partition: this chooses the partition. `us-east-1` when not given. */
  readonly region?: string | undefined;
  /** For servers that speak CloudFront's protocol. */
  readonly endpointUrl?: string | undefined;
  /** Proxy variables as in `process.env`; no proxy when not given. */
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Opens the control plane of a distribution; nothing is sent yet. The SDK is loaded only here. */
export async function openCloudFront(options: CloudFrontOptions): Promise<CloudFront> {
  const sdk = await import('@aws-sdk/client-cloudfront');
  const { distributionId, credentials, proxyEnvironment } = options;
  const http = new HttpClient({ idleMs, maxConnections, proxyEnvironment });
  const client: CloudFrontClient = new sdk.CloudFrontClient({
    region: options.region ?? 'us-east-1',
    ...(options.endpointUrl === undefined ? {} : { endpoint: options.endpointUrl }),
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken, expiresAtMs } = await credentials();
      return {
        accessKeyId,
        secretAccessKey,
        ...(sessionToken === undefined ? {} : { sessionToken }),
        ...(expiresAtMs === undefined ? {} : { expiration: new Date(expiresAtMs) }),
      };
    },
    // What may be repeated, and for how long, is decided by the caller, who can say what it waits for.
    maxAttempts: 1,
    requestHandler: sdkRequestHandler(http, {
      what: `CloudFront, distribution ${distributionId}`,
      timeoutMs,
    }),
  });
  const sending = async <Answer>(action: string, send: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await send();
    } catch (error) {
      throw explainRefusal(error, { action, distributionId });
    }
  };
  /** Undefined instead of "access denied", for what is nice to know. */
  const unlessDenied = async <Answer>(answer: Promise<Answer>): Promise<Answer | undefined> => {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof RemoteError && error.code === 'access-denied') return undefined;
      throw error;
    }
  };
  return {
    async create(batch, callerReference) {
      const command = new sdk.CreateInvalidationCommand({
        DistributionId: distributionId,
        InvalidationBatch: {
          CallerReference: callerReference,
          Paths: { Quantity: batch.length, Items: [...batch] },
        },
      });
      const answer = await sending('CreateInvalidation', () => client.send(command));
      return understood(answer.Invalidation, 'CreateInvalidation');
    },
    async get(id) {
      const command = new sdk.GetInvalidationCommand({ DistributionId: distributionId, Id: id });
      const answer = await sending('GetInvalidation', () => client.send(command));
      return understood(answer.Invalidation, 'GetInvalidation');
    },
    async countInProgress() {
      const command = new sdk.ListInvalidationsCommand({
        DistributionId: distributionId,
        MaxItems: listedAtOnce,
      });
      const answer = await unlessDenied(sending('ListInvalidations', () => client.send(command)));
      return answer?.InvalidationList?.Items?.filter(({ Status }) => Status === 'InProgress').length;
    },
    async cacheTagHeader() {
      const command = new sdk.GetDistributionConfigCommand({ Id: distributionId });
      const answer = await unlessDenied(sending('GetDistributionConfig', () => client.send(command)));
      if (answer === undefined) return undefined;
      return answer.DistributionConfig?.CacheTagConfig?.HeaderName ?? 'none';
    },
    close: () => client.destroy(),
  };
}

/** What an answer says, when it is what CloudFront would say: it goes into logs and outputs. */
function understood(answer: SdkInvalidation | undefined, action: string): Invalidation {
  const { Id: id = '', Status: status = '', CreateTime: createdAt } = answer ?? {};
  if (/^\w{1,64}$/.test(id) && /^[A-Za-z]{1,32}$/.test(status)) {
    return { id, status, createdAtMs: createdAt?.getTime() ?? Number.NaN };
  }
  throw new RemoteError('unexpected-response', `${action}: the answer names no invalidation.`, {
    hint: 'Check endpoint-url; without it the request goes to AWS.',
  });
}
