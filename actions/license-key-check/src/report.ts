import { counted, formatDuration, type Problem, printable, UserError } from '@slipway/core';
import type { ActionResult, SummaryBlock } from '@slipway/runner';
import { customerText } from './customer.ts';
import type { Execution, FoundFailure } from './execute.ts';
import { hintOf } from './hints.ts';
import { type Change, changeText, whatIsChanged } from './key-changes.ts';
import type { Plan, Step } from './plan.ts';
import type { Check } from './vocabulary.ts';

const maxChanges = 20;
const maxShapeCharacters = 200;

export interface ReportInput {
  readonly plan: Plan;
  /** Undefined for a dry run. */
  readonly execution: Execution | undefined;
  readonly reportPath: string | undefined;
}

/** What a run tells: outputs, the JSON report, and the summary. No key is in any of them. Pure. */
export function report({ plan, execution, reportPath }: ReportInput): ActionResult {
  const failing = failingCheck(plan, execution);
  const result = execution === undefined ? 'planned' : failing === undefined ? 'passed' : 'failed';
  const failure = execution && failing && failureOf(plan, execution, failing);
  const problems = warnings(plan, execution);
  const body = {
    action: 'license-key-check',
    reportVersion: 1,
    result,
    plan,
    passedCases: execution?.passedCases ?? 0,
    checks: Object.fromEntries(execution?.tally.checks ?? []),
    changes: Object.fromEntries(execution?.tally.changes ?? []),
    processes: execution?.processes ?? 0,
    outOfTime: execution?.outOfTime ?? false,
    failingCheck: failing,
    failingCase: execution?.failure,
    failure: failure && { code: failure.code, message: failure.message, hint: failure.hint },
    problems,
  };
  return {
    outputs: {
      result,
      cases: execution?.passedCases ?? 0,
      seed: plan.seed,
      'failing-check': failing ?? '',
    },
    files: [
      {
        output: 'report',
        path: reportPath,
        defaultName: 'license-key-check-report.json',
        contents: `${JSON.stringify(body, undefined, 2)}\n`,
      },
    ],
    summary: summary(plan, execution, failing),
    problems,
    failure,
  };
}

function failingCheck(plan: Plan, execution: Execution | undefined): Check | undefined {
  if (execution === undefined) return undefined;
  if (execution.failure !== undefined) return execution.failure.check;
  return execution.passedCases < plan.minimumCases ? 'enough-cases' : undefined;
}

function failureOf(plan: Plan, { failure, passedCases }: Execution, check: Check): UserError {
  if (failure === undefined) {
    return new UserError(
      'keys-refused',
      `only ${counted(passedCases, 'case')} of the ${counted(plan.minimumCases, 'case')} that are needed passed before the time limit of ${formatDuration(plan.timeLimitMs)} (${check})`,
      { hint: hintOf({ check }) },
    );
  }
  const details = failureRows(failure).map(([name, text]) => `${name}: ${text}`);
  return new UserError(
    'keys-refused',
    [`${failure.what} (${check})`, ...details, repeatText(plan)].join('\n'),
    {
      hint: hintOf(failure),
    },
  );
}

function repeatText({ seed }: Plan): string {
  return `To repeat it: seed ${seed}`;
}

function failureRows(failure: FoundFailure): readonly (readonly [string, string])[] {
  const rows: [string, string][] = [['Smallest customer', customerText(failure.customer)]];
  if (failure.other !== undefined) rows.push(['And another', customerText(failure.other)]);
  const [change, ...more] = failure.changes ?? [];
  if (change !== undefined) {
    rows.push([
      'Change',
      `${changeText(change)}${more.length === 0 ? '' : `, and ${counted(more.length, 'other change')}`}`,
    ]);
  }
  if (failure.shape !== undefined)
    rows.push(['Shape of the key', printable(failure.shape, maxShapeCharacters)]);
  rows.push(['Found in', foundText(failure)]);
  if (failure.excerpt !== undefined) rows.push(['It wrote to standard error', failure.excerpt]);
  return rows;
}

