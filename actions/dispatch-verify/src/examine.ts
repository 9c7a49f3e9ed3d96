import { isSafeEndpoint, printable } from '@slipway/core';
import {
  checkSignature,
  type Expectations,
  envelopeKey,
  type FieldRequest,
  type JsonObject,
  judgeEnvelope,
  type MessageArtifact,
  type ParsedEnvelope,
  parseEnvelope,
  type Refusal,
  readFields,
  refusal,
  type SignatureRules,
} from '@slipway/dispatch-payload';
import type { ReceivedEvent, Sender } from './event.ts';
import type { SchemaCheck } from './schema.ts';

/** Artifacts are passed on with a list of them under this name beside them. */
const listName = 'artifacts.json';

/** The rules for accepting a message. */
export interface Rules {
  readonly expected: Omit<Expectations, 'event'>;
  /** Empty: all. */
  readonly eventTypes: readonly string[];
  /** Logins and numbers; empty: all. */
  readonly senders: readonly string[];
  readonly signature: SignatureRules;
  readonly schema: SchemaCheck | undefined;
  readonly fields: readonly FieldRequest[];
  /** Where artifacts may be fetched from; undefined when they are not fetched. */
  readonly artifactHosts: readonly string[] | undefined;
}

/** A message that is valid, as far as can be known without a store or servers. */
export interface ExaminedMessage {
  readonly payload: JsonObject;
  readonly eventType: string;
  /** Undefined for a message without an envelope, if that is allowed. */
  readonly parsed: ParsedEnvelope | undefined;
  readonly signer: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
}

export type Examination = ExaminedMessage | { readonly refusals: readonly Refusal[] };

/** Checks a message completely. Returns all reasons to refuse it, or else the message. */
export async function examine(event: ReceivedEvent, rules: Rules): Promise<Examination> {
  const { payload, sender } = event;
  const refusals: Refusal[] = [...judgeSender(sender, rules.senders)];
  const given = Object.hasOwn(payload, envelopeKey) ? payload[envelopeKey] : undefined;
  const parsed = given === undefined ? undefined : parseEnvelope(given);
  const eventType =
    event.eventType ?? (parsed !== undefined && 'envelope' in parsed ? parsed.envelope.event : undefined);
  refusals.push(...judgeEventType(eventType, rules.eventTypes));
  let signer: string | undefined;
  if (parsed === undefined) {
    if (!rules.signature.allowUnsigned) {
      const what = `the payload has no "${envelopeKey}", which contains the signature`;
      refusals.push(
        refusal('envelope-missing', what, 'Send it with repository-dispatch, or in the format it documents.'),
      );
    }
  } else if ('problems' in parsed) {
    refusals.push(
      refusal(
        'envelope-malformed',
        `the envelope is malformed: ${parsed.problems.map((text) => printable(text, 300)).join('; ')}`,
      ),
    );
  } else {
    const checked = await checkSignature(payload, parsed.signature, rules.signature);
    signer = checked.signer;
    refusals.push(...checked.refusals);
    refusals.push(...judgeEnvelope(parsed, { ...rules.expected, event: event.eventType }));
    refusals.push(...judgeArtifacts(parsed.envelope.artifacts ?? [], rules.artifactHosts));
  }
  refusals.push(...(rules.schema?.(payload) ?? []).map((problem) => refusal('schema-violated', problem)));
  const read = readFields(payload, rules.fields);
  refusals.push(...read.refusals);
  if (refusals.length > 0 || eventType === undefined || (parsed !== undefined && 'problems' in parsed)) {
    return { refusals };
  }
  return { payload, eventType, parsed, signer, fields: read.fields };
}

/** GitHub states who sent it. A sender that consists of digits is an account number, never a login. */
function judgeSender({ login, id }: Sender, senders: readonly string[]): readonly Refusal[] {
  if (senders.length === 0) return [];
  const isAllowed = senders.some((sender) =>
    /^\d+$/.test(sender) ? sender === id : sender.toLowerCase() === login?.toLowerCase(),
  );
  if (isAllowed) return [];
  const who =
    login === undefined
      ? 'an unknown account'
      : `${printable(login, 100)} (${printable(id ?? 'no number', 20)})`;
  return [
    refusal(
      'sender-refused',
      `it was sent by ${who}, who is not in senders`,
      login === undefined ? 'Outside of GitHub, the sender is unknown: leave senders out there.' : undefined,
    ),
  ];
}

function judgeEventType(eventType: string | undefined, accepted: readonly string[]): readonly Refusal[] {
  if (eventType === undefined) {
    return [refusal('event-type-refused', 'it does not state its event type')];
  }
  if (accepted.length === 0 || accepted.includes(eventType)) return [];
  return [
    refusal('event-type-refused', `its event type "${printable(eventType, 100)}" is not in event-types`),
  ];
}

/** Which artifacts cannot be fetched, whatever a server says. A URL can be secret: messages name only its host. */
function judgeArtifacts(
  artifacts: readonly MessageArtifact[],
  hosts: readonly string[] | undefined,
): readonly Refusal[] {
  if (hosts === undefined) return [];
  return artifacts.flatMap(({ name, url: text }) => {
    const shown = `the artifact "${printable(name, 200)}"`;
    if (name.toLowerCase() === listName) {
      const what = `${shown} has the name of the list that is written beside the artifacts`;
      return [refusal('artifact-refused', what, 'Rename the file before it is published.')];
    }
    const url = text === undefined ? null : URL.parse(text);
    if (text === undefined) return [refusal('artifact-refused', `${shown} has no URL to fetch it from`)];
    if (url === null || !isSafeEndpoint(url)) {
      return [refusal('artifact-refused', `${shown} has no https:// URL without user and password`)];
    }
    if (hosts.includes(url.host)) return [];
    return [
      refusal(
        'artifact-refused',
        `${shown} is at ${printable(url.host, 200)}, which is not in artifact-hosts`,
      ),
    ];
  });
}
