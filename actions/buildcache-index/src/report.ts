import {
  factsSummary,
  findingsSummary,
  invalidationPaths,
  pointerChecksums,
  reportFile,
  shortChecksum,
} from '@slipway/buildcache-actions';
import { counted, formatBytes, type Problem } from '@slipway/core';
import type { Finding } from '@slipway/mirror';
import type { ActionResult, SummaryBlock } from '@slipway/runner';
import type { Result } from './execute.ts';
import { type ListedIndex, remarksOf } from './list.ts';
import type { Plan } from './plan.ts';

export interface ReportInput {
  readonly operation: 'update' | 'rebuild' | 'rollback' | 'list';
  readonly mirror: string;
  readonly view: string | undefined;
  readonly plan: Plan;
  /** Paths that earlier runs replaced, and of which no invalidation has been proven; none for `list`, which replaces nothing. */
  readonly pendingPaths: readonly string[];
  /** Undefined for a dry run and for `list`. */
  readonly result: Result | undefined;
  readonly indexes: readonly ListedIndex[];
  readonly currentChecksum: string;
  readonly findings: readonly Finding[];
  /** What of the inputs had no effect. */
  readonly warnings?: readonly Problem[] | undefined;
  readonly reportPath: string | undefined;
}

export function report(input: ReportInput): ActionResult {
  const { operation, mirror, view, plan, result, indexes, findings } = input;
  const move = result?.move;
  const paths = invalidationPaths(move?.moved ? [move.pointerKey] : [], input.pendingPaths);
  return {
    outputs: {
      changed: move?.moved ?? false,
      added: result?.added ?? 0,
      removed: result?.removed ?? 0,
      'index-checksum': move?.checksum ?? input.currentChecksum,
      generation: move?.generation ?? indexes.find((index) => index.current)?.generation ?? 0,
      'invalidation-paths': paths,
      'pointer-checksums': pointerChecksums(move === undefined ? [] : [move]),
    },
    files: [
      reportFile('buildcache-index', input.reportPath, {
        operation,
        mirror,
        view,
        plan: plan.steps,
        result,
        indexes,
        findings,
      }),
    ],
    summary: summary(input),
    problems: [...(input.warnings ?? []), ...findings],
  };
}

function summary({
  operation,
  mirror,
  view,
  plan,
  result,
  indexes,
  findings,
}: ReportInput): readonly SummaryBlock[] {
  const blocks: SummaryBlock[] = [{ kind: 'heading', text: `Package index: ${operation}` }];
  const rows: (readonly [string, string])[] = [
    ['Mirror', mirror],
    ['Index', view === undefined ? 'main' : `view ${view}`],
  ];
  if (result !== undefined) {
    const { move } = result;
    rows.push([
      'Pointer',
      move.moved ? `moved to generation ${move.generation}` : 'left where it is: nothing is new',
    ]);
    if (operation !== 'rollback') {
      rows.push(
        ['Added', counted(result.added, 'entry', 'entries')],
        ['Removed', counted(result.removed, 'entry', 'entries')],
      );
      rows.push(['Entries', move.entryCount.toLocaleString('en-US')], ['Size', formatBytes(move.sizeBytes)]);
    }
    rows.push(['SHA-256', move.checksum ?? '']);
  } else if (operation !== 'list') {
    for (const step of plan.steps) {
      if (step.kind === 'change-index') {
        rows.push(
          ['To add', counted(step.add.length, 'entry', 'entries')],
          ['To remove', counted(step.remove.length, 'entry', 'entries')],
        );
      } else if (step.kind === 'replace-index')
        rows.push(['To index', counted(step.members.length, 'entry', 'entries')]);
      else if (step.kind === 'roll-back')
        rows.push(['To bring back', `generation ${step.to}, instead of ${step.from}`]);
    }
    if (plan.steps.length === 0) rows.push(['To do', 'nothing']);
  }
  blocks.push(factsSummary(rows));
  if (operation === 'list') {
    blocks.push({
      kind: 'table',
      head: ['Generation', 'SHA-256', 'Size', 'Signed by', ''],
      rows: indexes.map((index) => [
        index.generation === undefined ? 'none (not by Slipway)' : String(index.generation),
        shortChecksum(index.checksum),
        formatBytes(index.sizeBytes),
        index.signedBy ?? 'nobody',
        remarksOf(index).join(', '),
      ]),
    });
  }
  return [...blocks, ...findingsSummary(findings)];
}
