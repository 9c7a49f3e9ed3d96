import { UserError } from '@slipway/core';
import { windowNumbered } from '@slipway/download-window';
import {
  type Clocks,
  currentWindow,
  earliestMs,
  isOver,
  latestMs,
  refuseDisagreement,
  timeText,
  type WindowRules,
} from '../window-times.ts';

const dayMs = 86_400_000;

/** Deletes all objects of a window whose links no longer work. */
export interface DeleteStep {
  readonly kind: 'delete-window';
  readonly window: number;
  readonly endedAtMs: number;
  readonly keys: readonly string[];
  readonly sizeBytes: number;
}

/** A window whose objects stay, and why. */
export interface KeptWindow {
  readonly window: number;
  readonly objects: number;
  /**
   * `not-over`: its links may still work. `written-late`: something was written there after it ended, and nothing confirms that
   * windows are numbered as the inputs say. `age-unknown`: the store does not report when it was written.
   */
  readonly reason: 'not-over' | 'written-late' | 'age-unknown';
}

export interface CleanupPlan {
  /** Oldest first. */
  readonly steps: readonly DeleteStep[];
  readonly kept: readonly KeptWindow[];
  /** Objects below the prefix whose keys this scheme does not create, with the first of those keys. */
  readonly unrelated: { readonly count: number; readonly keys: readonly string[] };
  /** The window whose links a site now hands out, and how many objects are stored for it. */
  readonly current: { readonly window: number; readonly objects: number };
}

/** What is stored below the prefix, by windows. */
export interface StoredWindows {
  readonly windows: ReadonlyMap<number, StoredWindow>;
  readonly unrelated: CleanupPlan['unrelated'];
}

export interface StoredWindow {
  readonly keys: readonly string[];
  readonly sizeBytes: number;
  /** When the newest of them was written; undefined unless that is known for all of them. */
  readonly writtenAtMs: number | undefined;
}

export interface CleanupRules extends WindowRules {
  /** If nothing was written for longer than this, the clocks are not trusted. */
  readonly maxIdleMs: number;
}

/**
 * Decides which windows to delete: those whose links no longer work by any clock, if they were written when their numbers say, or
 * if the current window is stored and so confirms the numbering. The current and the next window stay, whatever the inputs or one
 * of the clocks say. Throws `UserError` `plan-refused` when the clocks contradict each other or what is stored. Pure.
 */
export function planCleanup(
  { windows, unrelated }: StoredWindows,
  clocks: Clocks,
  rules: CleanupRules,
): CleanupPlan {
  refuseDisagreement(clocks, rules.toleranceMs);
  const steps: DeleteStep[] = [];
  const kept: KeptWindow[] = [];
  const proven = hasPresentWindow(windows, clocks, rules);
  for (const [window, { keys, sizeBytes, writtenAtMs }] of [...windows].sort(([a], [b]) => a - b)) {
    const reason = reasonToKeep(window, writtenAtMs, clocks, rules, proven);
    if (reason !== undefined) kept.push({ window, objects: keys.length, reason });
    else {
      const endedAtMs = (window + 1) * rules.lengthSeconds * 1_000;
      steps.push({ kind: 'delete-window', window, endedAtMs, keys: keys.toSorted(), sizeBytes });
    }
  }
  if (steps.length > 0) refuseIdle(windows, clocks, rules);
  const current = currentWindow(clocks, rules);
  return {
    steps,
    kept,
    unrelated,
    current: { window: current, objects: windows.get(current)?.keys.length ?? 0 },
  };
}

/** Whether only past windows are stored: deleting them would leave nothing to download. */
export function endsDownloads({ steps, current }: CleanupPlan): boolean {
  return steps.length > 0 && current.objects === 0;
}

function reasonToKeep(
  window: number,
  writtenAtMs: number | undefined,
  clocks: Clocks,
  rules: CleanupRules,
  numbersAreProven: boolean,
): KeptWindow['reason'] | undefined {
  if (!isWindow(window, rules) || !isOver(window, clocks, rules)) return 'not-over';
  if (writtenAtMs === undefined) return 'age-unknown';
  // With another length, the number means another time.
  const isLate = writtenAtMs > latestWriteMs(window, rules);
  return isLate && !numbersAreProven ? 'written-late' : undefined;
}

/** A publish writes the current and the next windows, and may take a while. */
function latestWriteMs(window: number, { lengthSeconds, toleranceMs }: CleanupRules): number {
  return (window + 1) * lengthSeconds * 1_000 + Math.max(0, toleranceMs) + dayMs;
}

/**
 * Whether the window that is current by the clocks is stored, and was written at a plausible time. Windows of another length have
 * numbers far from it. If it is, an older window that was written late was copied or restored, and is deleted too.
 */
function hasPresentWindow(windows: StoredWindows['windows'], clocks: Clocks, rules: CleanupRules): boolean {
  const lengthMs = rules.lengthSeconds * 1_000;
  return [earliestMs(clocks), latestMs(clocks)].some((timeMs) => {
    const window = Math.floor(timeMs / lengthMs);
    const writtenAtMs = windows.get(window)?.writtenAtMs;
    return (
      isWindow(window, rules) && writtenAtMs !== undefined && writtenAtMs <= latestWriteMs(window, rules)
    );
  });
}

function isWindow(window: number, { lengthSeconds }: CleanupRules): boolean {
  try {
    windowNumbered(window, lengthSeconds);
    return true;
  } catch {
    return false;
  }
}

/** Clocks that agree may both be wrong. While files are being published, something was written recently. */
function refuseIdle(windows: StoredWindows['windows'], clocks: Clocks, { maxIdleMs }: CleanupRules): void {
  const written = [...windows.values()].flatMap(({ writtenAtMs }) => writtenAtMs ?? []);
  const lastMs = written.reduce((last, time) => Math.max(last, time), 0);
  const nowMs = earliestMs(clocks);
  if (nowMs - lastMs <= Math.max(0, maxIdleMs)) return;
  throw new UserError(
    'plan-refused',
    `The clock says ${timeText(nowMs)}, and the last file was published at ${timeText(lastMs)}, longer ago than max-idle allows. Nothing was deleted.`,
    {
      hint: 'If the clock is wrong, correct it. If nothing was published for that long, raise max-idle; all ended windows are then deleted.',
    },
  );
}
