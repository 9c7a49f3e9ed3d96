/** Reading these is nice to have: how many invalidations are in progress, and whether there are cache tags. */
export const optionalActions = ['ListInvalidations', 'GetDistributionConfig'] as const;
const neededActions = ['CreateInvalidation', 'GetInvalidation'] as const;

export interface DistributionOwner {
  /** `aws`, `aws-cn`, …; partitions that AWS does not have count as `aws`. */
  readonly partition: string;
  readonly account: string;
  readonly distributionId: string;
}

/** The statement of an IAM policy that allows invalidating one distribution, and `more` with it. */
export function distributionStatement(owner: DistributionOwner, more: readonly string[]): object {
  const partition = /^aws(-[a-z]+)*$/.test(owner.partition) ? owner.partition : 'aws';
  return {
    Effect: 'Allow',
    Action: [...new Set([...neededActions, ...more])].map((name) => `cloudfront:${name}`),
    Resource: `arn:${partition}:cloudfront::${owner.account}:distribution/${owner.distributionId}`,
  };
}

/** An inline session policy that cuts a role's rights to invalidating one distribution. */
export function distributionSessionPolicy(owner: DistributionOwner): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [distributionStatement(owner, optionalActions)],
  });
}
