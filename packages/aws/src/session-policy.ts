import { UserError } from '@slipway/core';

/** What of a bucket is used, and how. */
export interface PolicyScope {
  /** Of the role's ARN; partitions that AWS does not have count as `aws`. */
  readonly partition: string;
  readonly bucket: string;
  /** A key without a slash at its end, or empty for the whole bucket. */
  readonly prefix: string;
  readonly access: 'read' | 'write';
  /** Whether objects are given ACLs. */
  readonly acl?: boolean | undefined;
}

/** STS takes no more. */
const maxPolicyCharacters = 2_048;

/**
 * An inline session policy, minified, that cuts a role's rights to one prefix of one bucket: listing and reading it, and
 * for `write` storing and removing objects, in parts too. It grants nothing that the role does not. Throws `UserError`
 * `input-invalid` when the prefix is too long to fit.
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
    `session-policy: scoped needs ${policy.length.toLocaleString('en-US')} characters for this prefix, and STS takes ${maxPolicyCharacters.toLocaleString('en-US')}`,
    { hint: 'Set session-policy: none, or use a shorter prefix.' },
  );
}

/**
 * Listing of the prefix. S3 answers 404 for a missing object, and not 403, only to who may list, and asks that without any
 * prefix: a second statement allows it. It also lets the names in the whole bucket be listed, but nothing be read.
 */
function listStatements(writes: boolean, bucketArn: string, pattern: string | undefined) {
  const bucketStatement = (action: string) => ({ Effect: 'Allow', Action: [action], Resource: bucketArn });
  const list = bucketStatement('s3:ListBucket');
  return [
    ...(pattern === undefined
      ? [list]
      : [
          { ...list, Condition: { StringLike: { 's3:prefix': pattern } } },
          // Not `StringLikeIfExists`, which would say both at once: servers other than AWS's do not know it.
          { ...list, Condition: { Null: { 's3:prefix': 'true' } } },
        ]),
    // It knows no condition on the prefix.
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

/** Buckets may encrypt with a key of KMS, which S3 then uses in the name of who reads or writes. */
function kmsStatement(writes: boolean) {
  return {
    Effect: 'Allow',
    Action: writes ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:Decrypt'],
    Resource: '*',
    Condition: { StringLike: { 'kms:ViaService': 's3.*' } },
  };
}

/** Characters that mean something in patterns of IAM, as themselves. */
function literal(text: string): string {
  return text.replaceAll(/[*?$]/g, (character) => `\${${character}}`);
}
