import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { InternalError, keepYoungGenerationSmall, Redactor, systemClock } from '@slipway/core';
import type { ActionDefinition } from './declaration.ts';
import { printFailure, type RunnerSurroundings, runAction } from './run-action.ts';
import { workflowLog } from './workflow-log.ts';

/** How long open handles may keep the process alive after its work is done. */
const lingerMs = 2_000;

export interface ActionModule {
  // biome-ignore lint/suspicious/noExplicitAny: this can be the declarations of any action.
  readonly action: ActionDefinition<any>;
  /** What a worker thread started from `ActionContext.workerEntry` runs. */
  readonly worker?: () => Promise<void>;
}

/**
 * The whole of an action's `index.ts`: runs the action as a step of a job, or, in a worker thread, its `worker`.
 * Never rejects; the exit code is 1 for a failure, and 128 plus the signal's number when the job is cancelled.
 */
export async function start(load: () => Promise<ActionModule>): Promise<void> {
  if (!isMainThread) {
    await (await load()).worker?.();
    return;
  }
  keepYoungGenerationSmall();
  const redactor = new Redactor();
  const log = workflowLog((text) => process.stdout.write(text), redactor);
  const surroundings: RunnerSurroundings = {
    environment: process.env,
    log,
    redactor,
    clock: systemClock,
    workerEntry: process.argv[1],
  };
  let name = 'slipway';
  const crash = (reason: unknown): void => {
    const message = reason instanceof Error ? reason.message : String(reason);
    printFailure(name, new InternalError(message, { cause: reason }), surroundings);
    exitNow(1);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      log.line(`${name} was cancelled (${signal}).`);
      exitNow(128 + constants.signals[signal]);
    });
  }
  try {
    const { action } = await load();
    name = action.name;
    process.exitCode = (await runAction(action, surroundings)) ? 0 : 1;
  } catch (error) {
    printFailure(name, error, surroundings);
    process.exitCode = 1;
  }
  // A socket or worker that was not closed must not hold up the job.
  setTimeout(() => exitNow(process.exitCode ?? 0), lingerMs).unref();
}

/** Exits after all output has been written. */
function exitNow(code: number | string): void {
  process.stdout.write('', () => process.exit(code));
}
