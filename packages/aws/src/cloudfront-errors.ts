import { printable, RemoteError, SlipwayError, UserError, withDetails } from '@slipway/core';
import { distributionStatement } from './cloudfront-policy.ts';

export interface RefusedRequest {
  /** As IAM names it, without the service: `CreateInvalidation`. */
  readonly action: string;
  readonly distributionId: string;
}

/** What an SDK error may contain. */
interface Refusal {
  readonly name: string;
  readonly words: string;
  readonly status: number | undefined;
}

const laterHint = 'Run again later; the AWS Health Dashboard shows whether CloudFront has a problem.';

/** Explains a failed request to CloudFront, and whether it may succeed later. Treats the service's message as untrusted text. */
export function explainRefusal(error: unknown, request: RefusedRequest): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const refusal = refusalOf(error);
  const { name, words, status } = refusal;
  const what = `${request.action} of distribution ${request.distributionId}`;
  const said = withDetails(`${what}: ${printable(words)}`, printable(name, 100));
  if (status === undefined) {
    return new RemoteError('unexpected-response', `${what}: the answer cannot be read.`, {
      hint: 'Check endpoint-url; without it the request goes to AWS.',
      cause: error,
    });
  }
  if (name === 'TooManyInvalidationsInProgress') {
    return new RemoteError('quota-exceeded', `${what}: too many invalidations are in progress.`, {
      hint: 'CloudFront allows 3,000 paths and 15 wildcards at once: run again later, or lower max-paths.',
      retryable: true,
      cause: error,
    });
  }
  if (/^(Throttling|TooManyRequests|RequestLimitExceeded|SlowDown)/.test(name) || status === 429) {
    return new RemoteError('store-failed', said, { hint: laterHint, retryable: true, cause: error });
  }
  if (status >= 500) {
    return new RemoteError('store-failed', `${what}: CloudFront failed (${status}).`, {
      hint: laterHint,
      retryable: true,
      cause: error,
    });
  }
  if (isAboutCredentials(name)) {
    return new RemoteError('credentials-refused', said, {
      hint: 'Check the role or the keys, and the clock of this machine.',
      cause: error,
    });
  }
  if (status === 403) {
    return new RemoteError('access-denied', `${what} is denied: ${printable(words)}`, {
      hint: `Add to the policy of the role: ${statement(refusal, request)}`,
      cause: error,
    });
  }
  return refusedForGood(refusal, what, said, error);
}

function refusedForGood({ name, status }: Refusal, what: string, said: string, cause: unknown): SlipwayError {
  switch (name) {
    case 'NoSuchDistribution':
      return new UserError('input-invalid', `${what}: this account has no such distribution.`, {
        hint: 'Check distribution-id, and that the role belongs to the account that owns the distribution.',
        cause,
      });
    case 'InvalidationBatchAlreadyExists':
      return new UserError('input-invalid', `${what}: the reference was already used for other paths.`, {
        hint: 'Set another reference.',
        cause,
      });
    case 'BatchTooLarge':
      return new UserError('input-invalid', said, { hint: 'Lower max-paths.', cause });
    case 'InvalidArgument':
    case 'InconsistentQuantities':
      return new UserError('input-invalid', said, {
        hint: 'The report lists the paths as sent; leave out those that CloudFront does not accept, or cover them with a wildcard.',
        cause,
      });
    default:
      return new RemoteError('unexpected-response', `${said}, with status ${status}`, { cause });
  }
}

/** The statement that allows this action on this distribution only. */
function statement({ words }: Refusal, { distributionId, action }: RefusedRequest): string {
  const [, partition = 'aws', account = 'ACCOUNT'] =
    /arn:(aws[a-z-]{0,20}):(?:iam|sts|cloudfront)::(\d{12}):/.exec(words) ?? [];
  return JSON.stringify(distributionStatement({ partition, account, distributionId }, [action]));
}

function isAboutCredentials(name: string): boolean {
  return /^(InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|IncompleteSignature|MissingAuthenticationToken|ExpiredToken|InvalidAccessKeyId|RequestExpired)/.test(
    name,
  );
}

function refusalOf(error: unknown): Refusal {
  if (!(error instanceof Error)) return { name: 'unknown', words: String(error), status: undefined };
  const metadata: unknown = '$metadata' in error ? error.$metadata : undefined;
  const status =
    typeof metadata === 'object' && metadata !== null && 'httpStatusCode' in metadata
      ? metadata.httpStatusCode
      : undefined;
  return {
    name: error.name,
    words: error.message,
    status: typeof status === 'number' ? status : undefined,
  };
}
