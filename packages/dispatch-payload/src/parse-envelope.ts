import { type Artifact, hasUnseen, parseArtifacts, printable, SlipwayError } from '@slipway/core';
import {
  type Envelope,
  envelopeFormat,
  type JsonObject,
  type MessageArtifact,
  type MessageSource,
  parseTime,
  type Signature,
} from './envelope.ts';
import { parseEventType, parseMessageId, parseRepository } from './names.ts';

const maxTextCharacters = 256;
const maxUrlCharacters = 4_096;
const maxSignatureCharacters = 16_384;

/** An envelope with well-formed fields, which need not be true. */
export interface ParsedEnvelope {
  readonly envelope: Envelope;
  readonly signature: Signature | undefined;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

type Parse<Value> = (value: unknown) => Value;

/** The envelope of a payload, without unknown fields; or everything that is wrong with it, as clauses. */
export function parseEnvelope(value: unknown): ParsedEnvelope | { readonly problems: readonly string[] } {
  if (!isObject(value)) return { problems: ['it is not an object'] };
  if (value['format'] !== envelopeFormat) {
    const shown = typeof value['format'] === 'string' ? `"${printable(value['format'], 50)}"` : 'missing';
    return { problems: [`its format is ${shown}, not "${envelopeFormat}"`] };
  }
  const problems: string[] = [];
  const read = <Value>(from: JsonObject, name: string, parse: Parse<Value>): Value | undefined => {
    try {
      return parse(from[name]);
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  };
  const id = read(value, 'id', text(parseMessageId));
  const event = read(value, 'event', text(parseEventType));
  const audience = read(value, 'audience', text(parseRepository));
  const issuedAtMs = read(value, 'issuedAt', time);
  const expiresAtMs = read(value, 'expiresAt', time);
  if (issuedAtMs !== undefined && expiresAtMs !== undefined && expiresAtMs <= issuedAtMs) {
    problems.push('it expires before it was issued');
  }
  const source = read(value, 'source', (given) => parseSource(given, read));
  const version = read(value, 'version', optional(text(parseLine)));
  const commit = read(value, 'commit', optional(text(parseCommit)));
  const ref = read(value, 'ref', optional(text(parseLine)));
  const artifacts = read(value, 'artifacts', optional(parseMessageArtifacts));
  const signature = read(value, 'signature', optional(parseSignature));
  if (
    problems.length > 0 ||
    id === undefined ||
    event === undefined ||
    audience === undefined ||
    issuedAtMs === undefined ||
    expiresAtMs === undefined ||
    source === undefined
  ) {
    return { problems };
  }
  const envelope: Envelope = {
    format: envelopeFormat,
    id,
    event,
    audience,
    issuedAt: String(value['issuedAt']),
    expiresAt: String(value['expiresAt']),
    source,
    version,
    commit,
    ref,
    artifacts,
  };
  return { envelope, signature, issuedAtMs, expiresAtMs };
}

function parseSource(
  value: unknown,
  read: <Value>(from: JsonObject, name: string, parse: Parse<Value>) => Value | undefined,
): MessageSource {
  if (!isObject(value)) throw new Error('it is not an object');
  return {
    repository: read(value, 'repository', optional(text(parseRepository))),
    runId: read(value, 'runId', optional(text(parseRunId))),
    runAttempt: read(value, 'runAttempt', optional(parseAttempt)),
    runUrl: read(value, 'runUrl', optional(text(parseWebUrl))),
  };
}

/** Files as they are sent: with distinct names, even ignoring case, and without local paths. */
export function parseMessageArtifacts(value: unknown): readonly MessageArtifact[] {
  // A list in a file may also be a report; a message must follow its schema.
  if (!Array.isArray(value)) throw new Error('the list of artifacts is wrong: is not a JSON array');
  let artifacts: readonly Artifact[];
  try {
    artifacts = parseArtifacts(JSON.stringify(value));
  } catch (error) {
    throw new Error(error instanceof SlipwayError ? error.message : String(error), { cause: error });
  }
  const names = new Set(artifacts.map(({ name }) => name.normalize('NFC').toLowerCase()));
  if (names.size !== artifacts.length)
    throw new Error('two artifacts have the same name, or differ only in case');
  return artifacts.map(sentArtifact);
}

/** An artifact without its path on this machine and its key. */
export function sentArtifact({ name, sizeBytes, sha256, platform, url }: Artifact): MessageArtifact {
  return {
    name,
    sizeBytes,
    sha256,
    ...(platform === undefined ? {} : { platform }),
    ...(url === undefined ? {} : { url }),
  };
}

function parseSignature(value: unknown): Signature {
  if (!isObject(value)) throw new Error('it is not an object');
  const { kind, value: made } = value;
  if (typeof made !== 'string' || made.length > maxSignatureCharacters)
    throw new Error('its value is not text');
  if (kind === 'hmac-sha256' || kind === 'openpgp') return { kind, value: made };
  throw new Error('its kind is neither hmac-sha256 nor openpgp');
}

/** A line of visible text. Throws an `Error` for anything else. */
export function parseLine(line: string): string {
  if (line === '' || line.length > maxTextCharacters)
    throw new Error(`it must have 1 to ${maxTextCharacters} characters`);
  if (hasUnseen(line)) throw new Error('it has a line end or an invisible character');
  return line;
}

function parseCommit(commit: string): string {
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) return commit;
  throw new Error('it is not a commit ID of 40 or 64 hex digits');
}

function parseRunId(runId: string): string {
  if (/^\d{1,20}$/.test(runId)) return runId;
  throw new Error('it is not a run ID');
}

function parseAttempt(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw new Error('it is not an attempt number');
}

function parseWebUrl(text: string): string {
  const url = text.length > maxUrlCharacters ? null : URL.parse(text);
  if (url === null || hasUnseen(text) || !/^https?:$/.test(url.protocol))
    throw new Error('it is not an http or https URL');
  return text;
}

function time(value: unknown): number {
  const ms = parseTime(value);
  if (ms === undefined) throw new Error('it is not a time such as 2027-01-31T12:00:00Z');
  return ms;
}

function text<Value>(parse: (text: string) => Value): Parse<Value> {
  return (value) => {
    if (typeof value !== 'string') throw new Error('it is not text');
    return parse(value);
  };
}

function optional<Value>(parse: Parse<Value>): Parse<Value | undefined> {
  return (value) => (value === undefined ? undefined : parse(value));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
