/** Optional permissions: counting invalidations in progress, and checking for cache tags. */
export const optionalActions = ['ListInvalidations', 'GetDistributionConfig'] as const;
const neededActions = ['CreateInvalidation', 'GetInvalidation'] as const;

export interface DistributionOwner {
  /** `aws`, `aws-cn`, …; other servers' partitions count as `aws`. */
  readonly partition: string;
  readonly account: string;
  readonly distributionId: string;
}

/** The statement of an IAM policy that allows invalidating one distribution, plus `more`. */
export function distributionStatement(owner: DistributionOwner, more: readonly string[]): object {
  const partition = /^aws(-[a-z]+)*$/.test(owner.partition) ? owner.partition : 'aws';
  return {
    Effect: 'Allow',
    Action: [...new Set([...neededActions, ...more])].map((name) => `cloudfront:${name}`),
    Resource: `arn:${partition}:cloudfront::${owner.account}:distribution/${owner.distributionId}`,
  };
}

/** An inline session policy that limits a role to invalidating one distribution. */
export function distributionSessionPolicy(owner: DistributionOwner): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [distributionStatement(owner, optionalActions)],
  });
}
