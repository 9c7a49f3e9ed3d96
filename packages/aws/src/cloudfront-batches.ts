import { hash } from 'node:crypto';

/** CloudFront's limits on what is in progress for a distribution; tags count as paths, and the two limits are independent. */
export const maxPathsInProgress = 3000;
export const maxWildcardsInProgress = 15;

/** The paths and `#tags` of one invalidation. */
export type InvalidationBatch = readonly string[];

/** Splits paths into as few invalidations as possible, each within CloudFront's limits if nothing else is in progress. */
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

/** Whether CloudFront counts a path as a wildcard. A tag may end in `*`, too, but is not one. */
export function isWildcard(path: string): boolean {
  return path.startsWith('/') && path.endsWith('*');
}

/**
 * The `CallerReference` of a batch: the same for the same paths in any order, `publish` and `attempt`, and different otherwise.
 * CloudFront answers the same reference and paths with the existing invalidation, done or not, so `publish` must change with what
 * is published. `attempt` starts at 1.
 */
export function callerReference(batch: InvalidationBatch, publish: string, attempt: number): string {
  const content = JSON.stringify([publish, [...batch].sort()]);
  return `slipway-${hash('sha256', content)}${attempt === 1 ? '' : `-${attempt}`}`;
}
