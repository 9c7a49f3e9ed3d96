import { tmpdir } from 'node:os';
import {
  asSlipwayError,
  type Clock,
  type Environment,
  type Redactor,
  type SlipwayError,
} from '@slipway/core';
import { annotateProblems } from './annotations.ts';
import type { ActionDefinition, ActionResult } from './declaration.ts';
import { failureStack, failureText } from './failure.ts';
import { logProgress } from './log-progress.ts';
import { renderMarkdown } from './markdown.ts';
import { collectOutputs } from './outputs.ts';
import { parseInputs } from './parse-inputs.ts';
import { writeResultFile } from './result-files.ts';
import { version } from './version.ts';
import type { WorkflowLog } from './workflow-log.ts';

/** What the Actions runner gives a step. */
export interface RunnerSurroundings {
  readonly environment: Environment;
  readonly log: WorkflowLog;
  readonly redactor: Redactor;
  readonly clock: Clock;
  readonly workerEntry: string | undefined;
}

/**
 * Runs an action as a step: inputs from `INPUT_*`, then the work, then result files, outputs, summary and annotations.
 * Returns whether it succeeded; a failure has been printed by then.
 */
export async function runAction(
  action: ActionDefinition,
  surroundings: RunnerSurroundings,
): Promise<boolean> {
  const { environment, log, clock } = surroundings;
  const progress = logProgress(log, clock);
  try {
    maskSecrets(action, surroundings);
    const texts = {
      textOf: (name: string) => environment[inputVariable(name)],
      spell: (name: string) => `input "${name}"`,
    };
    const inputs = await parseInputs(action, texts, {
      workDirectory: workDirectory(environment),
      environment,
    });
    log.line(firstLine(action, inputs));
    const work = action.run(inputs, {
      progress,
      clock,
      workDirectory: workDirectory(environment),
      environment,
      mask: log.mask,
      workerEntry: surroundings.workerEntry,
    });
    // It loads slowly and is needed only at the end, so it loads while the work runs.
    const [result, core] = await Promise.all([work, import('@actions/core')]);
    progress.finish();
    const failure = await publishResult(action, result, core, surroundings);
    if (failure === undefined) return true;
    printFailure(action.name, failure, surroundings);
  } catch (error) {
    progress.finish();
    printFailure(action.name, error, surroundings);
  }
  return false;
}

/** The environment variable in which the Actions runner hands over an input. */
export function inputVariable(name: string): string {
  return `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`;
}

/** Prints any error as the failure of `action`: one annotation, and the stack in a debug run. */
export function printFailure(
  action: string,
  error: unknown,
  { log, environment }: Pick<RunnerSurroundings, 'log' | 'environment'>,
): void {
  const slipwayError = asSlipwayError(error);
  log.annotate('error', action, failureText(action, slipwayError));
  if (environment['RUNNER_DEBUG'] === '1') log.debug(failureStack(slipwayError));
}

function maskSecrets(action: ActionDefinition, { environment, log }: RunnerSurroundings): void {
  for (const [name, declaration] of Object.entries(action.inputs)) {
    const secret = declaration.secret ? environment[inputVariable(name)] : undefined;
    if (secret !== undefined) log.mask(secret);
  }
}

function firstLine(action: ActionDefinition, inputs: Readonly<Record<string, unknown>>): string {
  const dryRun = inputs['dryRun'] === true ? ', dry run: nothing will be changed' : '';
  return `${action.name} ${version} on Node ${process.versions.node}, ${process.platform} ${process.arch}${dryRun}`;
}

function workDirectory(environment: Environment): string {
  return environment['GITHUB_WORKSPACE'] || process.cwd();
}

/** Writes everything that a run reports, even if a part of that fails. Returns the first failure. */
async function publishResult(
  action: ActionDefinition,
  result: ActionResult,
  core: typeof import('@actions/core'),
  { environment, log, redactor }: RunnerSurroundings,
): Promise<SlipwayError | undefined> {
  const failures: unknown[] = result.failure === undefined ? [] : [result.failure];
  const paths = new Map<string, string>();
  for (const file of result.files) {
    try {
      const directories = {
        workDirectory: workDirectory(environment),
        temporaryDirectory: environment['RUNNER_TEMP'] || tmpdir(),
      };
      const secret = action.outputs[file.output]?.secret === true;
      paths.set(file.output, await writeResultFile(file, directories, redactor, secret));
    } catch (error) {
      failures.push(error);
    }
  }
  try {
    const { values, leftOut } = collectOutputs(action, result.outputs, paths);
    for (const name of leftOut) {
      log.annotate(
        'warning',
        action.name,
        `output "${name}" is empty, because a job can have only 1 MB of outputs.`,
      );
    }
    if (environment['GITHUB_OUTPUT']) {
      for (const [name, value] of values) {
        const safeValue = redactor.redact(value);
        if (safeValue !== value) {
          const what = `output "${name}" has *** in place of text that equals a secret of this step.`;
          log.annotate('warning', action.name, `${what} Choose a secret that does not occur elsewhere.`);
        }
        core.setOutput(name, safeValue);
      }
    }
  } catch (error) {
    failures.push(error);
  }
  try {
    const summary = renderMarkdown(result.summary, { redact: (text) => redactor.redact(text) });
    if (environment['GITHUB_STEP_SUMMARY'] && summary !== '') {
      await core.summary.addRaw(summary).write();
    }
  } catch (error) {
    failures.push(error);
  }
  annotateProblems(log, action.name, result.problems);
  return failures.length === 0 ? undefined : asSlipwayError(failures[0]);
}
