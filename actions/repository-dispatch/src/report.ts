import { formatDuration, printable } from '@slipway/core';
import { type ActionResult, reportFile, type SummaryBlock } from '@slipway/runner';
import type { TargetResult } from './execute.ts';
import { type Finding, failureOf, findingOf, isUndelivered } from './findings.ts';
import type { Plan, SendStep } from './plan.ts';

export interface ReportInput {
  readonly plan: Plan;
  readonly eventType: string;
  /** Whether the messages are signed, and how. */
  readonly signature: string;
  /** Undefined for a dry run. */
  readonly results: readonly TargetResult[] | undefined;
  readonly durationMs: number;
  readonly reportPath: string | undefined;
}

export function report(input: ReportInput): ActionResult {
  const { plan, results, signature } = input;
  const sends = plan.steps.filter((step) => step.kind === 'send');
  const delivered = (results ?? []).filter((result) => !isUndelivered(result));
  const failure = failureOf(results ?? []);
  const problems: Finding[] = (results ?? []).flatMap((result) => findingOf(result) ?? []);
  if (signature === 'none') {
    problems.push({
      code: 'unsigned',
      severity: 'warning',
      message:
        'the messages are not signed: anyone who may dispatch to the receiver can send the same message',
    });
  }
  const rows = results?.map(rowOf) ?? sends.map(plannedRow);
  const targetsWith = (kinds: readonly string[]): string =>
    (results ?? [])
      .filter(({ delivery }) => kinds.includes(delivery.kind))
      .map(({ target }) => target)
      .join('\n');
  return {
    outputs: {
      results: JSON.stringify(rows),
      sent: delivered.length,
      failed: targetsWith(['failed', 'unknown']),
      unknown: targetsWith(['unknown']),
      ids: sends.map(({ id }) => id).join('\n'),
      'run-urls': rows.flatMap(({ runUrl }) => runUrl ?? []).join('\n'),
      conclusion: conclusionOf(plan, results ?? []),
    },
    files: [
      reportFile('repository-dispatch', input.reportPath, {
        dryRun: results === undefined,
        signature,
        plan,
        results: rows,
        failure: failure && { code: failure.code, message: failure.message },
        problems,
      }),
    ],
    summary: summary(input, rows, failure !== undefined),
    problems,
    failure,
  };
}

/** A target in the output `results`. */
interface Row {
  readonly target: string;
  readonly id: string;
  readonly status: 'planned' | TargetResult['delivery']['kind'];
  readonly runUrl?: string | undefined;
  readonly conclusion?: string | undefined;
  readonly reason?: string | undefined;
}

function plannedRow({ target, id }: SendStep): Row {
  return { target, id, status: 'planned' };
}

function rowOf(result: TargetResult): Row {
  const { target, id, delivery, ending } = result;
  const run = ending?.kind === 'ended' || ending?.kind === 'deadline' ? ending.run : undefined;
  const found = run ?? ('run' in delivery ? delivery.run : undefined);
  const finding = findingOf(result);
  return {
    target,
    id,
    status: delivery.kind,
    runUrl: found === undefined ? undefined : printable(found.url),
    conclusion: ending === undefined ? undefined : endingText(ending),
    reason: finding === undefined ? undefined : `${finding.code}: ${finding.message}`,
  };
}

/**
 * The combined outcome of the awaited runs: that of the first run that did not succeed, or of the first target that was not
 * reached.
 */
function conclusionOf({ steps }: Plan, results: readonly TargetResult[]): string {
  if (!steps.some(({ kind }) => kind === 'wait')) return '';
  const endings = results.map(({ delivery, ending }) =>
    ending === undefined ? delivery.kind : endingText(ending),
  );
  return endings.find((ending) => ending !== 'success') ?? endings[0] ?? '';
}

function endingText(ending: NonNullable<TargetResult['ending']>): string {
  return ending.kind === 'ended' ? printable(ending.conclusion) : ending.kind;
}

function summary(
  { eventType, signature, results, durationMs }: ReportInput,
  rows: readonly Row[],
  failed: boolean,
): readonly SummaryBlock[] {
  const title = failed ? 'Not every repository was notified' : 'Repositories notified';
  const waited = rows.some(({ conclusion }) => conclusion !== undefined);
  return [
    { kind: 'heading', text: results === undefined ? 'Repositories to notify (dry run)' : title },
    {
      kind: 'table',
      head: ['Event type', eventType],
      rows: [
        ['Signature', signature],
        ['Time', formatDuration(durationMs)],
      ],
    },
    {
      kind: 'table',
      head: ['Repository', 'Status', ...(waited ? ['Run ended with'] : []), 'Message', 'Run', 'Why'],
      rows: rows.map(({ target, status, conclusion, id, runUrl, reason }) => [
        target,
        status,
        ...(waited ? [conclusion ?? ''] : []),
        id,
        runUrl ?? '',
        reason ?? '',
      ]),
    },
  ];
}
