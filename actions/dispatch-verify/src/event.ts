import { type Environment, JsonError, parseJsonText } from '@slipway/core';
import { type JsonObject, payloadLimits, type Refusal, refusal, valueFault } from '@slipway/dispatch-payload';

const maxDepth = 64;
const dispatchEvent = 'repository_dispatch';

/** The account that started a run: login and number, as far as they are known. */
export interface Sender {
  readonly login: string | undefined;
  readonly id: string | undefined;
}

/** What was received, before anything in it is trusted. */
export interface ReceivedEvent {
  readonly payload: JsonObject;
  /** From GitHub; undefined for a manual run. */
  readonly eventType: string | undefined;
  readonly sender: Sender;
}

export type EventReading = ReceivedEvent | { readonly refusals: readonly Refusal[] };

/** The payload of the event that started this run, from the file of the runner. */
export function readEvent(bytes: Uint8Array, environment: Environment): EventReading {
  if (environment['GITHUB_EVENT_NAME'] !== dispatchEvent) {
    const what = `this run was not started by ${dispatchEvent}`;
    return { refusals: [refusal('event-unexpected', what, 'For a manual run, set payload-file.')] };
  }
  const event = parsedObject(bytes, 'the event');
  if ('refusals' in event) return event;
  const { action, client_payload: payload, sender } = event.object;
  if (typeof action !== 'string' || action === '') {
    return { refusals: [refusal('payload-malformed', 'the event has no type')] };
  }
  const read = checkedPayload(payload ?? {});
  if ('refusals' in read) return read;
  const { login, id } = isObject(sender) ? sender : { login: undefined, id: undefined };
  return {
    payload: read.object,
    eventType: action,
    sender: {
      login: typeof login === 'string' ? login : undefined,
      id: typeof id === 'number' ? String(id) : undefined,
    },
  };
}

/** A `client_payload` that was passed to a manual run; the account that started the run is the sender. */
export function readPayload(bytes: Uint8Array, environment: Environment): EventReading {
  const parsed = parsedObject(bytes, 'the payload');
  if ('refusals' in parsed) return parsed;
  const read = checkedPayload(parsed.object);
  if ('refusals' in read) return read;
  const sender = { login: environment['GITHUB_ACTOR'], id: environment['GITHUB_ACTOR_ID'] };
  return { payload: read.object, eventType: undefined, sender };
}

type ObjectReading = { readonly object: JsonObject } | { readonly refusals: readonly Refusal[] };

function parsedObject(bytes: Uint8Array, what: string): ObjectReading {
  let value: unknown;
  try {
    value = parseJsonText(bytes, { maxDepth });
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return malformed(`${what} is refused: ${error.message} (${error.fault})`);
  }
  return isObject(value) ? { object: value } : malformed(`${what} is not a JSON object`);
}

function checkedPayload(payload: unknown): ObjectReading {
  if (!isObject(payload)) return malformed('the payload is not a JSON object');
  const fault = valueFault(payload, { exactNumbers: false });
  if (fault !== undefined) return malformed(`in the payload, ${fault}`);
  const sizeBytes = Buffer.byteLength(JSON.stringify(payload));
  if (sizeBytes > payloadLimits.maxBytes) {
    const what = `the payload has ${sizeBytes.toLocaleString('en-US')} bytes, more than GitHub sends`;
    return { refusals: [refusal('payload-too-large', what)] };
  }
  return { object: payload };
}

function malformed(message: string): { readonly refusals: readonly Refusal[] } {
  return { refusals: [refusal('payload-malformed', message)] };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
