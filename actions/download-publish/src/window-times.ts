import { type Clock, formatDuration, type ObjectStore, UserError } from '@slipway/core';
import { windowAt, windowNumbered } from '@slipway/download-window';

/** The time by each known clock, in milliseconds since 1970. */
export interface Clocks {
  readonly machineMs: number;
  /** By the store's own clock; undefined if it does not report its time. */
  readonly storeMs: number | undefined;
}

/** The rules for windows, apart from the time. */
export interface WindowRules {
  readonly lengthSeconds: number;
  /** How many windows are published from the current one on. */
  readonly count: number;
  /** How far any clock may be off. */
  readonly toleranceMs: number;
  /** How long a link works after its window. */
  readonly graceMs: number;
}

export async function readClocks(clock: Clock, store: ObjectStore | undefined): Promise<Clocks> {
  const storeMs = await store?.nowMs?.();
  return { machineMs: Math.max(0, clock.nowMs()), storeMs };
}

export function earliestMs({ machineMs, storeMs = machineMs }: Clocks): number {
  return Math.min(machineMs, storeMs);
}

export function latestMs({ machineMs, storeMs = machineMs }: Clocks): number {
  return Math.max(machineMs, storeMs);
}

/** The authoritative time: the store's, which more users depend on, or else the machine's. */
export function bestMs({ machineMs, storeMs = machineMs }: Clocks): number {
  return storeMs;
}

/** The number of the window whose links a site hands out now. */
export function currentWindow(clocks: Clocks, { lengthSeconds }: WindowRules): number {
  return windowAt(Math.max(0, bestMs(clocks)), lengthSeconds).number;
}

/** The number of the last window that is current by any clock within the tolerance. */
export function latestWindow(clocks: Clocks, { lengthSeconds, toleranceMs }: WindowRules): number {
  return windowAt(latestMs(clocks) + toleranceMs, lengthSeconds).number;
}

/** How much a slow response of the store may add to the difference between the clocks. */
const readingMs = 60_000;

/** Throws `UserError` `plan-refused` if the clocks differ by more than the tolerance: then the time is unknown. */
export function refuseDisagreement(clocks: Clocks, toleranceMs: number): void {
  const { machineMs, storeMs } = clocks;
  if (storeMs === undefined || Math.abs(machineMs - storeMs) <= Math.max(0, toleranceMs) + readingMs) return;
  throw new UserError(
    'plan-refused',
    `The clock of this machine says ${timeText(machineMs)} and the clock of the store ${timeText(storeMs)}: they differ by more than clock-tolerance (${formatDuration(toleranceMs)}). Nothing was done.`,
    {
      hint: 'Correct the clock that is wrong, because the windows depend on it. If both are acceptable, raise clock-tolerance.',
    },
  );
}

/**
 * The windows to publish: each that is current by a clock within the tolerance, and after the last of them as many as the inputs
 * add to the current one.
 */
export function coveredWindows(clocks: Clocks, rules: WindowRules): readonly number[] {
  const first = windowAt(Math.max(0, earliestMs(clocks) - rules.toleranceMs), rules.lengthSeconds).number;
  const last = latestWindow(clocks, rules) + rules.count - 1;
  return range(first, last);
}

/**
 * The windows that must have been published by now. A publish also covers the windows that begin within the tolerance, so it
 * satisfies this for that long.
 */
export function dueWindows(clocks: Clocks, rules: WindowRules): readonly number[] {
  const first = windowAt(Math.max(0, earliestMs(clocks) - rules.toleranceMs), rules.lengthSeconds).number;
  const last = windowAt(latestMs(clocks), rules.lengthSeconds).number + rules.count - 1;
  return range(first, last);
}

/** Whether no link of a window may still work, whichever clock within the tolerance is right. A negative grace counts as zero. */
export function isOver(window: number, clocks: Clocks, rules: WindowRules): boolean {
  const { endsAtMs } = windowNumbered(window, rules.lengthSeconds);
  return endsAtMs + Math.max(0, rules.graceMs) + Math.max(0, rules.toleranceMs) <= earliestMs(clocks);
}

/** The newest window whose links must no longer work; undefined in the first days of 1970. */
export function newestOver(clocks: Clocks, rules: WindowRules): number | undefined {
  const endedBeforeMs = earliestMs(clocks) - Math.max(0, rules.graceMs) - Math.max(0, rules.toleranceMs);
  const number = Math.floor(endedBeforeMs / (rules.lengthSeconds * 1_000)) - 1;
  return number >= 0 ? number : undefined;
}

/** A time in ISO 8601, to the second. */
export function timeText(timeMs: number): string {
  const isTime = Number.isFinite(timeMs) && Math.abs(timeMs) <= 8.64e15;
  return isTime ? new Date(timeMs).toISOString().replace(/\.\d+Z$/, 'Z') : 'an impossible time';
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
