import {
  counted,
  formatBytes,
  formatDuration,
  RemoteError,
  type SlipwayError,
  sentence,
  UserError,
} from '@slipway/core';
import type { BuildResult, DestinationResult } from '@slipway/index-building';
import { invalidationPaths } from '@slipway/pending-invalidations';
import { type ActionResult, factsSummary, reportFile, type SummaryBlock } from '@slipway/runner';
import type { IndexFinding, IndexFindingCode, PlanStep } from '@slipway/simple-index';
import { findingsSummary, mergeCounts, mergeFindings, sum } from './findings.ts';
import { countByPrefix, type ListedPrefix, listedPrefixes, prefixName } from './prefixes.ts';
import { totalsOf } from './report-listing.ts';
import { isWrite } from './step-text.ts';

const maxReportedSteps = 10_000;

export interface ReportInput {
  readonly result: BuildResult;
  readonly dryRun: boolean;
  readonly source: string;
  /** What a CDN must forget. */
  readonly paths: readonly string[];
  readonly reportPath: string | undefined;
  readonly durationMs: number;
}

/** What a destination came to; in a dry run, what it would. */
interface Changes {
  readonly written: readonly string[];
  readonly deleted: readonly string[];
  readonly unchanged: number;
}

/** The outputs, the JSON report and the summary of `build`. Pure. */
export function report(input: ReportInput): ActionResult {
  const { result } = input;
  const plans = result.destinations.flatMap(({ plan }) => plan ?? []);
  const findings = mergeFindings([result.findings, ...plans.map((plan) => plan.findings)]);
  const findingCounts = mergeCounts(
    plans.map((plan) => plan.findingCounts),
    findings,
  );
  const prefixes = result.selection === undefined ? [] : listedPrefixes(result.selection);
  const changes = result.destinations.map((one) => changesOf(one, input.dryRun));
  const count = (of: (change: Changes) => number): number => changes.reduce((all, one) => all + of(one), 0);
  return {
    outputs: {
      ...totalsOf(prefixes),
      'pages-written': count(({ written }) => written.length),
      'pages-unchanged': count(({ unchanged }) => unchanged),
      'pages-deleted': count(({ deleted }) => deleted.length),
      'invalidation-paths': invalidationPaths(input.paths, undefined),
      findings: sum(findingCounts),
    },
    files: [reportFile('package-index', input.reportPath, body(input, prefixes, findings, findingCounts))],
    summary: summary(input, { prefixes, changes, findings, findingCounts }),
    problems: findings,
    failure: failureOf(input, findings),
  };
}

function changesOf({ plan, written, deleted }: DestinationResult, dryRun: boolean): Changes {
  const steps = plan?.steps ?? [];
  const keysOf = (isWanted: (step: PlanStep) => boolean) => steps.filter(isWanted).map(({ key }) => key);
  return {
    written: dryRun ? keysOf(isWrite) : written,
    deleted: dryRun ? keysOf(({ kind }) => kind === 'delete-page') : deleted,
    unchanged: plan?.unchanged ?? 0,
  };
}

function body(
  { result, dryRun, source }: ReportInput,
  prefixes: readonly ListedPrefix[],
  findings: readonly IndexFinding[],
  findingCounts: ReadonlyMap<IndexFindingCode, number>,
): Readonly<Record<string, unknown>> {
  const failureText = ({ code, message }: SlipwayError) => ({ code, message });
  return {
    operation: 'build',
    dryRun,
    source,
    mode:
      result.mode?.kind === 'changed-keys'
        ? { kind: 'changed-keys', projects: [...result.mode.projects].sort() }
        : result.mode,
    objects: result.objects,
    counts: result.counts,
    prefixes,
    destinations: result.destinations.map((one) => ({
      url: one.url,
      plan: (one.plan?.steps ?? []).slice(0, maxReportedSteps),
      planLeftOut: Math.max(0, (one.plan?.steps.length ?? 0) - maxReportedSteps),
      written: one.written.slice(0, maxReportedSteps),
      writtenCount: one.written.length,
      deleted: one.deleted,
      unchanged: one.plan?.unchanged ?? 0,
      bytesWritten: one.bytesWritten,
      left: dryRun ? 0 : one.left,
      failure: one.error && failureText(one.error),
    })),
    failures: result.failures.map(({ key, error }) => ({ key, ...failureText(error) })),
    findings,
    findingCounts: Object.fromEntries(findingCounts),
  };
}

