import { counted, type Problem, printable, UserError } from '@slipway/core';
import { keysBelow } from '@slipway/download-window';
import type { PreparedCleanup } from './observe.ts';
import type { CleanupPlan } from './plan.ts';

export type CleanupFinding = Problem<
  | 'strangers-left'
  | 'window-written-late'
  | 'window-age-unknown'
  | 'clock-unconfirmed'
  | 'downloads-would-end'
  | 'downloads-ended'
>;

/** The finding for a cleanup that would leave nothing to download. */
export function wouldEnd({ current }: CleanupPlan, prefix: string): CleanupFinding {
  return {
    code: 'downloads-would-end',
    severity: 'error',
    key: `${keysBelow(prefix)}${current.window}`,
    message:
      'Nothing is stored for the current window, only for past ones: deleting those would leave nothing to download.',
    hint: 'Run renew instead of cleanup on the schedule, with the files of the release: it does both. To end the downloads, set delete-last: true.',
  };
}

/** The finding for a cleanup after which there is nothing to download. */
export function hasEnded({ current }: CleanupPlan, prefix: string): CleanupFinding {
  return {
    code: 'downloads-ended',
    severity: 'warning',
    key: `${keysBelow(prefix)}${current.window}`,
    message: 'Nothing is stored for the current window: the links that the site now hands out do not work.',
    hint: 'Run renew instead of cleanup on the schedule, with the files of the release: it does both.',
  };
}

/** The failure of a cleanup that would leave nothing to download. */
export function refusedToEnd({ steps }: CleanupPlan): UserError {
  const total = steps.reduce((sum, { keys }) => sum + keys.length, 0);
  return new UserError(
    'plan-refused',
    `Nothing was deleted: ${counted(total, 'object')} would be deleted, but nothing is stored for the current window.`,
    { hint: 'Renew the downloads first (operation: renew), or set delete-last: true.' },
  );
}

/** What a cleanup reports about what it leaves alone. */
export function cleanupFindings(
  { plan: { kept, unrelated }, clocks: { storeMs } }: PreparedCleanup,
  prefix: string,
): readonly CleanupFinding[] {
  const problems: CleanupFinding[] = [];
  if (storeMs === undefined) {
    problems.push({
      code: 'clock-unconfirmed',
      severity: 'notice',
      message: 'The store does not report its time, so a real run would delete nothing.',
    });
  }
  if (unrelated.count > 0) {
    const named = unrelated.keys.slice(0, 3).map((key) => printable(key, 100));
    problems.push({
      code: 'strangers-left',
      severity: 'notice',
      message: `${counted(unrelated.count, 'object', 'objects')} below ${printable(`${prefix}/`)} ${unrelated.count === 1 ? 'belongs' : 'belong'} to no window of this scheme and ${unrelated.count === 1 ? 'is' : 'are'} left alone: ${named.join(', ')}${unrelated.count > named.length ? ', …' : ''}`,
      hint: 'Clean up files of another scheme with that scheme.',
    });
  }
  for (const { window, reason } of kept) {
    if (reason === 'written-late') {
      problems.push({
        code: 'window-written-late',
        severity: 'warning',
        key: `${keysBelow(prefix)}${window}`,
        message: 'Something was written here long after the window ended, so the window is left alone.',
        hint: 'Check that window-length is the one used to publish the files. If this window is not needed, delete it by hand: its links still work.',
      });
    } else if (reason === 'age-unknown') {
      problems.push({
        code: 'window-age-unknown',
        severity: 'warning',
        key: `${keysBelow(prefix)}${window}`,
        message: 'The store does not report when this window was written, so it is left alone.',
      });
    }
  }
  return problems;
}
