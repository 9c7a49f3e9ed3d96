import { parseStrictJson, printable } from '@slipway/core';
import { envelopeKey, parseRepository } from '@slipway/dispatch-payload';

const maxTargets = 100;
const maxShownCharacters = 100;
const maxDepth = 32;

/** What a user gives a receiver, by its keys. */
export type UserPayload = Readonly<Record<string, unknown>>;

/** Repositories, one a line. Throws one `Error` with everything that is wrong. */
export function parseTargets(text: string): readonly string[] {
  const lines = linesOf(text);
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const line of lines) {
    try {
      const name = parseRepository(line).toLowerCase();
      if (seen.has(name)) problems.push(`"${line}" is there twice`);
      seen.add(name);
    } catch (error) {
      problems.push(`"${printable(line, maxShownCharacters)}": ${messageOf(error)}`);
    }
  }
  if (lines.length > maxTargets) problems.push(`it has more than ${maxTargets} repositories`);
  if (problems.length > 0) throw new Error(problems.join('; '));
  return lines;
}

/** A JSON object, parsed strictly. Throws an `Error` that says why it is none. */
export function parsePayload(text: string | Uint8Array): UserPayload {
  const value = parseStrictJson(text, maxDepth);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('it is no JSON object');
  if (Object.hasOwn(value, envelopeKey))
    throw new Error(`its key "${envelopeKey}" is kept for this action's own`);
  return { ...value };
}

/** `name=value` lines as texts by their names. Throws one `Error` with everything that is wrong. */
export function parseFieldLines(text: string): UserPayload {
  const fields = new Map<string, string>();
  const problems: string[] = [];
  for (const line of linesOf(text)) {
    const [, name, value = ''] = /^([^=]+?)\s*=\s*(.*)$/.exec(line) ?? [];
    const shown = `"${printable(line, maxShownCharacters)}"`;
    if (name === undefined) problems.push(`${shown} is no name=value`);
    else if (!/^[A-Za-z_][\w-]{0,63}$/.test(name)) {
      problems.push(`${shown}: a name has letters, digits, "_" and "-" alone, and begins with a letter`);
    } else if (name === envelopeKey) problems.push(`the name "${envelopeKey}" is kept for this action's own`);
    else if (fields.has(name)) problems.push(`the name "${name}" is there twice`);
    else fields.set(name, value);
  }
  if (problems.length > 0) throw new Error(problems.join('; '));
  return Object.fromEntries(fields);
}

function linesOf(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
