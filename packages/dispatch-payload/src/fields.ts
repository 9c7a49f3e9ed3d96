import { hasUnseen, printable } from '@slipway/core';
import type { JsonObject } from './envelope.ts';
import { type Refusal, refusal } from './refusals.ts';

const maxFieldCharacters = 4_096;

/** A requested field of a payload, and the name under which it is passed on. */
export interface FieldRequest {
  readonly name: string;
  /** Keys and array indices, starting at the payload. */
  readonly path: readonly string[];
  /** Whether it may have more than one line. */
  readonly multiline: boolean;
}

/** The requested fields of a payload, as texts, and the problems of those that cannot be passed on. */
export function readFields(
  payload: JsonObject,
  requests: readonly FieldRequest[],
): { readonly fields: Readonly<Record<string, string>>; readonly refusals: readonly Refusal[] } {
  const fields = new Map<string, string>();
  const refusals: Refusal[] = [];
  for (const { name, path, multiline } of requests) {
    const value = valueAt(payload, path);
    const shown = `the field "${printable(path.join('.'), 100)}"`;
    if (value === undefined || value === null) {
      refusals.push(refusal('field-missing', `${shown} is not in the payload`));
      continue;
    }
    const fault = fieldFault(value, multiline);
    if (fault === undefined) fields.set(name, String(value));
    else refusals.push(refusal('field-invalid', `${shown} ${fault}`));
  }
  return { fields: Object.fromEntries(fields), refusals };
}

/** Only own keys count: nothing of a payload reaches what objects inherit. */
function valueAt(payload: JsonObject, path: readonly string[]): unknown {
  let value: unknown = payload;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as JsonObject)[key];
  }
  return value;
}

function fieldFault(value: unknown, multiline: boolean): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return undefined;
  if (typeof value !== 'string') return 'is not text, a number or a boolean';
  if (value.length > maxFieldCharacters) return `has more than ${maxFieldCharacters} characters`;
  if (!multiline) return hasUnseen(value) ? 'has a line end or an invisible character' : undefined;
  return hasUnseen(value.replace(/\r?\n|\t/g, ' ')) ? 'has an invisible character' : undefined;
}
