import { hash } from 'node:crypto';

/** What CloudFront has in progress at once for a distribution, tags counting as paths; the two are independent. */
export const maxPathsInProgress = 3000;
export const maxWildcardsInProgress = 15;

/** The paths and `#tags` of one invalidation. */
export type InvalidationBatch = readonly string[];

/** The paths in as few invalidations as CloudFront's limits allow, each of which it can take when nothing else is in progress. */
export function inBatches(paths: readonly string[]): readonly InvalidationBatch[] {
  const wildcards = paths.filter(isWildcard);
  const others = paths.filter((path) => !isWildcard(path));
  const count = Math.max(
    Math.ceil(wildcards.length / maxWildcardsInProgress),
    Math.ceil(others.length / maxPathsInProgress),
  );
  return Array.from({ length: count }, (_, index) => [
    ...others.slice(index * maxPathsInProgress, (index + 1) * maxPathsInProgress),
    ...wildcards.slice(index * maxWildcardsInProgress, (index + 1) * maxWildcardsInProgress),
  ]);
}

/** Whether CloudFront counts a path as a wildcard. A tag may end in `*` without being one. */
export function isWildcard(path: string): boolean {
  return path.startsWith('/') && path.endsWith('*');
}

/**
 * The `CallerReference` of a batch: the same for the same paths in any order, `publish` and `attempt`, different for any
 * other. To CloudFront the same reference with the same paths is the invalidation that it has already, done or not, so
 * `publish` must differ whenever what is published does. `attempt` starts at 1.
 */
export function callerReference(batch: InvalidationBatch, publish: string, attempt: number): string {
  const content = JSON.stringify([publish, [...batch].sort()]);
  return `slipway-${hash('sha256', content)}${attempt === 1 ? '' : `-${attempt}`}`;
}
