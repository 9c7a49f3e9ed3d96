import { counted, type ObjectStore } from '@slipway/core';
import { type BuildResult, buildIndex } from '@slipway/index-building';
import { pendingNotice } from '@slipway/pending-invalidations';
import type { ActionContext, ActionResult } from '@slipway/runner';
import type { IndexPlan } from '@slipway/simple-index';
import { CdnPaths } from './cdn.ts';
import type { Request } from './configuration.ts';
import type { Inputs } from './inputs.ts';
import { maxFiles } from './list.ts';
import { report } from './report.ts';
import { announcePlan } from './step-text.ts';
import { openStores, type Stores } from './stores.ts';

/**
 * Builds the index of a request, or tells in a dry run what it would do. Throws what makes that impossible; what fails after that is
 * part of the result.
 */
export async function build(request: Request, given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { progress, clock } = context;
  const startedMs = clock.nowMs();
  const stores = await openStores(request, given, context);
  const cdnPaths = cdnPathsOf(request, stores, context);
  // A destination that cannot be read fails alone, further on.
  for (const paths of cdnPaths.values()) await paths.readPending().catch(() => undefined);
  const result = await buildIndex(
    { configuration: request.configuration, ...stores, clock, progress },
    {
      computeMissing: given.computeMissing,
      extractMetadata: given.extractMetadata,
      changedKeys: request.changedKeys,
      dryRun: given.dryRun,
      maxFiles,
      onPlan: async (store: ObjectStore, plan: IndexPlan) => {
        announcePlan(store.url, plan, given.dryRun, progress);
        const paths = cdnPaths.get(store);
        if (given.dryRun) paths?.note(plan);
        else await paths?.remember(plan);
      },
    },
  );
  const { counts } = result;
  if (counts !== undefined) {
    const asked = counts.hashesLearned + counts.metadataRead + counts.metadataExtracted;
    progress.info(
      `${counted(counts.known, 'file was', 'files were')} known; ${counted(asked, 'request')} about files, ${counts.metadataExtracted} with METADATA taken out of a wheel.`,
    );
  }
  if (result.isDone && !given.dryRun) for (const paths of cdnPaths.values()) await paths.complete();
  const pending = [...cdnPaths.values()].flatMap((paths) => paths.pending(() => knownKeys(request, result)));
  if (pending.length > 0) progress.info(pendingNotice(pending));
  return report({
    result,
    dryRun: given.dryRun,
    source: stores.source.url,
    paths: [...[...cdnPaths.values()].flatMap((paths) => [...paths.own()]), ...pending],
    reportPath: given.report,
    durationMs: clock.nowMs() - startedMs,
  });
}

/** By the store that gets pages. */
function cdnPathsOf(
  { configuration }: Request,
  { source, destinations }: Stores,
  { clock }: ActionContext,
): ReadonlyMap<ObjectStore, CdnPaths> {
  const urls = new Set(configuration.prefixes.map(({ baseUrls }) => baseUrls.default));
  const [url] = urls;
  const sourceUrl = urls.size === 1 && typeof url === 'string' ? url : undefined;
  const stores = destinations.length === 0 ? [source] : destinations;
  return new Map(
    stores.map((store) => [store, new CdnPaths(store, store === source ? sourceUrl : undefined, clock)]),
  );
}

/** The keys of the source that a run knows. */
function* knownKeys({ changedKeys = [] }: Request, { selection }: BuildResult): Iterable<string> {
  yield* changedKeys;
  for (const { projects } of selection?.prefixes ?? []) {
    for (const { files, hidden } of projects.values()) {
      for (const { source } of [...files, ...hidden]) {
        yield source.key;
        yield `${source.key}.metadata`;
      }
    }
  }
}
