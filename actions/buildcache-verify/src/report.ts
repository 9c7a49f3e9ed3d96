import {
  factsSummary,
  findingCounts,
  findingsSummary,
  reportFile,
  shortChecksum,
} from '@slipway/buildcache-actions';
import { counted, formatBytes, formatDuration, UserError } from '@slipway/core';
import type { AuditReport, Count } from '@slipway/mirror';
import type { ActionResult, SummaryBlock } from '@slipway/runner';
import type { Plan } from './plan.ts';
import { formatSarif } from './sarif.ts';

export interface ReportInput {
  readonly plan: Plan;
  readonly audit: AuditReport;
  readonly mirror: string;
  readonly level: 'metadata' | 'full';
  readonly durationMs: number;
  readonly version: string;
  readonly reportPath: string | undefined;
  readonly sarifPath: string | undefined;
}

export function report(input: ReportInput): ActionResult {
  const { audit, mirror, level } = input;
  const { findings, statistics, indexes } = audit;
  const counts = findingCounts(findings);
  const main = indexes.find((index) => index.view === undefined);
  const [first] = findings.filter((found) => found.severity === 'error');
  const more = counts.errors > 1 ? ` (and ${counted(counts.errors - 1, 'more problem')})` : '';
  return {
    outputs: {
      verified: counts.errors === 0,
      errors: counts.errors,
      warnings: counts.warnings,
      entries: statistics.entries,
      'index-checksum': main?.checksum ?? '',
    },
    files: [
      reportFile('buildcache-verify', input.reportPath, {
        mirror,
        plan: input.plan.steps,
        level,
        layout: audit.layout,
        listed: audit.listed,
        verified: counts.errors === 0,
        counts,
        indexes,
        statistics,
        findings,
      }),
      {
        output: 'sarif',
        path: input.sarifPath,
        defaultName: 'buildcache-verify.sarif',
        contents: formatSarif(findings, mirror, input.version),
      },
    ],
    summary: summary(input, counts),
    problems: findings,
    failure:
      first &&
      new UserError(
        'mirror-refused',
        `${mirror} does not verify: ${first.key ? `${first.key}: ` : ''}${first.message} (${first.code})${more}`,
        {
          hint: first.hint,
        },
      ),
  };
}

function summary(input: ReportInput, counts: ReturnType<typeof findingCounts>): readonly SummaryBlock[] {
  const { audit, mirror, level } = input;
  const { statistics, indexes } = audit;
  const entries = statistics.entries.toLocaleString('en-US');
  const verdict = counts.errors === 0 ? 'Mirror verified' : 'Mirror refused';
  const rows: (readonly [string, string])[] = [
    ['Mirror', `${mirror} (layout ${audit.layout}, level ${level})`],
    [
      'Findings',
      `${counted(counts.errors, 'error')}, ${counted(counts.warnings, 'warning')}, ${counted(counts.notices, 'notice')}`,
    ],
    [
      'Entries',
      `${entries}, of ${counted(statistics.packages, 'package')} in ${counted(statistics.versions, 'version')}`,
    ],
    ['Signed by', shown(statistics.signers)],
    ['Compilers', shown(statistics.compilers)],
    ['Targets', shown(statistics.targets)],
    ['Operating systems', shown(statistics.operatingSystems)],
    ['Externals needed', statistics.externals.toLocaleString('en-US')],
    ['Tarballs', formatBytes(statistics.tarballBytes)],
  ];
  if (audit.listed) {
    rows.push(
      ['Blobs', `${statistics.blobs.toLocaleString('en-US')}, ${formatBytes(statistics.blobBytes)}`],
      ['Saved by content addressing', formatBytes(statistics.duplicateBytesSaved)],
      [
        'Orphaned blobs',
        `${statistics.orphans.toLocaleString('en-US')}, ${formatBytes(statistics.orphanBytes)}`,
      ],
    );
  } else rows.push(['Not seen', 'unindexed entries and orphans: this mirror cannot be listed']);
  rows.push(['Time', formatDuration(input.durationMs)]);
  const blocks: SummaryBlock[] = [{ kind: 'heading', text: verdict }, factsSummary(rows)];
  if (indexes.length > 0) {
    blocks.push({
      kind: 'table',
      head: ['Index', 'Entries', 'Generation', 'Signed by', 'SHA-256'],
      rows: indexes.map((index) => [
        index.view === undefined ? 'main' : `view ${index.view}`,
        index.entries.toLocaleString('en-US'),
        index.generation === undefined ? 'none (not by Slipway)' : String(index.generation),
        index.signedBy ?? 'nobody',
        shortChecksum(index.checksum),
      ]),
    });
  }
  return [...blocks, ...findingsSummary(audit.findings)];
}

const maxShown = 8;

function shown(counts: readonly Count[]): string {
  const listed = counts
    .slice(0, maxShown)
    .map(({ name, entries }) => `${name} (${entries.toLocaleString('en-US')})`);
  if (counts.length > maxShown) listed.push(`and ${counts.length - maxShown} more`);
  return listed.join(', ') || 'none';
}
