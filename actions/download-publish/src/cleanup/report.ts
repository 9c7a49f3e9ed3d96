import { counted, formatBytes } from '@slipway/core';
import type { ActionResult } from '@slipway/runner';
import type { Operation } from '../operation.ts';
import { type ReportPart, result, table, titleOf } from '../report.ts';
import { timeText } from '../window-times.ts';
import type { Cleaned } from './execute.ts';

export function reportCleanup({ given }: Operation, cleaned: Cleaned): ActionResult {
  const { clocks, plan, findings, failure } = cleaned;
  const windows = plan.steps.map(({ window }) => window);
  const run = { given, clocks, windows, links: [], findings, failure };
  const title = titleOf(run, 'Old downloads cleaned up', 'Cleaning up downloads failed');
  return result(run, title, cleanupPart(cleaned));
}

export function cleanupPart({ plan, deleted, failure }: Cleaned): ReportPart {
  const total = plan.steps.reduce((sum, { keys }) => sum + keys.length, 0);
  const rows = plan.steps.map(({ window, endedAtMs, keys, sizeBytes }) => [
    String(window),
    timeText(endedAtMs),
    String(keys.length),
    formatBytes(sizeBytes),
  ]);
  return {
    outputs: { deleted: deleted?.length ?? (failure === undefined ? total : 0) },
    body: { plan, deleted },
    facts: [
      deleted === undefined
        ? ['Would be deleted', counted(total, 'object')]
        : ['Deleted', `${deleted.length} of ${counted(total, 'object')}`],
      ['Windows that stay', String(plan.kept.length)],
      ['Objects of no window', String(plan.unrelated.count)],
    ],
    tables: rows.length === 0 ? [] : [table(['Past window', 'Ended', 'Objects', 'Size'], rows)],
  };
}
