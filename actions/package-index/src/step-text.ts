import { counted, formatBytes, type ProgressPort, printable, unreachable } from '@slipway/core';
import type { IndexPlan, PlanStep } from '@slipway/simple-index';

const maxPrintedDeletions = 1_000;
const maxPrintedWrites = 500;

/** A step in words. */
export function stepText(step: PlanStep): string {
  const key = printable(step.key);
  switch (step.kind) {
    case 'write-page':
      return `write ${key} (${formatBytes(step.sizeBytes)}): ${step.reason}`;
    case 'copy-page':
      return `copy ${printable(step.from)} to ${key} (${formatBytes(step.sizeBytes)}): ${step.reason}`;
    case 'delete-page':
      return `delete ${key}: ${step.reason}`;
    case 'write-state':
      return `write ${key}: ${step.reason}`;
    default:
      return unreachable(step);
  }
}

/** Tells what a run will delete from a destination before it does anything (I6); in a dry run also what it would write. */
export function announcePlan(url: string, plan: IndexPlan, dryRun: boolean, progress: ProgressPort): void {
  const deletions = plan.steps.filter(({ kind }) => kind === 'delete-page');
  const writes = plan.steps.filter(isWrite);
  progress.info(
    `${url}: ${counted(writes.length, 'page')} to write, ${deletions.length} to delete, ${plan.unchanged.toLocaleString('en-US')} right as ${plan.unchanged === 1 ? 'it is' : 'they are'}.`,
  );
  const verb = dryRun ? 'Would' : 'Will';
  const print = (steps: readonly PlanStep[], limit: number): void => {
    for (const step of steps.slice(0, limit)) progress.info(`${verb} ${stepText(step)}`);
    if (steps.length > limit)
      progress.info(`${verb} change ${counted(steps.length - limit, 'more page')}: the report has more.`);
  };
  if (dryRun) print(writes, maxPrintedWrites);
  print(deletions, maxPrintedDeletions);
}

/** Whether a step stores a page. */
export function isWrite(
  step: PlanStep,
): step is Extract<PlanStep, { readonly kind: 'write-page' | 'copy-page' }> {
  return step.kind === 'write-page' || step.kind === 'copy-page';
}
