import type { SummaryBlock } from '@slipway/runner';
import type { IndexFinding, IndexFindingCode } from '@slipway/simple-index';

const maxRows = 50;

/** Findings of several plans, each once. */
export function mergeFindings(lists: readonly (readonly IndexFinding[])[]): readonly IndexFinding[] {
  const merged = new Map<string, IndexFinding>();
  for (const finding of lists.flat()) {
    merged.set(`${finding.code}\n${finding.key ?? ''}\n${finding.message}`, finding);
  }
  return [...merged.values()];
}

/** How many findings there are of each code: a plan for each destination counts the same files again. */
export function mergeCounts(
  counts: readonly ReadonlyMap<IndexFindingCode, number>[],
  findings: readonly IndexFinding[],
): ReadonlyMap<IndexFindingCode, number> {
  const merged = new Map<IndexFindingCode, number>();
  const raise = (code: IndexFindingCode, count: number): void => {
    merged.set(code, Math.max(merged.get(code) ?? 0, count));
  };
  for (const [code, some] of Map.groupBy(findings, (finding) => finding.code)) raise(code, some.length);
  for (const one of counts) for (const [code, count] of one) raise(code, count);
  return merged;
}

export function sum(counts: ReadonlyMap<unknown, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

/** Findings as a table, errors first. */
export function findingsSummary(findings: readonly IndexFinding[], count: number): readonly SummaryBlock[] {
  if (findings.length === 0) return [];
  const rank = { error: 0, warning: 1, notice: 2 };
  const shown = findings.toSorted((a, b) => rank[a.severity] - rank[b.severity]).slice(0, maxRows);
  const table: SummaryBlock = {
    kind: 'table',
    head: ['Severity', 'Code', 'What', 'Key'],
    rows: shown.map(({ severity, code, message, key }) => [severity, code, message, key ?? '']),
  };
  const more = count - shown.length;
  return [
    {
      kind: 'details',
      summary: `Findings: ${count.toLocaleString('en-US')}`,
      blocks: [
        table,
        ...(more > 0
          ? [
              {
                kind: 'text',
                text: `${more.toLocaleString('en-US')} more in the JSON report or the log.`,
              } as const,
            ]
          : []),
      ],
    },
  ];
}
