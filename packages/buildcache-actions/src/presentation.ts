import { counted } from '@slipway/core';
import type { Finding } from '@slipway/mirror';
import type { OutputDeclaration, SummaryBlock } from '@slipway/runner';
import { pathInMirror } from './mirror-in-cdn.ts';

export { factsSummary, reportFile, reportOutput } from '@slipway/runner';

const maxRows = 50;

/** Shortens each checksum in a text for display; reports have them in full. */
export function shortChecksum(text: string): string {
  return text.replaceAll(/\b([0-9a-f]{16})[0-9a-f]{48}\b/g, '$1…');
}

/** The findings as a table, errors first; empty if there are none. */
export function findingsSummary(findings: readonly Finding[]): readonly SummaryBlock[] {
  const order = { error: 0, warning: 1, notice: 2 };
  const sorted = [...findings].sort((a, b) => order[a.severity] - order[b.severity]);
  if (sorted.length === 0) return [];
  const blocks: SummaryBlock[] = [
    { kind: 'heading', text: 'Findings' },
    {
      kind: 'table',
      // The widest column comes last, where it may be cut off.
      head: ['Severity', 'What', 'Code', 'Where'],
      rows: sorted
        .slice(0, maxRows)
        .map((found) => [found.severity, found.message, found.code, shortChecksum(found.key ?? '')]),
    },
  ];
  if (sorted.length > maxRows) {
    blocks.push({
      kind: 'text',
      text: `${counted(sorted.length - maxRows, 'more finding')} in the JSON report.`,
    });
  }
  return blocks;
}

export function findingCounts(findings: readonly Finding[]): {
  readonly errors: number;
  readonly warnings: number;
  readonly notices: number;
} {
  const count = (severity: Finding['severity']): number =>
    findings.filter((found) => found.severity === severity).length;
  return { errors: count('error'), warnings: count('warning'), notices: count('notice') };
}

/** The output for `invalidationPaths`. */
export const invalidationPathsOutput = {
  description:
    'Paths that a CDN in front of the mirror must invalidate, one per line: what this run replaced, or would in a dry run, and what earlier runs did, until `cloudfront-invalidate` has proven it (its input `destination`).',
  kind: 'lines',
} as const satisfies OutputDeclaration;

/** The output for `prove` of cloudfront-invalidate. */
export const pointerChecksumsOutput = {
  description:
    'Path and SHA-256 of each index pointer as it is now, one per line, for `prove` of `cloudfront-invalidate`.',
  kind: 'lines',
} as const satisfies OutputDeclaration;

/** One line per existing index pointer. */
export function pointerChecksums(
  moves: readonly { readonly pointerKey: string; readonly pointerSha256: string | undefined }[],
): string {
  return moves
    .flatMap(({ pointerKey, pointerSha256 }) =>
      pointerSha256 === undefined ? [] : [`${pathInMirror(pointerKey)} ${pointerSha256}`],
    )
    .join('\n');
}
