import { type Clock, InternalError, mapConcurrently, type ProgressPort, printable } from '@slipway/core';
import { envelopeKey, type JsonObject, limitProblems, type PayloadSigner } from '@slipway/dispatch-payload';
import type { GitHub } from '@slipway/github';
import type { Plan, SendStep } from './plan.ts';
import { type Delivery, findEarlierRun, send } from './send.ts';
import { type Ending, waitForRun } from './waiting.ts';

const concurrency = 4;

export interface TargetResult {
  readonly target: string;
  readonly id: string;
  readonly delivery: Delivery;
  /** How the receiver's run ended, if it was waited for. */
  readonly ending: Ending | undefined;
}

export interface Ports {
  readonly github: GitHub;
  /** Undefined for messages that are not signed. */
  readonly signer: PayloadSigner | undefined;
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly resendUnknown: boolean;
  readonly waitMs: number;
  /** Saves a message as it will be sent, if requested. */
  keep(target: string, payload: JsonObject): Promise<void>;
}

/** Signs and sends the messages, and waits for runs if requested. A failure of one target does not affect the others. */
export async function execute({ steps }: Plan, ports: Ports): Promise<readonly TargetResult[]> {
  const { progress } = ports;
  const sends = steps.filter((step) => step.kind === 'send');
  const waited = new Set(steps.flatMap((step) => (step.kind === 'wait' ? [step.target] : [])));
  const messages = await mapConcurrently(sends, concurrency, async (step) => ({
    step,
    payload: await signed(step, ports.signer),
    earlierRun: await findEarlierRun(step, ports.github),
  }));
  // Before anything is sent, so that a message that GitHub refuses can be delivered by hand.
  for (const { step, payload, earlierRun } of messages) {
    if (earlierRun === undefined) await ports.keep(step.target, payload);
  }
  const deadlineMs = ports.clock.nowMs() + ports.waitMs;
  progress.start('Send', messages.length, 'entries');
  const sent = await mapConcurrently(messages, concurrency, async ({ step, payload, earlierRun }) => {
    const delivery: Delivery =
      earlierRun === undefined ? await send(step, payload, ports) : { kind: 'already-sent', run: earlierRun };
    progress.info(`${step.target}: ${deliveryText(delivery)} (message ${step.id}).`);
    progress.advance(1);
    return { step, delivery };
  });
  return mapConcurrently(sent, sent.length, async ({ step, delivery }) => {
    const reached = delivery.kind === 'sent' || delivery.kind === 'already-sent';
    const ending = reached && waited.has(step.target) ? await waitForRun(step, ports, deadlineMs) : undefined;
    return { target: step.target, id: step.id, delivery, ending };
  });
}

async function signed({ payload }: SendStep, signer: PayloadSigner | undefined): Promise<JsonObject> {
  if (signer === undefined) return payload;
  const signature = await signer.sign(payload);
  const envelope = payload[envelopeKey];
  const whole = { ...payload, [envelopeKey]: { ...(envelope as JsonObject), signature } };
  const [problem] = limitProblems(whole);
  if (problem !== undefined) throw new InternalError(`a signature is larger than planned: ${problem}`);
  return whole;
}

/** The outcome of a message, in words. */
export function deliveryText(delivery: Delivery): string {
  switch (delivery.kind) {
    case 'sent':
      return delivery.run === undefined
        ? 'sent'
        : `sent, and its run was found: ${printable(delivery.run.url)}`;
    case 'already-sent':
      return `already has this message: ${printable(delivery.run.url)}`;
    case 'failed':
      return `failed: ${delivery.reason}`;
    default:
      return `unknown whether it was notified: ${delivery.reason}`;
  }
}