function foundText({ caseNumber, shrinkSteps, repeatable }: FoundFailure): string {
  if (!repeatable)
    return `case ${caseNumber}; it passed when it was tried alone, so this may depend on other cases or on chance`;
  return `case ${caseNumber}${shrinkSteps === 0 ? '' : `, made smaller ${counted(shrinkSteps, 'time')}`}`;
}

function warnings(plan: Plan, execution: Execution | undefined): readonly Problem[] {
  if (execution === undefined || execution.failure !== undefined) return [];
  if (!execution.outOfTime || execution.passedCases < plan.minimumCases) return [];
  return [
    {
      code: 'enough-cases',
      severity: 'warning',
      message: `the time limit ended the check after ${execution.passedCases.toLocaleString('en-US')} of ${counted(plan.cases, 'case')}; minimum-cases asks for ${plan.minimumCases.toLocaleString('en-US')}`,
    },
  ];
}

function summary(
  plan: Plan,
  execution: Execution | undefined,
  failing: Check | undefined,
): readonly SummaryBlock[] {
  const title =
    execution === undefined
      ? 'License keys (dry run)'
      : failing === undefined
        ? 'License keys: generator and validator agree'
        : 'License keys: the release is blocked';
  const blocks: SummaryBlock[] = [{ kind: 'heading', text: title }];
  if (execution === undefined) {
    blocks.push({
      kind: 'table',
      head: ['Check', 'What'],
      rows: plan.steps.map(({ kind, what }) => [kind, what]),
    });
    return blocks;
  }
  const { failure } = execution;
  if (failure !== undefined) {
    blocks.push(
      { kind: 'text', text: `${failure.what.charAt(0).toUpperCase()}${failure.what.slice(1)}.` },
      { kind: 'table', head: ['Failing check', failure.check], rows: failureRows(failure) },
      { kind: 'text', text: hintOf(failure) },
    );
    const changes = failure.changes ?? [];
    if (changes.length > 1) blocks.push(changesTable(changes));
  }
  blocks.push(
    {
      kind: 'table',
      head: ['Check', 'What', 'Times', 'Result'],
      rows: plan.steps.map((step) => stepRow(step, execution, failing)),
    },
    { kind: 'text', text: totalsText(plan, execution) },
  );
  return blocks;
}

function stepRow(
  { kind, what }: Step,
  { tally, passedCases }: Execution,
  failing: Check | undefined,
): readonly string[] {
  const times = kind === 'enough-cases' ? passedCases : (tally.checks.get(kind) ?? 0);
  const changes =
    kind === 'changes-rejected' ? [...tally.changes].map(([change, count]) => `${change} ${count}`) : [];
  const detail = changes.length === 0 ? '' : `\n${changes.join(', ')}`;
  const result = kind === failing ? 'failed' : times === 0 ? 'not reached' : 'passed';
  return [kind, what, `${times.toLocaleString('en-US')}${detail}`, result];
}

function changesTable(changes: readonly Change[]): SummaryBlock {
  const ways = Map.groupBy(changes, whatIsChanged);
  const rows = [...ways].map(([text, some]) => [
    some.length === 1 ? text : `${text}, in ${some.length} ways`,
  ]);
  const more = rows.length > maxChanges ? [[`and ${rows.length - maxChanges} more`]] : [];
  return { kind: 'table', head: ['Accepted changes'], rows: [...rows.slice(0, maxChanges), ...more] };
}

function totalsText(plan: Plan, { passedCases, processes, durationMs }: Execution): string {
  return `${passedCases.toLocaleString('en-US')} of ${counted(plan.cases, 'case')} passed, with ${counted(processes, 'process', 'processes')} in ${formatDuration(durationMs)}. Seed ${plan.seed}.`;
}
