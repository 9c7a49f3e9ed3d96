export interface RoleArn {
  /** `aws`, `aws-us-gov`, `aws-cn`, or what a server of another make calls itself, such as `minio`. */
  readonly partition: string;
  /** Twelve digits; servers of another make have none. */
  readonly accountId: string | undefined;
  /** The name of the role, with its path. */
  readonly role: string;
}

// Some servers leave the account empty (MinIO), some leave out even its colon (SeaweedFS).
const roleArnPattern =
  /^arn:(?<partition>[a-z][a-z0-9-]{0,31}):iam:[a-z0-9-]{0,32}:(?:(?<accountId>\d{12})?:)?role\/(?<role>[\w+=,.@/-]{1,576})$/;

/** Takes a role's ARN apart; undefined for what cannot be one. */
export function parseRoleArn(text: string): RoleArn | undefined {
  const { partition, accountId, role } = roleArnPattern.exec(text)?.groups ?? {};
  return partition === undefined || role === undefined ? undefined : { partition, accountId, role };
}

/** The account of any ARN, if it has one. */
export function accountOfArn(arn: string): string | undefined {
  return /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(arn)?.[1];
}

/** Whom GitHub's token is for where nothing else is said: what AWS's own action asks for. */
export function defaultAudience(role: Pick<RoleArn, 'partition'>): string {
  return role.partition === 'aws-cn' ? 'sts.amazonaws.com.cn' : 'sts.amazonaws.com';
}

/** Whether a text is the ARN of a role, of any partition or make of server. */
export function isRoleArn(text: string): boolean {
  return parseRoleArn(text) !== undefined;
}
