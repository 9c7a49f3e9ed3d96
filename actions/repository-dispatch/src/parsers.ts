import { parseJsonText, printable } from '@slipway/core';
import { envelopeKey, type JsonObject, parseRepository } from '@slipway/dispatch-payload';
import { parseEachLine } from '@slipway/runner';

const maxTargets = 100;
const maxDepth = 32;

/** Repositories, one per line. Throws one `Error` with everything that is wrong. */
export function parseTargets(text: string): readonly string[] {
  const seen = new Set<string>();
  const targets = parseEachLine(text, (line) => {
    const name = parseRepository(line).toLowerCase();
    if (seen.has(name)) throw new Error('it appears twice');
    seen.add(name);
    return line;
  });
  if (targets.length > maxTargets) throw new Error(`it has more than ${maxTargets} repositories`);
  return targets;
}

/** Advice for workflow text that breaks the JSON around it. */
const pasteAdvice = `Insert text of a workflow into JSON with toJSON(), which adds the quotes, as in "message": \${{ toJSON(github.event.head_commit.message) }}; or write the JSON to a file, for example with jq, and name the file in payload-file.`;

/** A JSON object, parsed strictly. Throws an `Error` that says what is wrong with it, and where. */
export function parsePayload(text: string | Uint8Array): JsonObject {
  const value = parseJsonText(text, { maxDepth, pasteAdvice });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('it is not a JSON object');
  }
  if (Object.hasOwn(value, envelopeKey)) {
    throw new Error(`its key "${envelopeKey}" is reserved for this action`);
  }
  return { ...value };
}

/** `name=value` lines as texts by their names. Throws one `Error` with everything that is wrong. */
export function parseFieldLines(text: string): JsonObject {
  const fields = new Map<string, string>();
  let before: string | undefined;
  parseEachLine(text, (line) => {
    const equals = line.indexOf('=');
    if (equals < 1) throw new Error(`must be name=value${continuationAdvice(before)}`);
    const name = line.slice(0, equals).trimEnd();
    const value = line.slice(equals + 1).trimStart();
    before = name;
    if (!/^[A-Za-z_][\w-]{0,63}$/.test(name)) {
      throw new Error('a name consists of letters, digits, "_" and "-", and begins with a letter');
    }
    if (name === envelopeKey) throw new Error(`"${envelopeKey}" is reserved for this action`);
    if (fields.has(name)) throw new Error(`"${name}" appears twice`);
    fields.set(name, value);
  });
  return Object.fromEntries(fields);
}

/** Advice for a line that is the rest of a value with a line break, as in commit messages. */
function continuationAdvice(before: string | undefined): string {
  if (before === undefined) return '';
  return `. A value is one line: if this belongs to "${printable(before, 100)}", give that in payload, as "${printable(before, 100)}": \${{ toJSON(…) }}, or in payload-file`;
}

/** A full commit ID. Throws an `Error` for anything else. */
export function parseCommit(text: string): string {
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) return text;
  throw new Error('must be a full commit ID of 40 or 64 lower-case hex digits');
}

/** A ref. Throws an `Error` for anything else. */
export function parseRef(text: string): string {
  if (/^[\x21-\x7e]{1,256}$/.test(text)) return text;
  throw new Error('it has more than 256 characters, a space, or a character that is not ASCII');
}
