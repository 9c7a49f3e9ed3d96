import { UserError } from '@slipway/core';

/** The part of a bucket that is used, and how. */
export interface PolicyScope {
  /** From the role's ARN; other servers' partitions count as `aws`. */
  readonly partition: string;
  readonly bucket: string;
  /** A key without a trailing slash, or empty for the whole bucket. */
  readonly prefix: string;
  readonly access: 'read' | 'write';
  /** Whether objects get ACLs. */
  readonly acl?: boolean | undefined;
}

/** The limit of STS. */
const maxPolicyCharacters = 2_048;

/**
 * A minified inline session policy that limits a role to one prefix of one bucket: listing and reading it, and for `write` storing
 * and removing objects, also in parts. It never grants more than the role has. Throws `UserError` `input-invalid` if the prefix is
 * too long to fit.
 */
export function scopedSessionPolicy(scope: PolicyScope): string {
  const ours = /^aws(-[a-z]+)*$/.test(scope.partition);
  const bucketArn = `arn:${ours ? scope.partition : 'aws'}:s3:::${scope.bucket}`;
  const pattern = scope.prefix === '' ? '*' : `${literal(scope.prefix)}/*`;
  const writes = scope.access === 'write';
  const statements = [
    ...listStatements(writes, bucketArn, scope.prefix === '' ? undefined : pattern),
    {
      Effect: 'Allow',
      Action: objectActions(writes, scope.acl === true),
      Resource: `${bucketArn}/${pattern}`,
    },
    ...(ours ? [kmsStatement(writes)] : []),
  ];
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  if (policy.length <= maxPolicyCharacters) return policy;
  throw new UserError(
    'input-invalid',
    `session-policy: scoped needs ${policy.length.toLocaleString('en-US')} characters for this prefix, but STS accepts ${maxPolicyCharacters.toLocaleString('en-US')}`,
    { hint: 'Set session-policy: none, or use a shorter prefix.' },
  );
}

/**
 * Allows listing the prefix. S3 answers 404 instead of 403 for a missing object only with the permission to list, checked without a
 * prefix: a second statement grants that. It also reveals the names in the whole bucket, but no content.
 */
function listStatements(writes: boolean, bucketArn: string, pattern: string | undefined) {
  const bucketStatement = (action: string) => ({ Effect: 'Allow', Action: [action], Resource: bucketArn });
  const list = bucketStatement('s3:ListBucket');
  return [
    ...(pattern === undefined
      ? [list]
      : [
          { ...list, Condition: { StringLike: { 's3:prefix': pattern } } },
          // Not `StringLikeIfExists`, which would combine both: other servers do not support it.
          { ...list, Condition: { Null: { 's3:prefix': 'true' } } },
        ]),
    // It supports no condition on the prefix.
    ...(writes ? [bucketStatement('s3:ListBucketMultipartUploads')] : []),
  ];
}

function objectActions(writes: boolean, acl: boolean): readonly string[] {
  if (!writes) return ['s3:GetObject'];
  return [
    's3:GetObject',
    's3:PutObject',
    's3:DeleteObject',
    's3:AbortMultipartUpload',
    's3:ListMultipartUploadParts',
    ...(acl ? ['s3:PutObjectAcl'] : []),
  ];
}

/** Buckets may be encrypted with a KMS key, which S3 then uses on behalf of the reader or writer. */
function kmsStatement(writes: boolean) {
  return {
    Effect: 'Allow',
    Action: writes ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:Decrypt'],
    Resource: '*',
    Condition: { StringLike: { 'kms:ViaService': 's3.*' } },
  };
}

/** Escapes characters that are special in IAM patterns. */
function literal(text: string): string {
  return text.replaceAll(/[*?$]/g, (character) => `\${${character}}`);
}
