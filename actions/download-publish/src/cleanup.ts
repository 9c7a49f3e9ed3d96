import {
  asSlipwayError,
  counted,
  formatBytes,
  mapConcurrently,
  type ObjectStore,
  type Problem,
  printable,
  RemoteError,
  type SlipwayError,
  UserError,
} from '@slipway/core';
import { keysBelow } from '@slipway/download-window';
import type { ActionContext } from '@slipway/runner';
import { type CleanupPlan, endsDownloads, planCleanup, takeInventory } from './cleanup-plan.ts';
import { type Clocks, readClocks, timeText } from './clocks.ts';
import type { Operation } from './operation.ts';

const concurrentDeletions = 8;
const maxPrintedKeys = 2_000;
const maxNamedFailures = 20;

export type CleanupFinding = Problem<
  | 'strangers-left'
  | 'window-written-late'
  | 'window-age-unknown'
  | 'clock-unconfirmed'
  | 'downloads-would-end'
  | 'downloads-ended'
>;

/** What a cleanup would delete, by what is stored and by the clocks. */
export interface PreparedCleanup {
  readonly clocks: Clocks;
  readonly plan: CleanupPlan;
}

export interface Cleaned extends PreparedCleanup {
  /** Keys that are gone; undefined for a dry run. */
  readonly deleted: readonly string[] | undefined;
  readonly problems: readonly CleanupFinding[];
  readonly failure: SlipwayError | undefined;
}

/**
 * Deletes the windows that are over, after it printed which (I6), unless no link would be left. Throws what keeps it from deciding
 * that.
 */
export async function cleanUp(store: ObjectStore, operation: Operation): Promise<Cleaned> {
  const { given, context } = operation;
  const prepared = await prepareCleanup(store, operation);
  const { plan } = prepared;
  if (given.deleteLast || !endsDownloads(plan)) {
    const cleaned = await executeCleanup(prepared, store, operation);
    if (given.deleteLast || plan.current.objects > 0 || plan.kept.length === 0) return cleaned;
    return { ...cleaned, problems: [...cleaned.problems, hasEnded(plan, given.prefix)] };
  }
  announce(plan, true, context);
  return {
    ...prepared,
    deleted: given.dryRun ? undefined : [],
    problems: [...problemsOf(prepared, given.prefix), wouldEnd(plan, given.prefix)],
    failure: refusedToEnd(plan),
  };
}

/** Looks at what is stored and at the clocks, and changes nothing. Throws what keeps it from deciding. */
export async function prepareCleanup(
  store: ObjectStore,
  { given, rules, context }: Operation,
): Promise<PreparedCleanup> {
  const { progress, clock } = context;
  const clocks = await readClocks(clock, store);
  if (clocks.storeMs === undefined && !given.dryRun) throw noSecondClock();
  progress.start('Looking for windows');
  const { scheme, prefix } = given;
  const inventory = await takeInventory(store.list(keysBelow(prefix)), { scheme, prefix });
  return { clocks, plan: planCleanup(inventory, clocks, { ...rules, maxIdleMs: given.maxIdle }) };
}

/** Prints what the plan deletes, and deletes it unless this is a dry run. */
export async function executeCleanup(
  prepared: PreparedCleanup,
  store: ObjectStore,
  { given, context }: Operation,
): Promise<Cleaned> {
  const { plan } = prepared;
  announce(plan, given.dryRun, context);
  const problems = problemsOf(prepared, given.prefix);
  if (given.dryRun) return { ...prepared, deleted: undefined, problems, failure: undefined };
  const executed = await execute(plan, store, context);
  if (plan.steps.length > 0) context.progress.info(`Deleted ${counted(executed.deleted.length, 'object')}.`);
  return { ...prepared, problems, ...executed };
}

function announce(
  { steps, kept, strangers }: CleanupPlan,
  dryRun: boolean,
  { progress }: ActionContext,
): void {
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
  if (total > printed) progress.info(`  and ${counted(total - printed, 'more object')}: the report has all`);
  if (steps.length === 0) progress.info('No window is past its grace.');
  for (const { window, objects, reason } of kept) {
    progress.info(`Window ${window} stays (${counted(objects, 'object')}, ${keptWords[reason]}).`);
  }
  if (strangers.count > 0)
    progress.info(`${counted(strangers.count, 'object is', 'objects are')} of no window, and left alone.`);
}

const keptWords = {
  'not-over': 'links of it may still work',
  'written-late': 'something was written there after it was over',
  'age-unknown': 'nobody knows when it was written',
} as const;

