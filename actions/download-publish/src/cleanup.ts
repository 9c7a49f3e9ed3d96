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
import type { ActionContext } from '@slipway/runner';
import { type CleanupPlan, planCleanup, takeInventory } from './cleanup-plan.ts';
import { type Clocks, readClocks, timeText } from './clocks.ts';
import type { Operation } from './operation.ts';

const concurrentDeletions = 8;
const maxPrintedKeys = 2_000;
const maxNamedFailures = 20;

export type CleanupFinding = Problem<
  'strangers-left' | 'window-written-late' | 'window-age-unknown' | 'clock-unconfirmed'
>;

export interface Cleaned {
  readonly clocks: Clocks;
  readonly plan: CleanupPlan;
  /** Keys that are gone; undefined for a dry run. */
  readonly deleted: readonly string[] | undefined;
  readonly problems: readonly CleanupFinding[];
  readonly failure: SlipwayError | undefined;
}

/** Deletes the windows that are over, after it printed which (I6). Throws what keeps it from deciding that. */
export async function cleanUp(store: ObjectStore, { given, rules, context }: Operation): Promise<Cleaned> {
  const { progress, clock } = context;
  const clocks = await readClocks(clock, store);
  if (clocks.storeMs === undefined && !given.dryRun) throw noSecondClock();
  progress.start('Looking for windows');
  const { scheme, prefix } = given;
  const inventory = await takeInventory(store.list(`${prefix}/`), { scheme, prefix });
  const plan = planCleanup(inventory, clocks, { ...rules, maxIdleMs: given.maxIdle });
  announce(plan, given.dryRun, context);
  const problems = problemsOf(plan, clocks, prefix);
  if (given.dryRun) return { clocks, plan, deleted: undefined, problems, failure: undefined };
  const executed = await execute(plan, store, context);
  if (plan.steps.length > 0) progress.info(`Deleted ${counted(executed.deleted.length, 'object')}.`);
  return { clocks, plan, problems, ...executed };
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

function problemsOf(
  { kept, strangers }: CleanupPlan,
  { storeMs }: Clocks,
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
      message: `${counted(strangers.count, 'object', 'objects')} below ${printable(prefix)}/ ${strangers.count === 1 ? 'is' : 'are'} of no window of this scheme, and left alone: ${named.join(', ')}${strangers.count > named.length ? ', …' : ''}`,
      hint: 'What another scheme published is cleaned up with that scheme.',
    });
  }
  for (const { window, reason } of kept) {
    if (reason === 'written-late') {
      problems.push({
        code: 'window-written-late',
        severity: 'warning',
        key: `${prefix}/${window}`,
        message: 'Something was written here long after the window was over, so it is left alone.',
        hint: 'Is window-length the one that the files were published with? Remove it by hand if nobody needs it: links of it work.',
      });
    } else if (reason === 'age-unknown') {
      problems.push({
        code: 'window-age-unknown',
        severity: 'warning',
        key: `${prefix}/${window}`,
        message: 'The store does not say when this was written, so it is left alone.',
      });
    }
  }
  return problems;
}
