import type { InvalidationTarget } from '@slipway/aws';
import { encodeKey } from '@slipway/core';
import { everyPath, isSettled, type PendingPublish, pathDigest } from '@slipway/pending-invalidations';

/** What a destination remembers of its publishes, when it was read, and what is invalidated now, as publishes name it. */
export interface Pending {
  readonly publishes: readonly PendingPublish[];
  readonly readAtMs: number;
  readonly asked: readonly InvalidationTarget[];
}

/** Once all before it has succeeded: what the destination need not remember any more, of these publishes. */
export interface ForgetStep {
  readonly kind: 'forget-proven';
  readonly publishes: readonly PendingPublish[];
  readonly readAtMs: number;
  readonly paths: readonly string[];
  readonly digests: readonly string[];
}

/**
 * How many paths are pending of which the destination has digests alone, and no target is the path: their publishes have ended,
 * and nobody else will name them before one of them runs again.
 */
export function unnamedDigests({ publishes, readAtMs, asked }: Pending): number {
  const isNamed = namedBy(asked);
  const settled = publishes.filter((publish) => isSettled(publish, readAtMs));
  return settled.flatMap(({ digests }) => digests).filter((digest) => !isNamed(digest)).length;
}

/** Whether one of the targets is the path of a digest, or all are. */
function namedBy(asked: readonly InvalidationTarget[]): (digest: string) => boolean {
  const spelled = new Set(asked.map(spelledAsKey));
  const digests = new Set([...spelled].map(pathDigest));
  return (digest) => spelled.has(everyPath) || digests.has(digest);
}

/** What of the pending paths a run has proven when all of it succeeds: none or one step. Its own paths are all covered. */
export function forgetting({ publishes, readAtMs, asked }: Pending): readonly ForgetStep[] {
  const settled = publishes.filter((publish) => isSettled(publish, readAtMs));
  const paths = settled.flatMap((publish) => publish.paths);
  const digests = settled.flatMap((publish) => publish.digests).filter(namedBy(asked));
  if (paths.length + digests.length === 0) return [];
  return [{ kind: 'forget-proven', publishes: settled, readAtMs, paths, digests }];
}

/**
 * What tells one state of the destination from another, for `CallerReference`: an invalidation that was made for a publish that
 * was complete then reaches all of it; one that was made while a publish was at work must not be taken for one after it.
 */
export function pendingReference({ publishes }: Pending, runReference: string): string {
  if (publishes.length === 0) return '';
  const ids = publishes.map(({ id }) => id).sort();
  const isAtWork = publishes.some(({ isComplete }) => !isComplete);
  return ` after ${ids.join(' ')}${isAtWork ? ` in run ${runReference}` : ''}`;
}

/** A target as publishes spell paths. */
function spelledAsKey({ kind, name }: InvalidationTarget): string {
  return `${encodeKey(name)}${kind === 'prefix' ? '*' : ''}`;
}