/** Oldest windows first, each whole before the next. */
async function execute(
  { steps }: CleanupPlan,
  store: ObjectStore,
  { progress }: ActionContext,
): Promise<{ readonly deleted: readonly string[]; readonly failure: SlipwayError | undefined }> {
  const deleted: string[] = [];
  const total = steps.reduce((sum, { keys }) => sum + keys.length, 0);
  if (total === 0) return { deleted, failure: undefined };
  progress.start(`Deleting ${counted(total, 'object')}`, total, 'entries');
  try {
    for (const { keys } of steps) {
      const left = await deleteKeys(keys, store);
      const leftKeys = new Set(left.map(({ key }) => key));
      deleted.push(...keys.filter((key) => !leftKeys.has(key)));
      progress.advance(keys.length - left.length);
      if (left.length > 0) throw notDeleted(left);
    }
  } catch (error) {
    return { deleted, failure: asSlipwayError(error) };
  }
  return { deleted, failure: undefined };
}

interface NotDeleted {
  readonly key: string;
  readonly reason: string;
}

async function deleteKeys(keys: readonly string[], store: ObjectStore): Promise<readonly NotDeleted[]> {
  if (store.deleteMany !== undefined) return store.deleteMany(keys);
  await mapConcurrently(keys, concurrentDeletions, (key) => store.delete(key));
  return [];
}

function notDeleted(left: readonly NotDeleted[]): RemoteError {
  const lines = left
    .slice(0, maxNamedFailures)
    .map(({ key, reason }) => `  ${printable(key)}: ${printable(reason, 200)}`);
  if (left.length > lines.length) lines.push(`  and ${left.length - lines.length} more`);
  return new RemoteError(
    'store-failed',
    `${counted(left.length, 'object was', 'objects were')} not deleted, so old links of them work:\n${lines.join('\n')}`,
    { hint: 'Allow s3:DeleteObject for this prefix, and run again.' },
  );
}

function noSecondClock(): UserError {
  return new UserError(
    'plan-refused',
    'The store does not tell the time, so nothing confirms the clock of this machine. Nothing was deleted.',
    {
      hint: 'Does the directory exist, and may this job write to it? Behind s3://, a proxy may take the Date of answers away.',
    },
  );
}

function wouldEnd({ current }: CleanupPlan, prefix: string): CleanupFinding {
  return {
    code: 'downloads-would-end',
    severity: 'error',
    key: `${keysBelow(prefix)}${current.window}`,
    message:
      'Nothing is stored for the current window, and all that is stored is past: once it was deleted, there would be nothing to download.',
    hint: 'Run renew with the files of the release, on the schedule that runs cleanup: it does both. If the downloads are to end, set delete-last: true.',
  };
}

function hasEnded({ current }: CleanupPlan, prefix: string): CleanupFinding {
  return {
    code: 'downloads-ended',
    severity: 'warning',
    key: `${keysBelow(prefix)}${current.window}`,
    message: 'Nothing is stored for the current window: the links that the site gives out now open nothing.',
    hint: 'Run renew with the files of the release, on the schedule that runs cleanup: it does both.',
  };
}

function refusedToEnd({ steps }: CleanupPlan): UserError {
  const total = steps.reduce((sum, { keys }) => sum + keys.length, 0);
  return new UserError(
    'plan-refused',
    `Nothing was deleted: ${counted(total, 'object')} would go, and nothing is stored for the current window.`,
    { hint: 'Renew the downloads first (operation: renew), or set delete-last: true.' },
  );
}

function problemsOf(
  { plan: { kept, strangers }, clocks: { storeMs } }: PreparedCleanup,
  prefix: string,
): readonly CleanupFinding[] {
  const problems: CleanupFinding[] = [];
  if (storeMs === undefined) {
    problems.push({
      code: 'clock-unconfirmed',
      severity: 'notice',
      message: 'The store does not tell the time: without a dry run nothing would be deleted.',
    });
  }
  if (strangers.count > 0) {
    const named = strangers.keys.slice(0, 3).map((key) => printable(key, 100));
    problems.push({
      code: 'strangers-left',
      severity: 'notice',
      message: `${counted(strangers.count, 'object', 'objects')} below ${printable(`${prefix}/`)} ${strangers.count === 1 ? 'is' : 'are'} of no window of this scheme, and left alone: ${named.join(', ')}${strangers.count > named.length ? ', …' : ''}`,
      hint: 'What another scheme published is cleaned up with that scheme.',
    });
  }
  for (const { window, reason } of kept) {
    if (reason === 'written-late') {
      problems.push({
        code: 'window-written-late',
        severity: 'warning',
        key: `${keysBelow(prefix)}${window}`,
        message: 'Something was written here long after the window was over, so it is left alone.',
        hint: 'Is window-length the one that the files were published with? Remove it by hand if nobody needs it: links of it work.',
      });
    } else if (reason === 'age-unknown') {
      problems.push({
        code: 'window-age-unknown',
        severity: 'warning',
        key: `${keysBelow(prefix)}${window}`,
        message: 'The store does not say when this was written, so it is left alone.',
      });
    }
  }
  return problems;
}
