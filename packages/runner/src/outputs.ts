import { InternalError } from '@slipway/core';
import type { ActionDefinition, ActionResult, OutputDeclaration } from './declaration.ts';

/** GitHub takes 1 MB of outputs a job. */
const maxOutputBytes = 1_000_000;

export interface Outputs {
  /** A text for every declared output; empty for one that this run has no value for. */
  readonly values: ReadonlyMap<string, string>;
  /** Names of outputs that were emptied because all together they would be too large. */
  readonly leftOut: readonly string[];
}

/**
 * The outputs of a run as texts, `filePaths` among them. When they are larger than 1 MB together the largest are
 * emptied, as GitHub would otherwise fail the job. Throws `InternalError` for an output that is not declared.
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
 * The outputs of a run as JSON values, each declared one: `lines` as an array, `json` as what it says, and null for what
 * this run has no value of. Throws as `collectOutputs` does.
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
      `the output "${name}" of ${action.name} is a file, and not declared so, or no file`,
    );
  }
}
