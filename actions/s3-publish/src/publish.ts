import {
  asSlipwayError,
  counted,
  formatBytes,
  type ObjectStore,
  type ProgressPort,
  UserError,
} from '@slipway/core';
import { leftOutHint } from '@slipway/local-files';
import { pendingNotice } from '@slipway/pending-invalidations';
import { endAbandonedUploads, smallestPartBytes } from '@slipway/publishing';
import type { ActionContext, ActionResult } from '@slipway/runner';
import { headerRulesOf, keepsHeaders, refuseOverlap } from './destination.ts';
import { execute } from './execute.ts';
import type { Inputs } from './inputs.ts';
import { type Observed, observe, pathOf } from './observe.ts';
import { plan } from './plan.ts';
import { report } from './report.ts';
import { excludedGlobs, selectSource } from './selection.ts';
import { announcePlan } from './step-text.ts';

/**
 * Publishes the files that the inputs name to the store that `open` opens, or reports what it would do. Throws if that is
 * impossible; a failure after something was stored is part of the result.
 */
export async function publishFiles(
  given: Inputs,
  open: () => Promise<ObjectStore>,
  context: ActionContext,
): Promise<ActionResult> {
  const { progress, clock, workDirectory } = context;
  const startedMs = clock.nowMs();
  const selection = selectSource(given.source, given.exclude, workDirectory);
  refuseOverlap(given, selection);
  const rules = headerRulesOf(given);
  const store = await open();
  const observed = await observe({
    selection,
    excluded: excludedGlobs(given.source, given.exclude),
    rules,
    deleteExtraneous: given.delete === 'extraneous',
    store,
    keepsHeaders: keepsHeaders(given.destination),
    baseUrl: given.baseUrl,
    workerEntry: context.workerEntry,
    progress,
  });
  const { observation, notes, leftOut } = observed;
  for (const { code, message } of notes) if (code === 'credentials-left-out') progress.info(message);
  refuseEmptySource(given, observed);
  tellPending(observed, progress);
  const steps = plan(observation);
  announcePlan(steps, given.dryRun, progress);
  const reported = {
    plan: steps,
    observation,
    notes,
    leftOut,
    pendingPaths: observed.pendingPaths,
    destination: store.url,
    baseUrl: given.baseUrl,
    manifestPath: given.manifest,
    reportPath: given.report,
  };
  if (given.dryRun) {
    return report({
      ...reported,
      result: undefined,
      failure: undefined,
      durationMs: clock.nowMs() - startedMs,
    });
  }
  rememberUnchanged(observed);
  const { result, error } = await execute(steps, {
    store,
    rules,
    pathOf: (key) => pathOf(selection, key, observed.linkedPaths.get(key)),
    inventory: observed.inventory,
    verification: given.verify,
    listedCount: observed.listedCount,
    concurrency: given.concurrency,
    baseUrl: given.baseUrl,
    clock,
    progress,
  });
  progress.info(
    `Stored ${counted(result.stored.size, 'object')} (${formatBytes(result.bytesUploaded)}); ${steps.unchanged.toLocaleString('en-US')} were already there.`,
  );
  if (error === undefined) {
    const large = observation.local.filter(({ sizeBytes }) => sizeBytes > smallestPartBytes);
    const keys = new Set(large.map(({ key }) => key));
    await endAbandonedUploads(large, (key) => keys.has(key), store, progress);
  }
  const failure = error === undefined ? undefined : asSlipwayError(error);
  return report({ ...reported, result, failure, durationMs: clock.nowMs() - startedMs });
}

function tellPending({ pendingPaths }: Observed, progress: ProgressPort): void {
  if (pendingPaths.length === 0) return;
  progress.info(pendingNotice(pendingPaths));
}

/** An empty source means that an earlier step failed unnoticed, and deleting would remove everything. */
function refuseEmptySource(given: Inputs, { observation, leftOut }: Observed): void {
  if (observation.local.length > 0) return;
  const hint =
    leftOut.length === 0
      ? 'Check source and exclude, and whether an earlier step created the files.'
      : `Files that may contain credentials were left out (${counted(leftOut.length, 'path')}). ${leftOutHint}`;
  if (observation.extraneous.length > 0) {
    throw new UserError(
      'plan-refused',
      `The source has no file, so all ${counted(observation.extraneous.length, 'object')} of the destination would be deleted.`,
      { hint: 'Check source and exclude. To empty a destination, use the tools of the store.' },
    );
  }
  throw new UserError('source-missing', `The source has no file to publish (${given.source.length} lines).`, {
    hint,
  });
}

/** So that the next run recognises objects that were requested one by one in its listing. */
function rememberUnchanged({ observation, inventory }: Observed): void {
  for (const { key, sizeBytes, sha256, headers } of observation.local) {
    const remote = observation.remote.get(key);
    if (remote?.sha256 !== sha256 || remote.isRecorded === true) continue;
    inventory.set(key, { sizeBytes, etag: remote.etag, sha256, headers: remote.headers ?? headers });
  }
}
