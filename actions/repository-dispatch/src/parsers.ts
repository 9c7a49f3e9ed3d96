import { parseStrictJson } from '@slipway/core';
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

/** A JSON object, parsed strictly. Throws an `Error` that says why it is none. */
export function parsePayload(text: string | Uint8Array): JsonObject {
  const value = parseStrictJson(text, maxDepth);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('it is no JSON object');
  }
  if (Object.hasOwn(value, envelopeKey)) {
    throw new Error(`its key "${envelopeKey}" is kept for this action's own`);
  }
  return { ...value };
}

/** `name=value` lines as texts by their names. Throws one `Error` with everything that is wrong. */
export function parseFieldLines(text: string): JsonObject {
  const fields = new Map<string, string>();
  parseEachLine(text, (line) => {
    const equals = line.indexOf('=');
    if (equals < 1) throw new Error('it is no name=value');
    const name = line.slice(0, equals).trimEnd();
    const value = line.slice(equals + 1).trimStart();
    if (!/^[A-Za-z_][\w-]{0,63}$/.test(name)) {
      throw new Error('a name has letters, digits, "_" and "-" alone, and begins with a letter');
    }
    if (name === envelopeKey) throw new Error(`"${envelopeKey}" is kept for this action's own`);
    if (fields.has(name)) throw new Error(`"${name}" is there twice`);
    fields.set(name, value);
  });
  return Object.fromEntries(fields);
}
