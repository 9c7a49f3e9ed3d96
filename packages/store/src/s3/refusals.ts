import { printable, RemoteError, type RemoteErrorCode, sentences } from '@slipway/core';
import { retryAfterMs } from '@slipway/http';
import { missingPermission, type S3Action, type S3Place } from './permissions.ts';
import { parseXml, textOf, type XmlElement } from './xml.ts';

/** An S3 answer that is not a success. */
export interface RefusalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** XML, or empty as after HEAD. */
  readonly body: string;
}

/** S3 refused; `s3Code` is its error code, `status` the HTTP status. */
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
  hint: 'Run again later. If it fails again, check the status page of AWS, or ask the administrator of the server.',
};
const credentialsHint = 'Use a role or current keys of an account that may use the bucket.';

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
  // The bytes were damaged or cut in transit.
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

/** Explains an unsuccessful answer to the person running the workflow. `what` describes the request. */
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
  const shownCode = `${status} ${printable(s3Code, 60)}`;
  if (s3Code === 'NoSuchBucket') {
    return {
      code: 'bucket-missing',
      why: `there is no bucket "${place.bucket}" (${shownCode})`,
      hint: 'Check the name of the bucket and the endpoint; Slipway does not create buckets.',
    };
  }
  if (s3Code === 'PreconditionFailed' || status === 412) {
    return { code: 'condition-failed', why: `the object has changed since it was read (${shownCode})` };
  }
  if (s3Code === 'ConditionalRequestConflict' || status === 409) {
    return {
      ...retryLater,
      code: 'contention',
      why: `another write to the same key was under way (${shownCode})`,
    };
  }
  const region = otherRegion(answer, document, s3Code, words);
  if (region !== undefined) return regionWrong(region, shownCode, place);
  if (refusedCredentials.has(s3Code)) {
    return {
      code: 'credentials-refused',
      why: `the credentials were refused (${shownCode})`,
      hint: credentialsHint,
    };
  }
  if (s3Code === 'RequestTimeTooSkewed') {
    return {
      code: 'credentials-refused',
      why: `the clocks of this machine and the server differ too much, even after correction (${shownCode})`,
      hint: 'Set the clock of this machine.',
    };
  }
  if (s3Code.includes('QuotaExceeded') || s3Code === 'XMinioStorageFull' || status === 507) {
    return {
      code: 'quota-exceeded',
      why: `the bucket or the server is full (${shownCode})`,
      hint: 'Free space or raise the quota.',
    };
  }
  if (s3Code === 'InvalidObjectState') {
    return {
      code: 'store-failed',
      why: `the object is archived (${shownCode})`,
      hint: 'Restore it from the archive first.',
    };
  }
  if (s3Code === 'AccessControlListNotSupported') {
    return {
      code: 'unexpected-response',
      why: `the bucket does not accept ACLs (${shownCode})`,
      hint: 'Leave out the ACL: the bucket policy decides who may read.',
    };
  }
  if (s3Code.startsWith('KMS.') || status === 401 || status === 403) {
    return {
      code: 'access-denied',
      why: `it was refused (${shownCode})`,
      hint: missingPermission(action, place, s3Code.startsWith('KMS.') ? kmsWords : words),
    };
  }
  if (transientCodes.has(s3Code) || status === 408 || status === 429 || (status >= 500 && status !== 501)) {
    return { ...retryLater, why: `the server failed temporarily (${shownCode})` };
  }
  return {
    code: 'unexpected-response',
    why: `the server answered ${shownCode}`,
    hint: 'Check the endpoint; servers other than AWS may not support this request.',
  };
}

const kmsWords = 'not authorized to perform: kms:GenerateDataKey';

/** The region where the answer says the bucket is; empty if it is another, unnamed one. */
function otherRegion(
  answer: RefusalAnswer,
  document: XmlElement | undefined,
  s3Code: string,
  words: string,
): string | undefined {
  const region =
    headerText(answer.headers['x-amz-bucket-region']) ??
    textOf(document, 'Region') ??
    /expecting '([a-z0-9-]{1,64})'/.exec(words)?.[1];
  switch (s3Code) {
    case 'PermanentRedirect':
    case 'TemporaryRedirect':
    case 'IllegalLocationConstraintException':
    case 'AuthorizationHeaderMalformed':
    case 'InvalidRegion':
      return region ?? '';
    default:
      return answer.status === 301 || answer.status === 307 ? (region ?? '') : undefined;
  }
}

function regionWrong(right: string, shownCode: string, { bucket, region }: S3Place): Meaning {
  const isName = /^[a-z0-9-]{1,64}$/.test(right);
  return {
    code: 'region-wrong',
    why: `the bucket "${bucket}" is not in the region ${region}${isName ? `, but in ${right}` : ''} (${shownCode})`,
    hint: isName ? `Set the region to ${right}.` : "Set the region shown in the bucket's properties.",
  };
}

function headerText(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** HEAD answers have no body with details. */
function codeOfStatus(status: number): string {
  return { 404: 'NoSuchKey', 412: 'PreconditionFailed', 503: 'ServiceUnavailable' }[status] ?? 'no code';
}
