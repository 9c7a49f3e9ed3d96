import type { Clock, ProgressPort } from '@slipway/core';
import { doneText, progressText, type Step } from './progress-text.ts';
import type { WorkflowLog } from './workflow-log.ts';

const progressEveryMs = 5_000;
const maxLinesPerStep = 2_000;

/**
 * Progress in a step's log. Each step is a group that ends with its duration, and has a progress line at most every five
 * seconds. Other lines stand outside groups, at most 2,000 after a step. `finish` closes the last group.
 */
export function logProgress(log: WorkflowLog, clock: Clock): ProgressPort & { finish(): void } {
  let step: Step | undefined;
  let lastProgressMs = 0;
  let lines = 0;

  const closeStep = (): void => {
    if (step !== undefined) {
      log.line(doneText(step, clock.nowMs()));
      log.endGroup();
    }
    step = undefined;
  };
  const finish = (): void => {
    closeStep();
    if (lines > maxLinesPerStep) log.line(`… and ${lines - maxLinesPerStep} more lines`);
    lines = 0;
  };

  return {
    start(name, total, unit) {
      finish();
      step = { name, total, unit, startedMs: clock.nowMs(), done: 0 };
      lastProgressMs = step.startedMs;
      log.group(name);
    },
    advance(amount) {
      if (step === undefined) return;
      step.done += amount;
      const nowMs = clock.nowMs();
      if (nowMs - lastProgressMs < progressEveryMs) return;
      lastProgressMs = nowMs;
      log.line(progressText(step, nowMs));
    },
    info(line) {
      // Messages of a step must not be hidden in the group of its progress.
      closeStep();
      lines += 1;
      if (lines <= maxLinesPerStep) log.line(line);
    },
    debug: (line) => log.debug(line),
    finish,
  };
}
