import type { InvalidationTarget } from '@slipway/aws';
import { encodeKey } from '@slipway/core';
import { everyPath, isSettled, type PendingPublish, pathDigest } from '@slipway/pending-invalidations';

/** The record of publishes in a destination, when it was read, and what is invalidated now, in the spelling of publishes. */
export interface Pending {
  readonly publishes: readonly PendingPublish[];
  readonly readAtMs: number;
  readonly asked: readonly InvalidationTarget[];
}

/** Removes paths of these publishes from the record, once all earlier steps have succeeded. */
export interface ForgetStep {
  readonly kind: 'forget-proven';
  readonly publishes: readonly PendingPublish[];
  readonly readAtMs: number;
  readonly paths: readonly string[];
  readonly digests: readonly string[];
}

/**
 * How many paths are pending only as digests that no target matches. Their publishes have ended, so nothing else names them until
 * one of those runs again.
 */
export function unnamedDigests({ publishes, readAtMs, asked }: Pending): number {
  const isNamed = namedBy(asked);
  const settled = publishes.filter((publish) => isSettled(publish, readAtMs));
  return settled.flatMap(({ digests }) => digests).filter((digest) => !isNamed(digest)).length;
}

/** Whether one of the targets matches a digest, or a target covers everything. */
function namedBy(asked: readonly InvalidationTarget[]): (digest: string) => boolean {
  const spelled = new Set(asked.map(spelledAsKey));
  const digests = new Set([...spelled].map(pathDigest));
  return (digest) => spelled.has(everyPath) || digests.has(digest);
}

/** The pending paths that a run proves if it succeeds completely, as at most one step. It covers all of its own paths. */
export function forgetting({ publishes, readAtMs, asked }: Pending): readonly ForgetStep[] {
  const settled = publishes.filter((publish) => isSettled(publish, readAtMs));
  const paths = settled.flatMap((publish) => publish.paths);
  const digests = settled.flatMap((publish) => publish.digests).filter(namedBy(asked));
  if (paths.length + digests.length === 0) return [];
  return [{ kind: 'forget-proven', publishes: settled, readAtMs, paths, digests }];
}

/**
 * Distinguishes states of the destination, for `CallerReference`: an invalidation that was created after a publish was complete
 * covers all of it; one that was created during a publish must not be mistaken for a later one.
 */
export function pendingReference({ publishes }: Pending, runReference: string): string {
  if (publishes.length === 0) return '';
  const ids = publishes.map(({ id }) => id).sort();
  const isAtWork = publishes.some(({ isComplete }) => !isComplete);
  return ` after ${ids.join(' ')}${isAtWork ? ` in run ${runReference}` : ''}`;
}

/** A target in the spelling of publishes. */
function spelledAsKey({ kind, name }: InvalidationTarget): string {
  return `${encodeKey(name)}${kind === 'prefix' ? '*' : ''}`;
}
