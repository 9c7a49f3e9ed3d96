import { counted, formatDuration } from '@slipway/core';
import { type ActionResult, factsSummary, reportFile } from '@slipway/runner';
import type { IndexFinding, IndexFindingCode } from '@slipway/simple-index';
import { findingsSummary, sum } from './findings.ts';
import { type ListedPrefix, prefixName } from './prefixes.ts';

const maxRows = 200;

export interface ListingReport {
  readonly source: string;
  readonly objects: number;
  readonly prefixes: readonly ListedPrefix[];
  readonly findings: readonly IndexFinding[];
  readonly findingCounts: ReadonlyMap<IndexFindingCode, number>;
  readonly reportPath: string | undefined;
  readonly durationMs: number;
}

/** The result of `list`. Pure. */
export function reportListing(input: ListingReport): ActionResult {
  const { prefixes, findings } = input;
  const findingCount = sum(input.findingCounts);
  const rows = prefixes.flatMap(({ prefix, projects }) =>
    projects.map(({ name, files, versions, latest }) => [
      prefixName(prefix),
      name === '' ? 'listing' : name,
      files.toLocaleString('en-US'),
      versions.toLocaleString('en-US'),
      latest,
    ]),
  );
  return {
    outputs: {
      ...totalsOf(prefixes),
      'pages-written': 0,
      'pages-unchanged': 0,
      'pages-deleted': 0,
      'invalidation-paths': '',
      findings: findingCount,
    },
    files: [
      reportFile('package-index', input.reportPath, {
        operation: 'list',
        source: input.source,
        objects: input.objects,
        prefixes,
        findings,
        findingCounts: Object.fromEntries(input.findingCounts),
      }),
    ],
    summary: [
      { kind: 'heading', text: 'Package index: list' },
      factsSummary([
        ['Source', input.source],
        ['Objects', input.objects.toLocaleString('en-US')],
        ['Time', formatDuration(input.durationMs)],
      ]),
      {
        kind: 'table',
        head: ['Prefix', 'Project', 'Files', 'Versions', 'Latest'],
        rows: rows.slice(0, maxRows),
      },
      ...(rows.length > maxRows
        ? [
            {
              kind: 'text',
              text: `${counted(rows.length - maxRows, 'more project')} in the JSON report.`,
            } as const,
          ]
        : []),
      ...findingsSummary(findings, findingCount),
    ],
    problems: findings,
  };
}

/** Files of all prefixes, and projects by name: one that two prefixes have counts once. */
export function totalsOf(prefixes: readonly ListedPrefix[]): {
  readonly projects: number;
  readonly files: number;
} {
  const names = new Set(prefixes.flatMap(({ projects }) => projects.map(({ name }) => name)));
  names.delete('');
  return { projects: names.size, files: prefixes.reduce((total, { files }) => total + files, 0) };
}
