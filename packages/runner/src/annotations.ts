import { counted, type Problem, type Severity } from '@slipway/core';
import type { WorkflowLog } from './workflow-log.ts';

/** GitHub shows ten annotations of each kind per step; one error is reserved for the failure itself. */
const maxAnnotations = 10;
const maxLoggedProblems = 5_000;

/** A problem as text, with its hint on a line of its own. */
export function problemText(problem: Problem): string {
  const subject = problem.key === undefined ? '' : `${problem.key}: `;
  const hint = problem.hint === undefined ? '' : `\n${problem.hint}`;
  return `${subject}${problem.message}${hint}`;
}

/**
 * Shows problems as annotations, at most ten of each severity (nine errors). If there are more, the last annotation says
 * how many, and the log lists them all.
 */
export function annotateProblems(log: WorkflowLog, action: string, problems: readonly Problem[]): void {
  let listed = false;
  for (const severity of ['error', 'warning', 'notice'] as const) {
    const some = problems.filter((problem) => problem.severity === severity);
    const limit = severity === 'error' ? maxAnnotations - 1 : maxAnnotations;
    if (some.length > limit && !listed) {
      listProblems(log, problems);
      listed = true;
    }
    const shown = some.length > limit ? some.slice(0, limit - 1) : some;
    for (const problem of shown) log.annotate(severity, title(action, problem), problemText(problem));
    if (shown.length < some.length)
      log.annotate(severity, action, moreText(severity, some.length - shown.length));
  }
}

function title(action: string, problem: Problem): string {
  return `${action}: ${problem.code}`;
}

function moreText(severity: Severity, count: number): string {
  const nouns = { error: 'error', warning: 'warning', notice: 'notice' } as const;
  return `${counted(count, `more ${nouns[severity]}`)}: the step's log lists all of them.`;
}

function listProblems(log: WorkflowLog, problems: readonly Problem[]): void {
  log.group(`All ${counted(problems.length, 'problem')}`);
  for (const problem of problems.slice(0, maxLoggedProblems)) {
    log.line(`${problem.severity} ${problem.code}: ${problemText(problem)}`);
  }
  if (problems.length > maxLoggedProblems) log.line(`… and ${problems.length - maxLoggedProblems} more`);
  log.endGroup();
}
