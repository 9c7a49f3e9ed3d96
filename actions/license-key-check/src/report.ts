import { counted, formatDuration, printable, UserError } from '@slipway/core';
import { type ActionResult, reportFile, type SummaryBlock } from '@slipway/runner';
import { customerText } from './customer.ts';
import type { Execution, FoundFailure } from './execute.ts';
import { hintOf } from './hints.ts';
import { changeText } from './key-changes.ts';
import type { Plan, Step } from './plan.ts';
import type { Check } from './vocabulary.ts';

const maxShapeCharacters = 200;

export interface ReportInput {
  readonly plan: Plan;
  /** Undefined for a dry run. */
  readonly execution: Execution | undefined;
  readonly reportPath: string | undefined;
}

/** The outputs, the JSON report and the summary of a run. None of them contains a key. Pure. */
export function report({ plan, execution, reportPath }: ReportInput): ActionResult {
  const failingCheck = failingCheckOf(plan, execution);
  const result = execution === undefined ? 'planned' : failingCheck === undefined ? 'passed' : 'failed';
  const failure = execution && failingCheck && failureOf(plan, execution, failingCheck);
  const passedCases = execution?.passedCases ?? 0;
  const body = {
    result,
    plan,
    passedCases,
    checks: Object.fromEntries(execution?.counts ?? []),
    failingCheck,
    failingCase: execution?.failure,
    failure: failure && { code: failure.code, message: failure.message, hint: failure.hint },
  };
  return {
    outputs: { result, cases: passedCases, seed: plan.seed, 'failing-check': failingCheck ?? '' },
    files: [reportFile('license-key-check', reportPath, body)],
    summary: execution === undefined ? plannedSummary(plan) : summary(plan, execution, failingCheck),
    problems: [],
    failure,
  };
}

function failingCheckOf(plan: Plan, execution: Execution | undefined): Check | undefined {
  if (execution?.failure !== undefined) return execution.failure.check;
  return execution !== undefined && execution.passedCases < plan.cases ? 'enough-cases' : undefined;
}

function failureOf(plan: Plan, { failure, passedCases }: Execution, check: Check): UserError {
  if (failure === undefined) {
    const message = `only ${passedCases.toLocaleString('en-US')} of ${counted(plan.cases, 'case')} passed within the time limit of ${formatDuration(plan.timeLimitMs)} (${check})`;
    return new UserError('keys-refused', message, { hint: hintOf({ check, changes: undefined }) });
  }
  const details = failureRows(failure).map(([name, text]) => `${name}: ${text}`);
  const message = [`${failure.what} (${check})`, ...details, `To repeat it: seed ${plan.seed}`].join('\n');
  return new UserError('keys-refused', message, { hint: hintOf(failure) });
}

function failureRows(failure: FoundFailure): readonly (readonly [string, string])[] {
  const { customer, other, changes: [change, ...more] = [], shape, excerpt } = failure;
  const rows: [string, string][] = [['Smallest customer', customerText(customer)]];
  if (other !== undefined) rows.push(['And another', customerText(other)]);
  if (change !== undefined) {
    const rest = more.length === 0 ? '' : `, and ${counted(more.length, 'other change')}`;
    rows.push(['Change', `${changeText(change)}${rest}`]);
  }
  if (shape !== undefined) rows.push(['Shape of the key', printable(shape, maxShapeCharacters)]);
  rows.push(['Found in', foundText(failure)]);
  if (excerpt !== undefined) rows.push(['Standard error', excerpt]);
  return rows;
}

function foundText({ caseNumber, shrinkSteps, repeatable }: FoundFailure): string {
  if (!repeatable)
    return `case ${caseNumber}; it passed when tried again alone, so it may depend on earlier cases or on chance`;
  return `case ${caseNumber}${shrinkSteps === 0 ? '' : `, made smaller ${counted(shrinkSteps, 'time')}`}`;
}

function plannedSummary({ steps, generator, validator }: Plan): readonly SummaryBlock[] {
  const programs = Object.entries({ generator, validator });
  return [
    { kind: 'heading', text: 'License keys (dry run)' },
    {
      kind: 'table',
      head: ['Program', 'Command', 'Input'],
      rows: programs.map(([name, { command, transport }]) => [name, JSON.stringify(command), transport]),
    },
    { kind: 'table', head: ['Check', 'What'], rows: steps.map(({ kind, what }) => [kind, what]) },
  ];
}

function summary(plan: Plan, execution: Execution, failing: Check | undefined): readonly SummaryBlock[] {
  const { failure, passedCases, durationMs } = execution;
  const title = failing === undefined ? 'generator and validator agree' : 'the release is blocked';
  const blocks: SummaryBlock[] = [{ kind: 'heading', text: `License keys: ${title}` }];
  if (failure !== undefined) {
    const { check, what } = failure;
    blocks.push(
      { kind: 'text', text: `${what.charAt(0).toUpperCase()}${what.slice(1)}.` },
      { kind: 'table', head: ['Failing check', check], rows: failureRows(failure) },
      { kind: 'text', text: hintOf(failure) },
    );
  }
  const rows = plan.steps.map((step) => stepRow(step, execution, failing));
  blocks.push(
    { kind: 'table', head: ['Check', 'What', 'Times', 'Result'], rows },
    {
      kind: 'text',
      text: `${passedCases.toLocaleString('en-US')} of ${counted(plan.cases, 'case')} passed in ${formatDuration(durationMs)}. Seed ${plan.seed}.`,
    },
  );
  return blocks;
}

function stepRow({ kind, what }: Step, execution: Execution, failing: Check | undefined): readonly string[] {
  const { counts, passedCases } = execution;
  const times = kind === 'enough-cases' ? passedCases : (counts.get(kind) ?? 0);
  const result = kind === failing ? 'failed' : times === 0 ? 'not reached' : 'passed';
  return [kind, what, times.toLocaleString('en-US'), result];
}
