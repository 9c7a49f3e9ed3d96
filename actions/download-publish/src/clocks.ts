import { type Clock, formatDuration, type ObjectStore, UserError } from '@slipway/core';
import { windowAt, windowNumbered } from '@slipway/download-window';

/** What time it is, as far as can be known, in milliseconds since 1970. */
export interface Clocks {
  readonly machineMs: number;
  /** By the store's own clock; undefined where it has none that can be asked. */
  readonly storeMs: number | undefined;
}

/** What a run knows of windows beside the time. */
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

/** The time to go by: the store's, which more people depend on, or else the machine's. */
export function bestMs({ machineMs, storeMs = machineMs }: Clocks): number {
  return storeMs;
}

/** The number of the window whose links a site gives out now. */
export function currentWindow(clocks: Clocks, { lengthSeconds }: WindowRules): number {
  return windowAt(Math.max(0, bestMs(clocks)), lengthSeconds).number;
}

/** The number of the last window that is the current one for any clock within the tolerance. */
export function latestWindow(clocks: Clocks, { lengthSeconds, toleranceMs }: WindowRules): number {
  return windowAt(latestMs(clocks) + toleranceMs, lengthSeconds).number;
}

/** What the answer of a slow server may add to the difference of two clocks. */
const readingMs = 60_000;

/** Throws `UserError` `plan-refused` when the clocks differ by more than they may: then nobody knows the time. */
export function refuseDisagreement(clocks: Clocks, toleranceMs: number): void {
  const { machineMs, storeMs } = clocks;
  if (storeMs === undefined || Math.abs(machineMs - storeMs) <= Math.max(0, toleranceMs) + readingMs) return;
  throw new UserError(
    'plan-refused',
    `It is ${timeText(machineMs)} by the clock of this machine and ${timeText(storeMs)} by that of the store, which is further apart than clock-tolerance (${formatDuration(toleranceMs)}). Nothing was done.`,
    {
      hint: 'One of them is wrong, and so would be the windows: correct it. If both are as they must be, raise clock-tolerance.',
    },
  );
}

/**
 * The windows to publish: each that is the current one for a clock within the tolerance, and as many after the last of them
 * as are wanted beside the current one.
 */
export function coveredWindows(clocks: Clocks, rules: WindowRules): readonly number[] {
  const first = windowAt(Math.max(0, earliestMs(clocks) - rules.toleranceMs), rules.lengthSeconds).number;
  const last = latestWindow(clocks, rules) + rules.count - 1;
  return range(first, last);
}

/**
 * The windows that must have been published by now. A publish covers what comes within the tolerance, so that what it covered
 * is enough here for as long.
 */
export function dueWindows(clocks: Clocks, rules: WindowRules): readonly number[] {
  const first = windowAt(Math.max(0, earliestMs(clocks) - rules.toleranceMs), rules.lengthSeconds).number;
  const last = windowAt(latestMs(clocks), rules.lengthSeconds).number + rules.count - 1;
  return range(first, last);
}

/** Whether no link of a window may work any more, whichever clock within the tolerance is right. Grace is never less than none. */
export function isOver(window: number, clocks: Clocks, rules: WindowRules): boolean {
  const { endsAtMs } = windowNumbered(window, rules.lengthSeconds);
  return endsAtMs + Math.max(0, rules.graceMs) + Math.max(0, rules.toleranceMs) <= earliestMs(clocks);
}

/** The newest window of which no link may work any more; undefined in the first days of 1970. */
export function newestOver(clocks: Clocks, rules: WindowRules): number | undefined {
  const endedBeforeMs = earliestMs(clocks) - Math.max(0, rules.graceMs) - Math.max(0, rules.toleranceMs);
  const number = Math.floor(endedBeforeMs / (rules.lengthSeconds * 1_000)) - 1;
  return number >= 0 ? number : undefined;
}

/** A time as people and programs read it, to the second. */
export function timeText(timeMs: number): string {
  const isTime = Number.isFinite(timeMs) && Math.abs(timeMs) <= 8.64e15;
  return isTime ? new Date(timeMs).toISOString().replace(/\.\d+Z$/, 'Z') : 'a time that is none';
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
