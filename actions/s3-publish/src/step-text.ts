import { counted, formatBytes, type ProgressPort, printable, unreachable } from '@slipway/core';
import type { Plan, Step } from './plan.ts';

const maxPrintedDeletions = 1_000;
const maxPrintedWrites = 500;
export const reasonWords = { new: 'new', bytes: 'other bytes', headers: 'other headers' } as const;

/** A step in words. */
export function stepText(step: Step): string {
  const encoding =
    step.kind === 'delete' || step.contentEncoding === undefined ? '' : `, ${step.contentEncoding}`;
  const what = `${printable(step.key)} (${formatBytes(step.sizeBytes)}${encoding}`;
  switch (step.kind) {
    case 'store-object':
      return `store ${what}, ${reasonWords[step.reason]})`;
    case 'store-pointer':
      return `store the pointer ${what}, ${reasonWords[step.reason]})`;
    case 'delete':
      return `delete ${what})`;
    default:
      return unreachable(step);
  }
}

/** Prints what a run will delete, before it does anything (I6), and in a dry run also what it would store. */
export function announcePlan(plan: Plan, dryRun: boolean, progress: ProgressPort): void {
  const verb = dryRun ? 'Would' : 'Will';
  const print = (steps: readonly Step[], limit: number, noun: string): void => {
    for (const step of steps.slice(0, limit)) progress.info(`${verb} ${stepText(step)}`);
    if (steps.length > limit) {
      progress.info(`${verb} ${noun} ${counted(steps.length - limit, 'more object')}: the report has more`);
    }
  };
  const writes = plan.steps.filter((step) => step.kind !== 'delete');
  if (dryRun) print(writes, maxPrintedWrites, 'store');
  print(
    plan.steps.filter((step) => step.kind === 'delete'),
    maxPrintedDeletions,
    'delete',
  );
}
