/** The permissions that S3 operations need (see the Service Authorization Reference). */
export type S3Action =
  | 's3:GetObject'
  | 's3:PutObject'
  | 's3:DeleteObject'
  | 's3:ListBucket'
  | 's3:ListBucketMultipartUploads'
  | 's3:ListMultipartUploadParts'
  | 's3:AbortMultipartUpload';

/** What a policy must name: a bucket and the objects below a prefix. */
export interface S3Place {
  readonly bucket: string;
  /** Empty, or with a trailing slash. */
  readonly root: string;
  readonly region: string;
}

const ofBucket: ReadonlySet<string> = new Set(['s3:ListBucket', 's3:ListBucketMultipartUploads']);
const kmsActions = 'kms:GenerateDataKey and kms:Decrypt';

/**
 * What to add to a policy to allow a refused `action`. `serverWords` is the refusal's message: AWS names the permission
 * that is really missing there, which may be another one, such as for a KMS key.
 */
export function missingPermission(action: S3Action, place: S3Place, serverWords: string): string {
  const missing = /not authorized to perform: ([a-z0-9-]{1,20}:[A-Za-z]{1,60})/.exec(serverWords)?.[1];
  if (missing?.startsWith('kms:') === true) {
    return `Allow ${kmsActions} on the bucket's KMS key, in the role's policy and in the key's own.`;
  }
  if (/explicit deny/.test(serverWords)) {
    return 'A policy denies it explicitly (a bucket policy, a session policy or an organisation policy): adding permissions does not help.';
  }
  const actions = action === 's3:GetObject' ? ['s3:GetObject', 's3:ListBucket'] : [missing ?? action];
  const statements = actions.map((name) => statementFor(name, place)).join(', ');
  const missingIs403 =
    action === 's3:GetObject' ? ' Without s3:ListBucket, S3 also answers 403 for missing objects.' : '';
  return `Add to the policy: ${statements}.${missingIs403}`;
}

function statementFor(action: string, { bucket, root, region }: S3Place): string {
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
  const arn = `arn:${partition}:s3:::${bucket}`;
  return JSON.stringify({
    Effect: 'Allow',
    Action: action,
    Resource: ofBucket.has(action) ? arn : `${arn}/${root}*`,
  });
}
