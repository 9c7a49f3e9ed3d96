import {
  asSlipwayError,
  counted,
  formatBytes,
  type ProgressPort,
  printable,
  type SlipwayError,
} from '@slipway/core';
import { deleteObjects, notDeletedError } from '@slipway/publishing';
import type { Operation } from '../operation.ts';
import { timeText } from '../window-times.ts';
import { type CleanupFinding, cleanupFindings, hasEnded, refusedToEnd, wouldEnd } from './findings.ts';
import { type PreparedCleanup, prepareCleanup } from './observe.ts';
import { type CleanupPlan, endsDownloads } from './plan.ts';

const maxPrintedKeys = 2_000;

export interface Cleaned extends PreparedCleanup {
  /** Deleted keys; undefined for a dry run. */
  readonly deleted: readonly string[] | undefined;
  readonly findings: readonly CleanupFinding[];
  readonly failure: SlipwayError | undefined;
}

/** Prints and then deletes the expired windows (I6), unless no link would be left. Throws if it cannot decide. */
export async function cleanUp(operation: Operation): Promise<Cleaned> {
  const { given, context } = operation;
  const prepared = await prepareCleanup(operation);
  const { plan } = prepared;
  if (given.deleteLast || !endsDownloads(plan)) {
    const cleaned = await executeCleanup(prepared, operation);
    if (given.deleteLast || plan.current.objects > 0 || plan.kept.length === 0) return cleaned;
    return { ...cleaned, findings: [...cleaned.findings, hasEnded(plan, given.prefix)] };
  }
  announce(plan, true, context.progress);
  return {
    ...prepared,
    deleted: given.dryRun ? undefined : [],
    findings: [...cleanupFindings(prepared, given.prefix), wouldEnd(plan, given.prefix)],
    failure: refusedToEnd(plan),
  };
}

/** Prints what the plan deletes, and deletes it unless this is a dry run. */
export async function executeCleanup(prepared: PreparedCleanup, operation: Operation): Promise<Cleaned> {
  const { given, context } = operation;
  const { plan } = prepared;
  announce(plan, given.dryRun, context.progress);
  const findings = cleanupFindings(prepared, given.prefix);
  if (given.dryRun) return { ...prepared, deleted: undefined, findings, failure: undefined };
  const executed = await deleteWindows(plan, operation);
  if (plan.steps.length > 0) context.progress.info(`Deleted ${counted(executed.deleted.length, 'object')}.`);
  return { ...prepared, findings, ...executed };
}

function announce({ steps, kept, unrelated }: CleanupPlan, dryRun: boolean, progress: ProgressPort): void {
  const verb = dryRun ? 'Would' : 'Will';
  let printed = 0;
  for (const { window, endedAtMs, keys, sizeBytes } of steps) {
    progress.info(
      `${verb} delete window ${window}, which ended at ${timeText(endedAtMs)}: ${counted(keys.length, 'object')}, ${formatBytes(sizeBytes)}`,
    );
    for (const key of keys.slice(0, maxPrintedKeys - printed)) progress.info(`  ${printable(key)}`);
    printed = Math.min(maxPrintedKeys, printed + keys.length);
  }
  const total = steps.reduce((sum, { keys }) => sum + keys.length, 0);
  if (total > printed)
    progress.info(`  and ${counted(total - printed, 'more object')}, listed in the report`);
  if (steps.length === 0) progress.info('No window is past its grace.');
  for (const { window, objects, reason } of kept) {
    progress.info(`Window ${window} stays (${counted(objects, 'object')}, ${keptWords[reason]}).`);
  }
  if (unrelated.count === 0) return;
  progress.info(
    `${counted(unrelated.count, 'object belongs', 'objects belong')} to no window and are left alone.`,
  );
}

const keptWords = {
  'not-over': 'its links may still work',
  'written-late': 'something was written there after it ended',
  'age-unknown': 'it is unknown when it was written',
} as const;

/** Oldest windows first, one at a time. */
async function deleteWindows(
  { steps }: CleanupPlan,
  { store, context: { progress } }: Operation,
): Promise<{ readonly deleted: readonly string[]; readonly failure: SlipwayError | undefined }> {
  const deleted: string[] = [];
  const total = steps.reduce((sum, { keys }) => sum + keys.length, 0);
  if (total === 0) return { deleted, failure: undefined };
  progress.start(`Deleting ${counted(total, 'object')}`, total, 'entries');
  try {
    for (const { keys } of steps) {
      const failures = await deleteObjects(store, keys, (key) => {
        deleted.push(key);
        progress.advance(1);
      });
      if (failures.length === 0) continue;
      const hint = 'Allow s3:DeleteObject for this prefix, and run again.';
      throw notDeletedError(failures, ', so their old links still work', hint);
    }
    return { deleted, failure: undefined };
  } catch (error) {
    return { deleted, failure: asSlipwayError(error) };
  }
}
