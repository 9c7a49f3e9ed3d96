import { InternalError } from '@slipway/core';
import type { ActionDefinition, ActionResult, OutputDeclaration } from './declaration.ts';

/** GitHub accepts 1 MB of outputs per job. */
const maxOutputBytes = 1_000_000;

export interface Outputs {
  /** The text of every declared output, empty where this run has no value. */
  readonly values: ReadonlyMap<string, string>;
  /** Names of outputs that were emptied because the outputs were too large together. */
  readonly leftOut: readonly string[];
}

/**
 * The outputs of a run as text, including `filePaths`. If they exceed 1 MB together, the largest are emptied, because
 * GitHub would fail the job. Throws `InternalError` for an output that is not declared.
 */
export function collectOutputs(
  action: Pick<ActionDefinition, 'name' | 'outputs'>,
  outputs: ActionResult['outputs'],
  filePaths: ReadonlyMap<string, string>,
  maxBytes = maxOutputBytes,
): Outputs {
  const values = new Map(Object.keys(action.outputs).map((name) => [name, '']));
  for (const [name, value] of [...Object.entries(outputs), ...filePaths]) {
    checkDeclared(action, name, filePaths);
    values.set(name, String(value));
  }
  const leftOut: string[] = [];
  const sizeOf = ([name, value]: [string, string]): number =>
    Buffer.byteLength(name) + Buffer.byteLength(value);
  let totalBytes = [...values].reduce((total, entry) => total + sizeOf(entry), 0);
  for (const entry of [...values].sort((a, b) => sizeOf(b) - sizeOf(a))) {
    if (totalBytes <= maxBytes) break;
    totalBytes -= Buffer.byteLength(entry[1]);
    values.set(entry[0], '');
    leftOut.push(entry[0]);
  }
  return { values, leftOut };
}

/**
 * Every declared output as a JSON value: `lines` as an array, `json` as the value itself, and null where this run has no
 * value. Throws as `collectOutputs` does.
 */
export function outputValues(
  action: Pick<ActionDefinition, 'name' | 'outputs'>,
  outputs: ActionResult['outputs'],
  filePaths: ReadonlyMap<string, string>,
): Readonly<Record<string, unknown>> {
  for (const name of [...Object.keys(outputs), ...filePaths.keys()]) checkDeclared(action, name, filePaths);
  return Object.fromEntries(
    Object.entries(action.outputs).map(([name, { kind }]) => {
      const value = filePaths.get(name) ?? outputs[name];
      return [name, value === undefined ? null : jsonValue(value, kind)];
    }),
  );
}

function jsonValue(value: string | number | boolean, kind: OutputDeclaration['kind']): unknown {
  if (typeof value !== 'string') return value;
  if (kind === 'lines') return value.split('\n').filter((line) => line !== '');
  return kind === 'json' && value !== '' ? JSON.parse(value) : value;
}

function checkDeclared(
  action: Pick<ActionDefinition, 'name' | 'outputs'>,
  name: string,
  filePaths: ReadonlyMap<string, string>,
): void {
  const declared = Object.hasOwn(action.outputs, name) ? action.outputs[name] : undefined;
  if (declared === undefined) throw new InternalError(`${action.name} has no output "${name}"`);
  if ((declared.kind === 'file') !== filePaths.has(name)) {
    throw new InternalError(
      `the output "${name}" of ${action.name} must be a file if and only if it is declared as one`,
    );
  }
}
