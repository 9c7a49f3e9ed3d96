import { backoffMs, type Clock, type ProgressPort, unreachable } from '@slipway/core';
import type { JsonObject } from '@slipway/dispatch-payload';
import { type GitHub, type GitHubFailureCode, stateOfRuns, type WorkflowRun } from '@slipway/github';
import type { SendStep } from './plan.ts';

/** A run is listed some seconds after the dispatch that starts it. */
const lookForMs = 45_000;
const lookEveryMs = 5_000;
const maxSends = 3;
const resendBaseMs = 5_000;
const resendCapMs = 30_000;

/** What became of a message. */
export type Delivery =
  /** GitHub accepted it, or a run that it started was found. */
  | { readonly kind: 'sent'; readonly run: WorkflowRun | undefined }
  /** A run that it started was found before it was sent. */
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
 * again only if the user says that the receiver drops messages that it has seen.
 */
export async function send(step: SendStep, payload: JsonObject, ports: SendPorts): Promise<Delivery> {
  let unknown: Delivery | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const { target: repository, eventType } = step;
    const outcome = await ports.github.dispatch({ repository, eventType, clientPayload: payload });
    switch (outcome.kind) {
      case 'accepted':
        return { kind: 'sent', run: undefined };
      case 'refused': {
        // A refusal now says nothing about the attempt before.
        const { code, message: reason, hint } = outcome.failure;
        return unknown ?? { kind: 'failed', code, reason, hint };
      }
      case 'unknown':
        unknown = { kind: 'unknown', reason: outcome.reason };
        break;
      default:
        return unreachable(outcome);
    }
    ports.progress.info(`${repository}: ${outcome.reason}: looking for the run that it may have started.`);
    const run = await lookPatiently(step, ports);
    if (run !== undefined) return { kind: 'sent', run };
    if (!ports.resendUnknown || attempt === maxSends) return unknown;
    ports.progress.info(`${repository}: sending the same message again.`);
    await ports.clock.sleep(resendBaseMs / 2 + backoffMs(ports.clock, attempt, resendBaseMs, resendCapMs));
  }
}

async function lookPatiently(step: SendStep, { github, clock }: SendPorts): Promise<WorkflowRun | undefined> {
  const deadlineMs = clock.nowMs() + lookForMs;
  for (;;) {
    const search = await github.findRuns(step.target, step.id, step.runsSinceMs);
    if (search.kind === 'found' && search.runs[0] !== undefined) return search.runs[0];
    if (search.kind === 'not-allowed' || clock.nowMs() + lookEveryMs > deadlineMs) return undefined;
    await clock.sleep(lookEveryMs);
  }
}

/** The run that an earlier sending of a message started. */
export async function findEarlierRun(step: SendStep, github: GitHub): Promise<WorkflowRun | undefined> {
  if (!step.lookFirst) return undefined;
  const search = await github.findRuns(step.target, step.id, step.runsSinceMs);
  const state = search.kind === 'found' ? stateOfRuns(search.runs) : undefined;
  return state === undefined || state.kind === 'absent' ? undefined : state.run;
}
