import type { Clock } from '@slipway/core';
import {
  type ExternalProject,
  type IndexPlan,
  type PageSources,
  type PlanInput,
  planIndex,
} from '@slipway/simple-index';
import type { DestinationState, IndexDestination } from './destinations.ts';
import type { Observation } from './observe.ts';

export interface DestinationPlan {
  readonly plan: IndexPlan;
  /** What pages are made of. */
  readonly sources: PageSources;
}

/** Plans what a destination needs, given what was seen. */
export function planDestination(
  { index, isSource }: IndexDestination,
  { pages, states }: DestinationState,
  { selection, knowledge, copied, listing, mode }: Observation,
  external: ReadonlyMap<string, ExternalProject> | undefined,
): DestinationPlan {
  const sources: PageSources = {
    selection,
    destination: index,
    facts: (key) => knowledge.facts.get(key),
    external,
  };
  const scope = mode.kind === 'changed-keys' ? mode.projects : undefined;
  const planWith = (known: PlanInput['known']['pages']): IndexPlan =>
    planIndex({ ...sources, known: { pages: known, states }, copied, scope });
  if (scope !== undefined) return { plan: planWith(undefined), sources };
  if (isSource && listing !== undefined) {
    // A directory lists no ETags: those of its pages were read before.
    const listed = pages ?? new Map([...listing.pages].map(([key, { etag }]) => [key, etag]));
    return { plan: planWith(listed), sources };
  }
  const plan = planWith(undefined);
  if (pages === undefined) return { plan, sources };
  // Only pages that this run makes: other pages of such a destination are nobody's projects, whether or not it was listed.
  const ours = new Set(plan.steps.map(({ key }) => key));
  for (const state of states.values()) for (const key of state.pages.keys()) ours.add(key);
  return { plan: planWith(new Map([...pages].filter(([key]) => ours.has(key)))), sources };
}

/**
 * Pages that are about to be replaced although somebody else may have written them since the listing of the files began: they may
 * show files that the listing does not have. Pages that state knows with the ETag that was listed are not among them, because state
 * was read before.
 */
export async function pagesChangedMeanwhile(
  { store, isSource }: IndexDestination,
  { states, pages }: DestinationState,
  { listing, listedAtMs }: Observation,
  plan: IndexPlan,
  clock: Clock,
): Promise<readonly string[]> {
  if (!isSource || listing === undefined || pages !== undefined) return [];
  const known = new Map([...states.values()].flatMap((state) => [...state.pages]));
  const doubtful = plan.steps.filter(
    (step) =>
      (step.kind === 'write-page' || step.kind === 'copy-page') &&
      step.condition !== 'absent' &&
      known.get(step.key)?.etag !== step.condition.etag,
  );
  if (doubtful.length === 0) return [];
  const sinceMs = Math.floor((await toStoreTime(store, listedAtMs, clock)) / 1_000) * 1_000;
  return doubtful.flatMap(({ key }) => ((listing.pages.get(key)?.modifiedAtMs ?? 0) >= sinceMs ? [key] : []));
}

/** A time of our clock by that of the store, which tells whole seconds: rather too early. */
async function toStoreTime(store: IndexDestination['store'], timeMs: number, clock: Clock): Promise<number> {
  const storeMs = await store.nowMs?.();
  return storeMs === undefined ? timeMs : storeMs - (clock.nowMs() - timeMs);
}
