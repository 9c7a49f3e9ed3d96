import { parseJsonText, printable } from '@slipway/core';
import { envelopeKey, type JsonObject, parseRepository } from '@slipway/dispatch-payload';
import { parseEachLine } from '@slipway/runner';

const maxTargets = 100;
const maxDepth = 32;

/** Repositories, one a line. Throws one `Error` with everything that is wrong. */
export function parseTargets(text: string): readonly string[] {
  const seen = new Set<string>();
  const targets = parseEachLine(text, (line) => {
    const name = parseRepository(line).toLowerCase();
    if (seen.has(name)) throw new Error('it is there twice');
    seen.add(name);
    return line;
  });
  if (targets.length > maxTargets) throw new Error(`it has more than ${maxTargets} repositories`);
  return targets;
}

/** What to do with text of a workflow that breaks the JSON around it. */
const pasteAdvice = `Text that a workflow pastes into JSON is written with toJSON(), which brings its own quotes, as in "message": \${{ toJSON(github.event.head_commit.message) }}; or write the JSON to a file, as jq does, and name it in payload-file.`;

/** A JSON object, parsed strictly. Throws an `Error` that says what is wrong with it, and where. */
export function parsePayload(text: string | Uint8Array): JsonObject {
  const value = parseJsonText(text, { maxDepth, pasteAdvice });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('it is not a JSON object');
  }
  if (Object.hasOwn(value, envelopeKey)) {
    throw new Error(`its key "${envelopeKey}" is kept for this action's own`);
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
      throw new Error('a name has letters, digits, "_" and "-" alone, and begins with a letter');
    }
    if (name === envelopeKey) throw new Error(`"${envelopeKey}" is kept for this action's own`);
    if (fields.has(name)) throw new Error(`"${name}" is there twice`);
    fields.set(name, value);
  });
  return Object.fromEntries(fields);
}

/** What to do where a line is the rest of a value with a line break in it, as commit messages have them. */
function continuationAdvice(before: string | undefined): string {
  if (before === undefined) return '';
  return `. A value has one line: if this belongs to "${printable(before, 100)}", give that in payload, as "${printable(before, 100)}": \${{ toJSON(…) }}, or in payload-file`;
}

/** The whole id of a commit. Throws an `Error` for anything else. */
export function parseCommit(text: string): string {
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) return text;
  throw new Error('must be a full commit ID of 40 or 64 lower-case hex digits');
}

/** A ref. Throws an `Error` for what cannot be one. */
export function parseRef(text: string): string {
  if (/^[\x21-\x7e]{1,256}$/.test(text)) return text;
  throw new Error('it is longer than 256 characters, or has a space or a character that is not ASCII');
}
