import { type Clock, formatDuration, type ProgressPort, printable, retrying } from '@slipway/core';
import { type GitHub, type RunState, stateOfRuns, type WorkflowRun } from '@slipway/github';
import type { SendStep } from './plan.ts';

const pollBackoff = { leastMs: 750, baseMs: 750, capMs: 20_000 };

/** How waiting for a receiver's run ended. */
export type Ending =
  | { readonly kind: 'ended'; readonly run: WorkflowRun; readonly conclusion: string }
  | { readonly kind: 'deadline'; readonly run: WorkflowRun | undefined; readonly reason: string }
  | { readonly kind: 'not-allowed'; readonly reason: string };

export interface WaitPorts {
  readonly github: GitHub;
  readonly clock: Clock;
  readonly progress: ProgressPort;
}

/** Waits until the runs that a message started have ended, or until the deadline. */
export async function waitForRun(
  { target, id, runsSinceMs }: SendStep,
  { github, clock, progress }: WaitPorts,
  deadlineMs: number,
): Promise<Ending> {
  const startedMs = clock.nowMs();
  let seen: string | undefined;
  const rule = {
    clock,
    deadlineMs: deadlineMs - startedMs,
    backoff: pollBackoff,
    isTooEarly: ({ kind }: Ending) => kind === 'deadline',
  };
  return retrying(rule, async () => {
    const search = await github.findRuns(target, id, runsSinceMs);
    if (search.kind === 'not-allowed') return { kind: 'not-allowed', reason: search.reason };
    const state: RunState = search.kind === 'found' ? stateOfRuns(search.runs) : { kind: 'absent' };
    if (state.kind === 'ended') {
      const { run, conclusion } = state;
      progress.info(`${target}: its run ended with ${printable(conclusion)}: ${printable(run.url)}`);
      return { kind: 'ended', run, conclusion };
    }
    const run = state.kind === 'running' ? state.run : undefined;
    if (run !== undefined && run.url !== seen) {
      seen = run.url;
      progress.info(`${target}: waiting for ${printable(run.url)}`);
    }
    const waited = formatDuration(clock.nowMs() - startedMs);
    return {
      kind: 'deadline',
      run,
      reason: search.kind === 'failed' ? search.reason : missing(run, waited),
    };
  });
}

function missing(run: WorkflowRun | undefined, waited: string): string {
  return run === undefined
    ? `no run with the id in its title appeared within ${waited}`
    : `its run was "${printable(run.status)}" after ${waited}`;
}
