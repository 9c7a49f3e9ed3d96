import { counted, formatBytes, type SlipwayError } from '@slipway/core';
import type { ActionResult } from '@slipway/runner';
import { cleanupPart } from '../cleanup/report.ts';
import { linksIn } from '../link-list.ts';
import type { FileOperation } from '../operation.ts';
import { fileTable, type ReportedRun, type ReportPart, result, titleOf, windowTable } from '../report.ts';
import { currentWindow } from '../window-times.ts';
import type { Published } from './publish.ts';
import type { Renewed } from './renew.ts';

export function reportPublish(operation: FileOperation, published: Published): ActionResult {
  const run = runOf(operation, published, published.failure);
  const title = titleOf(run, 'Downloads published', 'Publishing downloads failed');
  return result(run, title, publishPart(run, published));
}

/** What was published, and what was deleted. */
export function reportRenew(
  operation: FileOperation,
  { published, cleaned, failure }: Renewed,
): ActionResult {
  const run = { ...runOf(operation, published, failure), findings: cleaned?.findings ?? [] };
  const stored = publishPart(run, published);
  const deleted: ReportPart | undefined = cleaned && cleanupPart(cleaned);
  return result(run, titleOf(run, 'Downloads renewed', 'Renewing downloads failed'), {
    outputs: { ...stored.outputs, deleted: 0, ...deleted?.outputs },
    body: { ...stored.body, cleanup: deleted?.body },
    facts: [...stored.facts, ...(deleted?.facts ?? [])],
    tables: [...stored.tables, ...(deleted?.tables ?? [])],
  });
}

function runOf(
  { given, rules, files, addresses }: FileOperation,
  published: Published,
  failure: SlipwayError | undefined,
): ReportedRun {
  const { clocks, rounds } = published;
  return {
    given,
    clocks,
    windows: [...new Set(rounds.flatMap(({ plan }) => plan.windows))],
    links: published.failure === undefined ? linksIn(currentWindow(clocks, rules), files, addresses) : [],
    findings: [],
    failure,
  };
}

function publishPart(run: ReportedRun, { rounds, invalidationPaths }: Published): ReportPart {
  const executions = rounds.flatMap(({ execution }) => execution ?? []);
  const planned = rounds.flatMap(({ plan }) => plan.steps);
  const { dryRun } = run.given;
  const uploaded = dryRun ? planned.length : executions.reduce((sum, { stored }) => sum + stored.length, 0);
  const byOthers = executions.reduce((sum, { storedByOthers }) => sum + storedByOthers.length, 0);
  const unchanged = rounds.reduce((sum, { plan }) => sum + plan.unchanged, byOthers);
  const bytes = executions.reduce((sum, { bytesStored }) => sum + bytesStored, 0);
  return {
    outputs: { uploaded, unchanged, 'invalidation-paths': invalidationPaths },
    body: { rounds, invalidationPaths },
    facts: [
      dryRun
        ? ['Would be stored', counted(planned.length, 'object')]
        : ['Stored', `${counted(uploaded, 'object')}, ${formatBytes(bytes)}`],
      ['Already stored', counted(unchanged, 'object')],
    ],
    tables: [windowTable(run), ...fileTable(run.links)],
  };
}
