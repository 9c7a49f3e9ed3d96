import {
  factsSummary,
  findingCounts,
  findingsSummary,
  invalidationPaths,
  pointerChecksums,
  reportFile,
} from '@slipway/buildcache-actions';
import { counted, formatBytes, formatDuration, type SlipwayError } from '@slipway/core';
import type { Finding } from '@slipway/mirror';
import type { ActionResult, SummaryBlock } from '@slipway/runner';
import type { Result } from './execute.ts';
import { type Expectation, expectationOf, type Plan } from './plan.ts';

export interface ReportInput {
  readonly plan: Plan;
  /** Undefined for a dry run. */
  readonly result: Result | undefined;
  readonly failure: SlipwayError | undefined;
  readonly findings: readonly Finding[];
  readonly mirror: string;
  /** Paths that earlier runs replaced and whose invalidation is not proven. */
  readonly pendingPaths: readonly string[];
  /** Checksum of the main index after the run. */
  readonly indexChecksum: string;
  readonly entryCount: number;
  readonly durationMs: number;
  readonly reportPath: string | undefined;
}

export function report(input: ReportInput): ActionResult {
  const { plan, result, findings } = input;
  const done = result ?? expectationOf(plan);
  const paths = invalidationPaths(done.changedKeys, input.pendingPaths);
  return {
    outputs: {
      published: done.manifestsWritten,
      'already-published': plan.unchanged.length,
      kept: plan.kept.length,
      'blobs-uploaded': done.blobsUploaded,
      'bytes-uploaded': done.bytesUploaded,
      'index-checksum': input.indexChecksum,
      'invalidation-paths': paths,
      'pointer-checksums': pointerChecksums((result?.moves ?? []).map(({ move }) => move)),
    },
    files: [
      reportFile('buildcache-publish', input.reportPath, {
        dryRun: result === undefined,
        mirror: input.mirror,
        plan: plan.steps,
        unchanged: plan.unchanged,
        kept: plan.kept,
        result: result && {
          manifestsWritten: result.manifestsWritten,
          blobsUploaded: result.blobsUploaded,
          bytesUploaded: result.bytesUploaded,
          indexes: result.moves.map(({ view, move }) => ({ view, ...move })),
          invalidationPaths: paths.split('\n').filter((path) => path !== ''),
        },
        failure: input.failure && { code: input.failure.code, message: input.failure.message },
        counts: findingCounts(findings),
        findings,
      }),
    ],
    summary: summary(input, done),
    problems: findings,
    failure: input.failure,
  };
}

function summary(input: ReportInput, done: Expectation): readonly SummaryBlock[] {
  const { plan, result } = input;
  const index = result?.moves.find(({ view }) => view === undefined)?.move;
  const rows: (readonly [string, string])[] = [
    ['Mirror', input.mirror],
    [result === undefined ? 'To publish' : 'Published', counted(done.manifestsWritten, 'entry', 'entries')],
    ['Already there', counted(plan.unchanged.length, 'entry', 'entries')],
  ];
  if (plan.kept.length > 0)
    rows.push(['Kept, although the staged one differs', counted(plan.kept.length, 'entry', 'entries')]);
  rows.push([
    result === undefined ? 'To upload' : 'Uploaded',
    `${counted(done.blobsUploaded, 'blob')}, ${formatBytes(done.bytesUploaded)}`,
  ]);
  if (index !== undefined) {
    rows.push([
      'Index',
      index.moved
        ? `generation ${index.generation}, ${counted(index.entryCount, 'entry', 'entries')}, ${formatBytes(index.sizeBytes)}`
        : 'unchanged',
    ]);
    if (index.retries > 0) rows.push(['Other publishers were faster', counted(index.retries, 'time')]);
  }
  if (input.pendingPaths.length > 0)
    rows.push(['Also named for the CDN', counted(input.pendingPaths.length, 'path')]);
  rows.push(['Time', formatDuration(input.durationMs)]);
  const title =
    result === undefined
      ? 'Buildcache to be published (dry run)'
      : input.failure === undefined
        ? 'Buildcache published'
        : 'Buildcache not published completely';
  return [{ kind: 'heading', text: title }, factsSummary(rows), ...findingsSummary(input.findings)];
}
