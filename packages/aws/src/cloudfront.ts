import type { CloudFrontClient, Invalidation as SdkInvalidation } from '@aws-sdk/client-cloudfront';
import { type AwsCredentialsSource, RemoteError } from '@slipway/core';
import { HttpClient, sdkRequestHandler } from '@slipway/http';
import type { InvalidationBatch } from './cloudfront-batches.ts';
import { explainRefusal } from './cloudfront-errors.ts';

const idleMs = 60_000;
const timeoutMs = 90_000;
const maxConnections = 8;
/** More invalidations than this cannot be in progress at once. */
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
   * Creates an invalidation, or returns the one created with this reference and these paths. Safe to repeat. Throws `UserError`
   * `input-invalid` for what CloudFront will never accept, and `RemoteError` `access-denied`, `credentials-refused`,
   * `quota-exceeded` (retryable: too many in progress), `store-failed`, `timed-out` or `unreachable`.
   */
  create(batch: InvalidationBatch, callerReference: string): Promise<Invalidation>;
  get(id: string): Promise<Invalidation>;
  /** How many of the latest hundred invalidations are in progress; undefined without the permission to list them. */
  countInProgress(): Promise<number | undefined>;
  /**
   * The origin header that cache tags are read from: `none` if the distribution ignores them, undefined without the permission to
   * read its configuration.
   */
  cacheTagHeader(): Promise<string | undefined>;
  close(): void;
}

export interface CloudFrontOptions {
  readonly distributionId: string;
  readonly credentials: AwsCredentialsSource;
  /** Chooses the partition; CloudFront has one endpoint per partition. `us-east-1` by default. */
  readonly region?: string | undefined;
  /** For servers that speak CloudFront's protocol. */
  readonly endpointUrl?: string | undefined;
  /** Proxy variables as in `process.env`; no proxy by default. */
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Opens the control plane of a distribution without sending anything. The SDK is loaded only here. */
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
    // The caller decides about retries: it can report what it waits for.
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
  /** Undefined instead of "access denied", for optional permissions. */
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

/** The content of an answer, checked for plausibility: it goes into logs and outputs. */
function understood(answer: SdkInvalidation | undefined, action: string): Invalidation {
  const { Id: id = '', Status: status = '', CreateTime: createdAt } = answer ?? {};
  if (/^\w{1,64}$/.test(id) && /^[A-Za-z]{1,32}$/.test(status)) {
    return { id, status, createdAtMs: createdAt?.getTime() ?? Number.NaN };
  }
  throw new RemoteError('unexpected-response', `${action}: the answer names no invalidation.`, {
    hint: 'Check endpoint-url; without it the request goes to AWS.',
  });
}
