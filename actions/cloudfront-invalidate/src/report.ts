import { counted, formatDuration, printable, type SlipwayError } from '@slipway/core';
import type { ActionResult, SummaryBlock } from '@slipway/runner';
import type { Result } from './execute.ts';
import { findingsOf, notServed } from './findings.ts';
import type { Plan } from './plan.ts';

const maxRows = 50;
const freePathsPerMonth = 1000;

export interface ReportInput {
  readonly distributionId: string;
  readonly plan: Plan;
  /** Undefined for a dry run. */
  readonly result: Result | undefined;
  readonly durationMs: number;
  readonly reportPath: string | undefined;
}

export function report(input: ReportInput): ActionResult {
  const { distributionId, plan, result } = input;
  const problems = findingsOf(plan, result);
  const invalidations = result?.invalidations ?? [];
  const proofs = result?.proofs ?? [];
  const failure = result?.failure ?? notServed(plan, result);
  const count = (kind: string): number => proofs.filter(({ served }) => served.kind === kind).length;
  const body = {
    action: 'cloudfront-invalidate',
    reportVersion: 1,
    dryRun: result === undefined,
    distributionId,
    plan,
    invalidations,
    proofs: proofs.map(({ expectation, served }) => ({ ...expectation, served })),
    failure: failure && { code: failure.code, message: failure.message },
    problems,
  };
  return {
    outputs: {
      'invalidation-ids': invalidations.map(({ invalidation }) => invalidation.id).join('\n'),
      'paths-invalidated': invalidations.reduce((sum, { batch }) => sum + batch.length, 0),
      'billable-paths': billablePaths(input),
      status: statusOf(input),
      proven: count('fresh'),
      stale: count('stale'),
    },
    files: [
      {
        output: 'report',
        path: input.reportPath,
        defaultName: 'cloudfront-invalidate-report.json',
        contents: `${JSON.stringify(body, null, 2)}\n`,
      },
    ],
    summary: summary(input, failure),
    problems,
    failure,
  };
}

/** The most that this run adds to the bill: an old invalidation adds nothing. */
function billablePaths({ plan, result }: ReportInput): number {
  if (result === undefined) return plan.billablePaths;
  return result.invalidations.reduce((sum, { reused, batch }) => sum + (reused ? 0 : batch.length), 0);
}

/** `planned`, `none` when there was nothing to do, `Completed` when all are, or the status of the first that is not. */
function statusOf({ plan, result }: ReportInput): string {
  if (result === undefined) return 'planned';
  const open = result.invalidations.find(({ invalidation }) => invalidation.status !== 'Completed');
  if (open !== undefined) return open.invalidation.status;
  const planned = plan.steps.filter(({ kind }) => kind === 'invalidate').length;
  if (planned + result.invalidations.length === 0) return 'none';
  return result.invalidations.length >= planned ? 'Completed' : 'failed';
}

function summary(input: ReportInput, failure: SlipwayError | undefined): readonly SummaryBlock[] {
  const { distributionId, plan, result } = input;
  const proofs = result?.proofs ?? [];
  const asked = plan.targets.reduce((sum, { covers }) => sum + covers, plan.tags.length);
  const rows: (readonly string[])[] = [
    ['Paths and tags', `${counted(asked, 'path')}, sent as ${plan.billablePaths.toLocaleString('en-US')}`],
    ['Wildcards', plan.wildcards.toLocaleString('en-US')],
    [
      'Billed at most',
      `${counted(billablePaths(input), 'path')}; the first ${freePathsPerMonth.toLocaleString('en-US')} per month are free for each account`,
    ],
    ['Status', statusOf(input)],
  ];
  if (proofs.length > 0) {
    const fresh = proofs.filter(({ served }) => served.kind === 'fresh').length;
    rows.push(['Proven', `${fresh.toLocaleString('en-US')} of ${counted(proofs.length, 'URL')}`]);
  }
  rows.push(['Time', formatDuration(input.durationMs)]);
  const blocks: SummaryBlock[] = [
    { kind: 'heading', text: titleOf(input, failure) },
    { kind: 'table', head: ['Distribution', distributionId], rows },
  ];
  const invalidations = result?.invalidations ?? [];
  if (invalidations.length > 0) {
    blocks.push({
      kind: 'table',
      head: ['Invalidation', 'Status', 'Paths', 'Reference'],
      rows: invalidations
        .slice(0, maxRows)
        .map(({ invalidation, batch, reused, callerReference }) => [
          printable(invalidation.id),
          `${printable(invalidation.status)}${reused ? ', an earlier one' : ''}`,
          batch.length.toLocaleString('en-US'),
          callerReference,
        ]),
    });
  }
  const wildcards = plan.targets.filter(({ kind }) => kind === 'prefix');
  if (wildcards.length > 0) {
    blocks.push({
      kind: 'table',
      head: ['Wildcard', 'Why', 'Stands for'],
      rows: wildcards
        .slice(0, maxRows)
        .map(({ name, reason, covers }) => [`${name}*`, reason, counted(covers, 'path')]),
    });
  }
  const failed = findingsOf(plan, result).filter(({ severity }) => severity === 'error');
  if (failed.length > 0) {
    blocks.push({
      kind: 'table',
      head: ['Code', 'URL', 'What'],
      rows: failed.slice(0, maxRows).map(({ code, key, message }) => [code, key ?? '', message]),
    });
  }
  return blocks;
}

function titleOf({ result }: ReportInput, failure: SlipwayError | undefined): string {
  if (result === undefined) return 'CloudFront invalidation (dry run)';
  if (failure !== undefined) return 'CloudFront invalidation failed';
  if (result.proofs.length > 0) return 'CloudFront serves what was published';
  return result.invalidations.length === 0 ? 'Nothing to invalidate' : 'CloudFront invalidated';
}