/** Why a run failed, in one error: every destination that is not right is named. */
function failureOf(
  { result, dryRun }: ReportInput,
  findings: readonly IndexFinding[],
): SlipwayError | undefined {
  const failed = result.destinations.flatMap(({ url, error }) =>
    error === undefined ? [] : [{ url, error }],
  );
  const [first] = failed;
  if (first !== undefined && result.destinations.length === 1) return first.error;
  if (first !== undefined) {
    const right = result.destinations.length - failed.length;
    return new RemoteError(
      'store-failed',
      `${counted(failed.length, 'destination')} of ${result.destinations.length} could not be completed: ${failed.map(({ url, error }) => `${url}: ${sentence(error.message)}`).join(' ')}`,
      {
        hint: `The other ${right === 1 ? 'one is' : `${right} are`} right. Run it again.`,
        cause: first.error,
      },
    );
  }
  const [unanswered] = result.failures;
  if (unanswered !== undefined) {
    return new RemoteError(
      unanswered.error instanceof RemoteError ? unanswered.error.code : 'store-failed',
      `The store did not answer about ${counted(result.failures.length, 'file')}, such as ${unanswered.key}: ${sentence(unanswered.error.message)}`,
      { hint: 'The pages of these files stay as they are; all others are right.', cause: unanswered.error },
    );
  }
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    const codes = [...new Set(errors.map(({ code }) => code))].join(', ');
    return new UserError(
      'plan-refused',
      `${counted(errors.length, 'problem')} (${codes}) ${errors.length === 1 ? 'keeps' : 'keep'} pages from being right.`,
      { hint: 'The pages that they concern stay as they are; all others are right.' },
    );
  }
  if (result.memoryError !== undefined) return result.memoryError;
  if (result.isDone || dryRun) return undefined;
  return new RemoteError('store-failed', 'Not everything could be done.', { hint: 'Run it again.' });
}

interface Summarized {
  readonly prefixes: readonly ListedPrefix[];
  readonly changes: readonly Changes[];
  readonly findings: readonly IndexFinding[];
  readonly findingCounts: ReadonlyMap<IndexFindingCode, number>;
}

function summary(
  input: ReportInput,
  { prefixes, changes, findings, findingCounts }: Summarized,
): readonly SummaryBlock[] {
  const { result, dryRun } = input;
  const { projects, files } = totalsOf(prefixes);
  const missing = (findingCounts.get('hash-missing') ?? 0) + (findingCounts.get('hash-required') ?? 0);
  const refused = (findingCounts.get('name-refused') ?? 0) + (findingCounts.get('key-hostile') ?? 0);
  const rows: (readonly [string, string])[] = [
    ['Source', input.source],
    ['Looked at', mode(result)],
    ['Shown', `${counted(files, 'file')} of ${counted(projects, 'project')}`],
    ['Files without a SHA-256', missing.toLocaleString('en-US')],
    ['Names refused', refused.toLocaleString('en-US')],
    ['Time', formatDuration(input.durationMs)],
  ];
  return [
    { kind: 'heading', text: title(input) },
    factsSummary(rows),
    {
      kind: 'table',
      head: [
        'Destination',
        dryRun ? 'To write' : 'Written',
        'Unchanged',
        dryRun ? 'To delete' : 'Deleted',
        'Size',
        '',
      ],
      rows: result.destinations.map(({ url, bytesWritten, error }, index) => {
        const { written = [], deleted = [], unchanged = 0 } = changes[index] ?? {};
        const numbers = [written.length, unchanged, deleted.length].map((number) =>
          number.toLocaleString('en-US'),
        );
        return [url, ...numbers, dryRun ? '' : formatBytes(bytesWritten), error?.message ?? ''];
      }),
    },
    prefixTable(input, prefixes, changes),
    ...findingsSummary(findings, sum(findingCounts)),
  ];
}

function prefixTable(
  { result, dryRun }: ReportInput,
  prefixes: readonly ListedPrefix[],
  changes: readonly Changes[],
): SummaryBlock {
  const names = prefixes.map(({ prefix }) => prefix);
  const written = countByPrefix(
    changes.flatMap((one) => one.written),
    names,
  );
  const unchanged = new Map(
    names.map((name) => [
      name,
      result.destinations.reduce((all, { plan }) => {
        const changed = new Set(plan?.steps.map(({ key }) => key));
        const keys = [...(plan?.states.get(name)?.pages.keys() ?? [])];
        return all + keys.filter((key) => !changed.has(key)).length;
      }, 0),
    ]),
  );
  return {
    kind: 'table',
    head: [
      'Prefix',
      'Directories',
      'Files',
      'Projects',
      dryRun ? 'Pages to write' : 'Pages written',
      'Unchanged',
    ],
    rows: prefixes.map(({ prefix, kind, directories, files, projects }) => [
      prefixName(prefix),
      ...[directories.length, files, kind === 'listing' ? 0 : projects.length].map((number) =>
        number.toLocaleString('en-US'),
      ),
      (written.get(prefix) ?? 0).toLocaleString('en-US'),
      (unchanged.get(prefix) ?? 0).toLocaleString('en-US'),
    ]),
  };
}

function mode({ mode: how, objects }: BuildResult): string {
  if (how?.kind === 'changed-keys')
    return `${counted(how.projects.size, 'project')} of changed keys, without a listing`;
  return `${counted(objects, 'object')}, listed`;
}

function title({ result, dryRun }: ReportInput): string {
  if (dryRun) return 'Package index to be built (dry run)';
  return result.isDone ? 'Package index built' : 'Package index not built completely';
}
