import { inspect } from 'node:util';
import { retryAfterMs } from '@slipway/http';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { S3Action } from '../../src/s3/permissions.ts';
import { refusalOf } from '../../src/s3/refusals.ts';
import { refusal } from './bucket-double.ts';

const place = { bucket: 'releases', root: 'v1/', region: 'eu-central-1' };

function refused(
  answer: { status: number; body?: string; headers?: Readonly<Record<string, string>> },
  action: S3Action = 's3:PutObject',
  at = place,
) {
  return refusalOf({ headers: {}, body: '', ...answer }, 'PUT "key"', action, at, 0);
}

describe('a refusal of S3', () => {
  test.each([
    [503, 'SlowDown', 'store-failed', true],
    [500, 'InternalError', 'store-failed', true],
    [400, 'RequestTimeout', 'store-failed', true],
    [400, 'BadDigest', 'store-failed', true],
    [400, 'XAmzContentSHA256Mismatch', 'store-failed', true],
    [429, 'TooManyRequests', 'store-failed', true],
    [408, 'no code', 'store-failed', true],
    [409, 'ConditionalRequestConflict', 'contention', true],
    [409, 'OperationAborted', 'contention', true],
    [412, 'PreconditionFailed', 'condition-failed', false],
    [404, 'NoSuchBucket', 'bucket-missing', false],
    [403, 'AccessDenied', 'access-denied', false],
    [403, 'InvalidAccessKeyId', 'credentials-refused', false],
    [403, 'SignatureDoesNotMatch', 'credentials-refused', false],
    [400, 'ExpiredToken', 'credentials-refused', false],
    [403, 'RequestTimeTooSkewed', 'credentials-refused', false],
    [400, 'InvalidToken', 'credentials-refused', false],
    [400, 'AccessControlListNotSupported', 'unexpected-response', false],
    [403, 'InvalidObjectState', 'store-failed', false],
    [507, 'XMinioStorageFull', 'quota-exceeded', false],
    [403, 'QuotaExceeded', 'quota-exceeded', false],
    [400, 'KMS.DisabledException', 'access-denied', false],
    [501, 'NotImplemented', 'unexpected-response', false],
    [400, 'InvalidStorageClass', 'unexpected-response', false],
  ])('%i %s is %s, retryable: %s', (status, s3Code, code, retryable) => {
    expect(refused({ ...refusal(status, s3Code) })).toMatchObject({ code, retryable, s3Code, status });
  });

  test.each([
    [refusal(301, 'PermanentRedirect', 'Use the other.', '<Endpoint>x</Endpoint>'), undefined],
    [{ ...refusal(301, 'PermanentRedirect'), headers: { 'x-amz-bucket-region': 'us-west-2' } }, 'us-west-2'],
    [{ status: 301, headers: { 'x-amz-bucket-region': 'us-west-2' } }, 'us-west-2'],
    [refusal(400, 'AuthorizationHeaderMalformed', 'bad', '<Region>us-west-2</Region>'), 'us-west-2'],
    [
      refusal(400, 'AuthorizationHeaderMalformed', "the region 'a' is wrong; expecting 'us-west-2'"),
      'us-west-2',
    ],
    [refusal(400, 'IllegalLocationConstraintException'), undefined],
    [refusal(400, 'AuthorizationHeaderMalformed', 'bad', '<Region>::set-output::</Region>'), undefined],
  ])('for another region names the right one if it is known: %j', (answer, region) => {
    const error = refused(answer);
    expect(error.code).toBe('region-wrong');
    if (region === undefined) expect(error.hint).toContain("bucket's properties");
    else expect(error.hint).toBe(`Set the region to ${region}.`);
  });

  test('names the statement that a policy lacks, in the partition of the region', () => {
    const denied = refusal(403, 'AccessDenied');
    expect(refused(denied, 's3:PutObject').hint).toContain(
      '{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::releases/v1/*"}',
    );
    expect(refused(denied, 's3:ListBucket').hint).toContain('"Resource":"arn:aws:s3:::releases"}');
    expect(refused(denied, 's3:DeleteObject', { ...place, region: 'cn-north-1' }).hint).toContain(
      'arn:aws-cn:s3',
    );
    expect(refused(denied, 's3:GetObject', { ...place, region: 'us-gov-west-1' }).hint).toContain(
      'arn:aws-us-gov:s3',
    );
    expect(refused(denied, 's3:GetObject').hint).toMatch(/"s3:ListBucket".*also answers 403/);
  });

  test("believes AWS's message about what is missing", () => {
    const words = (action: string, why = 'because no identity-based policy allows it') =>
      refusal(
        403,
        'AccessDenied',
        `User: arn:aws:iam::1:role/r is not authorized to perform: ${action} on resource: x ${why}`,
      );
    expect(refused(words('s3:PutObjectTagging')).hint).toContain('"Action":"s3:PutObjectTagging"');
    expect(refused(words('kms:GenerateDataKey')).hint).toContain("the bucket's KMS key");
    expect(refused(words('s3:PutObject', 'with an explicit deny in a resource-based policy')).hint).toContain(
      'explicitly',
    );
    expect(refused(refusal(400, 'KMS.NotFoundException')).hint).toContain('kms:GenerateDataKey');
  });

  test('waits as long as the server asks for', () => {
    expect(refused({ ...refusal(503, 'SlowDown'), headers: { 'retry-after': '7' } }).retryAfterMs).toBe(7000);
    expect(retryAfterMs('Thu, 01 Jan 1970 00:00:09 GMT', 4000)).toBe(5000);
  });

  test('I8: any answer becomes a Slipway error that is safe to print', () => {
    const body = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(
          fc.constantFrom(
            '<Error>',
            '<Code>',
            '</Code>',
            '<Message>',
            '</Message>',
            '<Region>',
            '</Region>',
            '::error::',
            '\n',
            'SlowDown',
            '&lt;',
            '&#x27;',
            '&amp;',
            '##[x',
            'a',
          ),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), body, (status, text) => {
        const error = refused({ status, body: text });
        expect(error.message).not.toMatch(/[\n\r\u0000]|::error|##\[/);
        expect(error.message.length).toBeLessThan(1500);
        expect(inspect(error.hint)).not.toContain('::error');
      }),
      { numRuns: 1000 },
    );
  });
});
