import { printable, UserError } from '@slipway/core';
import {
  clientPayload,
  type Envelope,
  envelopeFormat,
  type JsonObject,
  limitProblems,
  type MessageSource,
  type MessageSubject,
  messageId,
  timeText,
  valueFault,
} from '@slipway/dispatch-payload';

const hourMs = 3_600_000;
/** GitHub allows reruns for 30 days, and this machine's clock may be wrong. */
const knownForMs = 31 * 24 * hourMs;
const clockToleranceMs = 2 * hourMs;

export interface SendStep {
  readonly kind: 'send';
  readonly target: string;
  readonly id: string;
  readonly eventType: string;
  /** What is signed and sent. */
  readonly payload: JsonObject;
  /** Whether to check first that the receiver does not have it, because an earlier run may have sent it. */
  readonly lookFirst: boolean;
  /** The receiver's run is not older. */
  readonly runsSinceMs: number;
}

export type Step = SendStep | { readonly kind: 'wait'; readonly target: string };

export interface Plan {
  readonly steps: readonly Step[];
}

export interface PlanInput {
  readonly targets: readonly string[];
  readonly eventType: string;
  /** The user's keys, by input. */
  readonly parts: readonly { readonly input: string; readonly own: JsonObject }[];
  readonly subject: MessageSubject;
  readonly source: MessageSource;
  readonly id: string | undefined;
  /** Undefined outside of GitHub, where the contents alone identify a message. */
  readonly runId: string | undefined;
  readonly mayBeKnown: boolean;
  readonly issuedAtMs: number;
  readonly expiresInMs: number;
  /** The most that a signature adds to a payload, in bytes. */
  readonly signatureBytes: number;
  readonly wait: boolean;
}

/** Decides what to send to whom. Throws one `UserError` `plan-refused` with every reason for which GitHub or a receiver would refuse it. */
export function plan(input: PlanInput): Plan {
  const { own, problems } = merged(input.parts);
  const fault = valueFault(own, { exactNumbers: true });
  if (fault !== undefined) throw refused([...problems, `in the payload, ${fault}`]);
  const sends = input.targets.map((target) => sendStep(input, own, target));
  const limits = sends.map(({ payload }) => limitProblems(payload, input.signatureBytes));
  problems.push(...(limits.find((found) => found.length > 0) ?? []));
  if (problems.length > 0) throw refused(problems);
  const waits = input.wait ? sends.map(({ target }): Step => ({ kind: 'wait', target })) : [];
  return { steps: [...sends, ...waits] };
}

function sendStep(input: PlanInput, own: JsonObject, target: string): SendStep {
  const { eventType: event, source, subject, issuedAtMs } = input;
  const identity = {
    ...subject,
    sourceRepository: source.repository,
    runId: input.runId,
    event,
    target,
    own,
  };
  const id = input.id ?? messageId(identity);
  const envelope: Envelope = {
    format: envelopeFormat,
    id,
    event,
    audience: target,
    issuedAt: timeText(issuedAtMs),
    expiresAt: timeText(issuedAtMs + input.expiresInMs),
    source,
    ...subject,
  };
  return {
    kind: 'send',
    target,
    id,
    eventType: event,
    payload: withoutAbsent(clientPayload(own, envelope, undefined)),
    lookFirst: input.mayBeKnown,
    runsSinceMs: issuedAtMs - (input.mayBeKnown ? knownForMs : clockToleranceMs),
  };
}

function merged(parts: PlanInput['parts']): { readonly own: JsonObject; readonly problems: string[] } {
  const problems: string[] = [];
  const fromInput = new Map<string, string>();
  const entries: [string, unknown][] = [];
  for (const { input, own } of parts) {
    for (const [key, value] of Object.entries(own)) {
      const other = fromInput.get(key);
      if (other !== undefined)
        problems.push(`the key "${printable(key, 100)}" is in ${other} and in ${input}`);
      else entries.push([key, value]);
      fromInput.set(key, input);
    }
  }
  return { own: Object.fromEntries(entries), problems };
}

/** Without undefined members, as in JSON. */
function withoutAbsent(payload: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(payload)) as JsonObject;
}

function refused(problems: readonly string[]): UserError {
  const [first = ''] = problems;
  const message = problems.length === 1 ? first : `${problems.length} problems:\n- ${problems.join('\n- ')}`;
  return new UserError('plan-refused', message, { hint: 'Nothing was sent.' });
}
