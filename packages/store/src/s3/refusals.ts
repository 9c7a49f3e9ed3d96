import { printable, RemoteError, type RemoteErrorCode, sentences } from '@slipway/core';
import { retryAfterMs } from '@slipway/http';
import { missingPermission, type S3Action, type S3Place } from './permissions.ts';
import { parseXml, textOf, type XmlElement } from './xml.ts';

/** An answer of S3 that is no success. */
export interface RefusalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** XML, or empty as after HEAD. */
  readonly body: string;
}

/** S3 said no; `s3Code` is its own word for why, `status` the HTTP status. */
export class S3Refusal extends RemoteError {
  readonly status: number;
  readonly s3Code: string;

  constructor(
    code: RemoteErrorCode,
    message: string,
    details: {
      readonly hint?: string | undefined;
      readonly retryable: boolean;
      readonly status: number;
      readonly s3Code: string;
      readonly retryAfterMs: number;
    },
  ) {
    super(code, message, details);
    this.status = details.status;
    this.s3Code = details.s3Code;
  }
}

interface Meaning {
  readonly code: RemoteErrorCode;
  /** What the message adds after the request's name. */
  readonly why: string;
  readonly hint?: string;
  readonly retryable?: true;
}

const retryLater: Omit<Meaning, 'why'> = {
  code: 'store-failed',
  retryable: true,
  hint: 'Run again later; if it stays so, look at the status page of AWS, or ask whoever runs the server.',
};
const credentialsHint =
  'Give the action a role to assume, or keys that are current, of the account that owns the bucket or may use it.';

const transientCodes: ReadonlySet<string> = new Set([
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'ServiceUnavailable',
  'InternalError',
  'RequestTimeout',
  'RequestTimeoutException',
  'ThrottlingException',
  'Throttling',
  'RequestThrottled',
  'TooManyRequests',
  'BandwidthLimitExceeded',
  'OperationAborted',
  // The bytes were damaged or cut on their way.
  'BadDigest',
  'InvalidDigest',
  'IncompleteBody',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
]);
const refusedCredentials: ReadonlySet<string> = new Set([
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidToken',
  'InvalidTokenId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'ExpiredTokenException',
  'TokenRefreshRequired',
  'NotSignedUp',
  'InvalidSecurity',
]);

/** What an answer without success means, for whoever runs the workflow. `what` is the request in words. */
export function refusalOf(
  answer: RefusalAnswer,
  what: string,
  action: S3Action,
  place: S3Place,
  nowMs: number,
): S3Refusal {
  const document = parseXml(answer.body);
  const s3Code = textOf(document, 'Code') || codeOfStatus(answer.status);
  const words = textOf(document, 'Message') ?? '';
  const { code, why, hint, retryable } = meaningOf(answer, document, s3Code, words, action, place);
  const retryAfter = answer.headers['retry-after'];
  const said = words === '' ? undefined : `The server says: "${printable(words, 300)}"`;
  return new S3Refusal(code, sentences(`${what}: ${why}`, said), {
    hint,
    retryable: retryable ?? false,
    status: answer.status,
    s3Code,
    retryAfterMs: retryAfterMs(typeof retryAfter === 'string' ? retryAfter : undefined, nowMs),
  });
}

function meaningOf(
  answer: RefusalAnswer,
  document: XmlElement | undefined,
  s3Code: string,
  words: string,
  action: S3Action,
  place: S3Place,
): Meaning {
  const { status } = answer;
  const named = `${status} ${printable(s3Code, 60)}`;
  if (s3Code === 'NoSuchBucket') {
    return {
      code: 'bucket-missing',
      why: `there is no bucket "${place.bucket}" (${named})`,
      hint: 'Check the name of the bucket and the endpoint; Slipway makes no buckets.',
    };
  }
  if (s3Code === 'PreconditionFailed' || status === 412) {
    return { code: 'condition-failed', why: `the object is not what it was when it was read (${named})` };
  }
  if (s3Code === 'ConditionalRequestConflict' || status === 409) {
    return {
      ...retryLater,
      code: 'contention',
      why: `another write to the same key was under way (${named})`,
    };
  }
  const region = otherRegion(answer, document, s3Code, words);
  if (region !== undefined) return regionWrong(region, named, place);
  if (refusedCredentials.has(s3Code)) {
    return {
      code: 'credentials-refused',
      why: `the credentials were refused (${named})`,
      hint: credentialsHint,
    };
  }
  if (s3Code === 'RequestTimeTooSkewed') {
    return {
      code: 'credentials-refused',
      why: `the clocks of this machine and the server differ too much, also after correcting (${named})`,
      hint: 'Set the clock of this machine.',
    };
  }
  if (s3Code.includes('QuotaExceeded') || s3Code === 'XMinioStorageFull' || status === 507) {
    return {
      code: 'quota-exceeded',
      why: `the bucket or the server is full (${named})`,
      hint: 'Free space or raise the quota.',
    };
  }
  if (s3Code === 'InvalidObjectState') {
    return {
      code: 'store-failed',
      why: `the object is archived (${named})`,
      hint: 'Restore it from the archive first.',
    };
  }
  if (s3Code === 'AccessControlListNotSupported') {
    return {
      code: 'unexpected-response',
      why: `the bucket takes no ACLs (${named})`,
      hint: 'Leave the ACL out: who may read is said by the bucket policy.',
    };
  }
  if (s3Code.startsWith('KMS.') || status === 401 || status === 403) {
    return {
      code: 'access-denied',
      why: `it was refused (${named})`,
      hint: missingPermission(action, place, s3Code.startsWith('KMS.') ? kmsWords : words),
    };
  }
  if (transientCodes.has(s3Code) || status === 408 || status === 429 || (status >= 500 && status !== 501)) {
    return { ...retryLater, why: `the server could not do it now (${named})` };
  }
  return {
    code: 'unexpected-response',
    why: `the server answered ${named}`,
    hint: 'Check the endpoint; a server other than AWS may not know what was asked.',
  };
}

const kmsWords = 'not authorized to perform: kms:GenerateDataKey';

/** The region an answer says the bucket is in; an empty text when it is another that is not told. */
function otherRegion(
  answer: RefusalAnswer,
  document: XmlElement | undefined,
  s3Code: string,
  words: string,
): string | undefined {
  const told =
    headerText(answer.headers['x-amz-bucket-region']) ??
    textOf(document, 'Region') ??
    /expecting '([a-z0-9-]{1,64})'/.exec(words)?.[1];
  switch (s3Code) {
    case 'PermanentRedirect':
    case 'TemporaryRedirect':
    case 'IllegalLocationConstraintException':
    case 'AuthorizationHeaderMalformed':
    case 'InvalidRegion':
      return told ?? '';
    default:
      return answer.status === 301 || answer.status === 307 ? (told ?? '') : undefined;
  }
}

function regionWrong(told: string, named: string, { bucket, region }: S3Place): Meaning {
  const isName = /^[a-z0-9-]{1,64}$/.test(told);
  return {
    code: 'region-wrong',
    why: `the bucket "${bucket}" is not in the region ${region}${isName ? `, but in ${told}` : ''} (${named})`,
    hint: isName
      ? `Set the region to ${told}.`
      : "Set the region to the bucket's own: it is in the bucket's properties.",
  };
}

function headerText(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** HEAD has no body that says more. */
function codeOfStatus(status: number): string {
  return { 404: 'NoSuchKey', 412: 'PreconditionFailed', 503: 'ServiceUnavailable' }[status] ?? 'no code';
}
