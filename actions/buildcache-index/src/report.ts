import {
  factsSummary,
  findingsSummary,
  invalidationPaths,
  pointerChecksums,
  reportFile,
  shortChecksum,
} from '@slipway/buildcache-actions';
import { counted, formatBytes, type Problem } from '@slipway/core';
import type { Finding, IndexMove } from '@slipway/mirror';
import type { ActionResult, SummaryBlock } from '@slipway/runner';
import { indexManifestKey } from '@slipway/spack-buildcache';
import type { Inputs } from './inputs.ts';
import { type ListedIndex, remarksOf } from './list.ts';
import { changesOf, type Plan } from './plan.ts';

export interface ReportInput {
  readonly operation: Inputs['operation'];
  readonly mirror: string;
  readonly view: string | undefined;
  readonly plan: Plan;
  /** Paths that earlier runs replaced and whose invalidation is not proven; none for `list`. */
  readonly pendingPaths: readonly string[];
  /** Undefined for a dry run and for `list`. */
  readonly move: IndexMove | undefined;
  readonly indexes: readonly ListedIndex[];
  /** That of the index before the run. */
  readonly currentChecksum: string;
  readonly currentGeneration: number;
  readonly findings: readonly Finding[];
  /** Warnings about inputs that had no effect. */
  readonly warnings?: readonly Problem[] | undefined;
  readonly reportPath: string | undefined;
}

export function report(input: ReportInput): ActionResult {
  const { operation, mirror, view, plan, move, indexes, findings } = input;
  const { added, removed } = changesOf(plan);
  const changed = move?.moved ?? plan.steps.length > 0;
  const paths = invalidationPaths(changed ? [indexManifestKey(view)] : [], input.pendingPaths);
  return {
    outputs: {
      changed,
      added,
      removed,
      'index-checksum': move?.checksum ?? input.currentChecksum,
      generation: move?.generation ?? input.currentGeneration,
      'invalidation-paths': paths,
      'pointer-checksums': pointerChecksums(move === undefined ? [] : [move]),
    },
    files: [
      reportFile('buildcache-index', input.reportPath, {
        operation,
        mirror,
        view,
        plan: plan.steps,
        result: move && { move, added, removed },
        indexes,
        findings,
      }),
    ],
    summary: summary(input),
    problems: [...(input.warnings ?? []), ...findings],
  };
}

function summary(input: ReportInput): readonly SummaryBlock[] {
  const { operation, mirror, view, plan, move, indexes, findings } = input;
  const blocks: SummaryBlock[] = [{ kind: 'heading', text: `Package index: ${operation}` }];
  const rows: (readonly [string, string])[] = [
    ['Mirror', mirror],
    ['Index', view === undefined ? 'main' : `view ${view}`],
  ];
  const { added, removed } = changesOf(plan);
  const [step] = plan.steps;
  if (move !== undefined) {
    rows.push([
      'Pointer',
      move.moved ? `moved to generation ${move.generation}` : 'unchanged: nothing is new',
    ]);
    if (operation !== 'rollback') {
      rows.push(
        ['Added', counted(added, 'entry', 'entries')],
        ['Removed', counted(removed, 'entry', 'entries')],
      );
      rows.push(['Entries', move.entryCount.toLocaleString('en-US')], ['Size', formatBytes(move.sizeBytes)]);
    }
    rows.push(['SHA-256', move.checksum ?? '']);
  } else if (step?.kind === 'roll-back') {
    rows.push(['To bring back', `generation ${step.to}, instead of ${step.from}`]);
  } else if (step !== undefined) {
    if (step.kind === 'replace-index')
      rows.push(['To index', counted(step.members.length, 'entry', 'entries')]);
    rows.push(
      ['To add', counted(added, 'entry', 'entries')],
      ['To remove', counted(removed, 'entry', 'entries')],
    );
  } else if (operation !== 'list') rows.push(['To do', 'nothing']);
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
