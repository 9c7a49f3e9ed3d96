import { type Clock, type ProgressPort, retrying, unreachable } from '@slipway/core';
import type { JsonObject } from '@slipway/dispatch-payload';
import {
  type GitHub,
  type GitHubFailureCode,
  type RunSearch,
  stateOfRuns,
  type WorkflowRun,
} from '@slipway/github';
import type { SendStep } from './plan.ts';

/** A run is listed some seconds after the dispatch that starts it. */
const lookForMs = 45_000;
const lookBackoff = { leastMs: 5_000, baseMs: 0, capMs: 0 };
const maxSends = 3;
const resendBackoff = { leastMs: 2_500, baseMs: 10_000, capMs: 30_000 };

/** The outcome of a message. */
export type Delivery =
  /** GitHub accepted it, or a run that it started was found. */
  | { readonly kind: 'sent'; readonly run: WorkflowRun | undefined }
  /** A run that an earlier sending started was found. */
  | { readonly kind: 'already-sent'; readonly run: WorkflowRun }
  | {
      readonly kind: 'failed';
      readonly code: GitHubFailureCode;
      readonly reason: string;
      readonly hint: string | undefined;
    }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface SendPorts {
  readonly github: GitHub;
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly resendUnknown: boolean;
}

/**
 * Sends a message once. If it stays unknown whether GitHub accepted it, looks for the run that it would have started; it is sent
 * again only if the user confirms that the receiver drops repeats.
 */
export async function send(step: SendStep, payload: JsonObject, ports: SendPorts): Promise<Delivery> {
  const unknown: Delivery[] = [];
  const rule = {
    clock: ports.clock,
    backoff: resendBackoff,
    maxAttempts: ports.resendUnknown ? maxSends : 1,
    isTransient: () => false,
    isTooEarly: ({ kind }: Delivery) => kind === 'unknown',
  };
  const last = await retrying(rule, async ({ number }) => {
    if (number > 0) ports.progress.info(`${step.target}: sending the same message again.`);
    const delivery = await sendOnce(step, payload, ports);
    if (delivery.kind === 'unknown') unknown.push(delivery);
    return delivery;
  });
  // A refusal in the end says nothing about the attempts before.
  return (last.kind === 'failed' ? unknown.at(-1) : undefined) ?? last;
}

async function sendOnce(step: SendStep, payload: JsonObject, ports: SendPorts): Promise<Delivery> {
  const { target: repository, eventType } = step;
  const outcome = await ports.github.dispatch({ repository, eventType, clientPayload: payload });
  switch (outcome.kind) {
    case 'accepted':
      return { kind: 'sent', run: undefined };
    case 'refused': {
      const { code, message: reason, hint } = outcome.failure;
      return { kind: 'failed', code, reason, hint };
    }
    case 'unknown': {
      const { reason } = outcome;
      ports.progress.info(`${repository}: ${reason}: looking for the run that it may have started.`);
      const run = await lookPatiently(step, ports);
      return run === undefined ? { kind: 'unknown', reason } : { kind: 'sent', run };
    }
    default:
      return unreachable(outcome);
  }
}

async function lookPatiently(step: SendStep, { github, clock }: SendPorts): Promise<WorkflowRun | undefined> {
  const rule = {
    clock,
    deadlineMs: lookForMs,
    backoff: lookBackoff,
    isTooEarly: (search: RunSearch) => search.kind !== 'not-allowed' && newestRun(search) === undefined,
  };
  return newestRun(await retrying(rule, () => github.findRuns(step.target, step.id, step.runsSinceMs)));
}

function newestRun(search: RunSearch): WorkflowRun | undefined {
  return search.kind === 'found' ? search.runs[0] : undefined;
}

/** The run that an earlier sending of a message started. */
export async function findEarlierRun(step: SendStep, github: GitHub): Promise<WorkflowRun | undefined> {
  if (!step.lookFirst) return undefined;
  const search = await github.findRuns(step.target, step.id, step.runsSinceMs);
  const state = search.kind === 'found' ? stateOfRuns(search.runs) : undefined;
  return state === undefined || state.kind === 'absent' ? undefined : state.run;
}
