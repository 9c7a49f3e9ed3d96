import { isOwnDocument, type ObjectInfo, UserError } from '@slipway/core';
import { type KeyPlace, parseKey, windowNumbered } from '@slipway/download-window';
import {
  type Clocks,
  currentWindow,
  earliestMs,
  isOver,
  latestMs,
  refuseDisagreement,
  timeText,
  type WindowRules,
} from './clocks.ts';

const dayMs = 86_400_000;
const maxNamedStrangers = 20;

/** Deletes all objects of a window of which no link works any more. */
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
   * `not-over`: links of it may still work. `written-late`: something was written there when it was over, and nothing shows that
   * numbers and times belong together as the input says. `age-unknown`: the store does not say when it was written.
   */
  readonly reason: 'not-over' | 'written-late' | 'age-unknown';
}

export interface CleanupPlan {
  /** Oldest first. */
  readonly steps: readonly DeleteStep[];
  readonly kept: readonly KeptWindow[];
  /** Objects below the prefix whose keys are none of this scheme; the first of them by name. */
  readonly strangers: { readonly count: number; readonly keys: readonly string[] };
  /** The window whose links a site gives out now, and how many objects are stored for it. */
  readonly current: { readonly window: number; readonly objects: number };
}

/** What is stored below the prefix, by windows. */
export interface Inventory {
  readonly windows: ReadonlyMap<number, WindowObjects>;
  readonly strangers: CleanupPlan['strangers'];
}

interface WindowObjects {
  readonly keys: readonly string[];
  readonly sizeBytes: number;
  /** When the last of them was written; undefined unless that is known of all. */
  readonly writtenAtMs: number | undefined;
}

export interface CleanupRules extends WindowRules {
  /** With nothing written for longer, the clocks are not believed. */
  readonly maxIdleMs: number;
}

/** Sorts what a store lists into windows. Only keys that are exactly such as this scheme makes are of one. */
export async function takeInventory(objects: AsyncIterable<ObjectInfo>, place: KeyPlace): Promise<Inventory> {
  const windows = new Map<number, { keys: string[]; sizeBytes: number; writtenAtMs: number | undefined }>();
  const strangers: string[] = [];
  let strangerCount = 0;
  for await (const { key, sizeBytes, modifiedAtMs } of objects) {
    if (isOwnDocument(key)) continue;
    const parsed = parseKey(place, key);
    if (parsed === undefined) {
      strangerCount += 1;
      if (strangers.length < maxNamedStrangers) strangers.push(key);
      continue;
    }
    const known = windows.get(parsed.window);
    if (known === undefined) {
      windows.set(parsed.window, { keys: [key], sizeBytes, writtenAtMs: modifiedAtMs });
      continue;
    }
    known.keys.push(key);
    known.sizeBytes += sizeBytes;
    known.writtenAtMs =
      known.writtenAtMs === undefined || modifiedAtMs === undefined
        ? undefined
        : Math.max(known.writtenAtMs, modifiedAtMs);
  }
  return { windows, strangers: { count: strangerCount, keys: strangers } };
}

/**
 * Which windows go: those of which no link works any more by every clock, if they were written when their numbers say, or the
 * present window is there to prove that numbers count as the input says. So the current and the next window stay, whatever the
 * input or one of the clocks says. Throws `UserError` `plan-refused` when the
 * clocks contradict each other, or what is stored. Pure.
 */
export function planCleanup(
  { windows, strangers }: Inventory,
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
    strangers,
    current: { window: current, objects: windows.get(current)?.keys.length ?? 0 },
  };
}

/** Whether only windows that are past are stored: once they are deleted, nobody can download anything. */
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
  // With another length, the number is of another time.
  const isLate = writtenAtMs > latestWriteMs(window, rules);
  return isLate && !numbersAreProven ? 'written-late' : undefined;
}

/** A publish writes what is current or next, and may take a while. */
function latestWriteMs(window: number, { lengthSeconds, toleranceMs }: CleanupRules): number {
  return (window + 1) * lengthSeconds * 1_000 + Math.max(0, toleranceMs) + dayMs;
}

/**
 * Whether what by number, length and clocks is the present window is there, and was written when it can have been. Windows of
 * another length have numbers far from it. Then an older window that was written late was copied or restored, and goes too.
 */
function hasPresentWindow(windows: Inventory['windows'], clocks: Clocks, rules: CleanupRules): boolean {
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

/** Clocks that agree may still be wrong together. Where files are published, something was written lately. */
function refuseIdle(windows: Inventory['windows'], clocks: Clocks, { maxIdleMs }: CleanupRules): void {
  const written = [...windows.values()].flatMap(({ writtenAtMs }) => writtenAtMs ?? []);
  const lastMs = written.reduce((last, time) => Math.max(last, time), 0);
  const nowMs = earliestMs(clocks);
  if (nowMs - lastMs <= Math.max(0, maxIdleMs)) return;
  throw new UserError(
    'plan-refused',
    `It is ${timeText(nowMs)} by the clock, and the last file was published at ${timeText(lastMs)}, longer ago than max-idle allows. Nothing was deleted.`,
    {
      hint: 'Either the clock is wrong: correct it. Or nothing was published for so long: then raise max-idle, and all windows that are over go.',
    },
  );
}
