import { counted, formatDuration, printable, sentence, UserError } from '@slipway/core';
import { type ActionResult, factsSummary, reportFile, type SummaryBlock } from '@slipway/runner';
import { type Check, checks, hintOf } from './checks.ts';
import { customerText } from './customer.ts';
import type { Execution, FoundFailure } from './execute.ts';
import type { Plan } from './plan.ts';

const maxShapeCharacters = 200;

/** The outputs, the JSON report and the summary of a run, which is undefined for a dry run. None contains a key. Pure. */
export function report(
  plan: Plan,
  execution: Execution | undefined,
  reportPath: string | undefined,
): ActionResult {
  const failingCheck = execution && failingCheckOf(plan, execution);
  const failure = execution && failingCheck && failureOf(plan, execution, failingCheck);
  const result = execution === undefined ? 'planned' : failure === undefined ? 'passed' : 'failed';
  const { passedCases = 0, counts = [] } = execution ?? {};
  const body = {
    result,
    plan,
    passedCases,
    checks: Object.fromEntries(counts),
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

function failingCheckOf(plan: Plan, { failure, passedCases }: Execution): Check | undefined {
  return failure?.check ?? (passedCases < plan.cases ? 'enough-cases' : undefined);
}

function failureOf(plan: Plan, { failure, passedCases }: Execution, check: Check): UserError {
  const limit = formatDuration(plan.timeLimitMs);
  const lines =
    failure === undefined
      ? [`only ${casesText(passedCases, plan)} passed within the time limit of ${limit} (${check})`]
      : [
          `${failure.what} (${check})`,
          ...failureFacts(failure).map(([name, text]) => `${name}: ${text}`),
          `To repeat it: seed ${plan.seed}`,
        ];
  return new UserError('keys-refused', lines.join('\n'), { hint: hintOf(check, failure?.changes?.[0]) });
}

function casesText(passedCases: number, plan: Plan): string {
  return `${passedCases.toLocaleString('en-US')} of ${counted(plan.cases, 'case')}`;
}

function failureFacts(failure: FoundFailure): readonly (readonly [string, string])[] {
  const { customer, other, changes: [change, ...more] = [], shape, excerpt } = failure;
  const moreChanges = more.length === 0 ? '' : `, and ${counted(more.length, 'other change')}`;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Smallest customer', customerText(customer)],
    ['And another', other && customerText(other)],
    ['Change', change && `${change.what}${moreChanges}`],
    ['Shape of the key', shape && printable(shape, maxShapeCharacters)],
    ['Found in', foundText(failure)],
    ['Standard error', excerpt],
  ];
  return facts.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
}

function foundText({ caseNumber, shrinkSteps, repeatable }: FoundFailure): string {
  if (!repeatable)
    return `case ${caseNumber}; it passed when tried again alone, so it may depend on earlier cases or on chance`;
  return `case ${caseNumber}${shrinkSteps === 0 ? '' : `, made smaller ${counted(shrinkSteps, 'time')}`}`;
}

function plannedSummary({ checks: planned, generator, validator }: Plan): readonly SummaryBlock[] {
  const commands = Object.entries({ generator, validator }).map(([name, { command, transport }]) => [
    name,
    JSON.stringify(command),
    transport,
  ]);
  return [
    { kind: 'heading', text: 'License keys (dry run)' },
    { kind: 'table', head: ['Program', 'Command', 'Input'], rows: commands },
    { kind: 'table', head: ['Check', 'What'], rows: planned.map((check) => [check, checks[check].what]) },
  ];
}

function summary(plan: Plan, execution: Execution, failing: Check | undefined): readonly SummaryBlock[] {
  const { failure, passedCases, counts, durationMs } = execution;
  const title = failing === undefined ? 'generator and validator agree' : 'the release is blocked';
  const rows = plan.checks.map((check) => {
    const times = check === 'enough-cases' ? passedCases : (counts.get(check) ?? 0);
    const result = check === failing ? 'failed' : times === 0 ? 'not reached' : 'passed';
    return [check, checks[check].what, times.toLocaleString('en-US'), result];
  });
  const passed = `${casesText(passedCases, plan)} passed in ${formatDuration(durationMs)}.`;
  return [
    { kind: 'heading', text: `License keys: ${title}` },
    ...(failure === undefined ? [] : failureSummary(failure)),
    { kind: 'table', head: ['Check', 'What', 'Times', 'Result'], rows },
    { kind: 'text', text: `${passed} Seed ${plan.seed}.` },
  ];
}

function failureSummary(failure: FoundFailure): readonly SummaryBlock[] {
  const { check, what, changes } = failure;
  return [
    { kind: 'text', text: sentence(what.charAt(0).toUpperCase() + what.slice(1)) },
    factsSummary([['Failing check', check], ...failureFacts(failure)]),
    { kind: 'text', text: hintOf(check, changes?.[0]) },
  ];
}
