export interface RoleArn {
  /** `aws`, `aws-us-gov`, `aws-cn`, or the partition of another server, such as `minio`. */
  readonly partition: string;
  /** Twelve digits; other servers have none. */
  readonly accountId: string | undefined;
  /** The name of the role, with its path. */
  readonly role: string;
}

// Some servers leave the account empty (MinIO), some even omit its colon (SeaweedFS).
const roleArnPattern =
  /^arn:(?<partition>[a-z][a-z0-9-]{0,31}):iam:[a-z0-9-]{0,32}:(?:(?<accountId>\d{12})?:)?role\/(?<role>[\w+=,.@/-]{1,576})$/;

/** Parses a role's ARN; undefined if it is not one. */
export function parseRoleArn(text: string): RoleArn | undefined {
  const { partition, accountId, role } = roleArnPattern.exec(text)?.groups ?? {};
  return partition === undefined || role === undefined ? undefined : { partition, accountId, role };
}

/** The account of an ARN, if it has one. */
export function accountOfArn(arn: string): string | undefined {
  return /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(arn)?.[1];
}

/** The default audience of GitHub's tokens, as in AWS's own action. */
export function defaultAudience(role: Pick<RoleArn, 'partition'>): string {
  return role.partition === 'aws-cn' ? 'sts.amazonaws.com.cn' : 'sts.amazonaws.com';
}

/** Whether a text is the ARN of a role, in any partition, on any server. */
export function isRoleArn(text: string): boolean {
  return parseRoleArn(text) !== undefined;
}
