import { parseArgs } from 'node:util';
import { printable } from '@slipway/core';
import type { InputDeclarations } from '@slipway/runner';
import { closest } from './closest.ts';

/** The flags of every command, beside the inputs of its action. */
export const commonFlags = {
  json: 'Write the report as JSON to standard output, and everything else to standard error.',
  debug: 'Tell more, and show where an error came from.',
  help: 'Show this help.',
} as const;

export type CommonFlag = keyof typeof commonFlags;

export interface ParsedArguments {
  /** What was given for each input, in order; booleans as `true` and `false`. */
  readonly given: ReadonlyMap<string, readonly string[]>;
  readonly flags: ReadonlySet<CommonFlag>;
  /** A sentence for each argument that means nothing. Values are never repeated: one may be a misplaced secret. */
  readonly problems: readonly string[];
}

/**
 * Reads the arguments after the action's name: `--name value`, `--name=value`, and for booleans `--name` and
 * `--no-name`. Never throws: everything wrong is in `problems`.
 */
export function parseArguments(args: readonly string[], inputs: InputDeclarations): ParsedArguments {
  const isBoolean = (name: string): boolean =>
    Object.hasOwn(inputs, name) && inputs[name]?.kind === 'boolean';
  const options = {
    ...Object.fromEntries(
      Object.keys(inputs).map((name) => [name, optionOf(isBoolean(name) ? 'boolean' : 'string')]),
    ),
    ...Object.fromEntries(Object.keys(commonFlags).map((name) => [name, optionOf('boolean')])),
    help: { ...optionOf('boolean'), short: 'h' },
  };
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });

  const given = new Map<string, string[]>();
  const flags = new Set<CommonFlag>();
  const problems: string[] = [];
  const add = (name: string, value: string): void => {
    given.set(name, [...(given.get(name) ?? []), value]);
  };
  let previous = '';
  for (const token of tokens) {
    if (token.kind !== 'option') {
      if (token.kind === 'positional') problems.push(strayArgument(previous));
      continue;
    }
    const { name, value, rawName } = token;
    previous = rawName;
    const negated = name.startsWith('no-') ? name.slice(3) : '';
    if (isCommonFlag(name)) {
      if (value === undefined) flags.add(name);
      else problems.push(`--${name} takes no value`);
    } else if (isBoolean(name)) {
      add(name, value ?? 'true');
    } else if (isBoolean(negated)) {
      if (value === undefined) add(negated, 'false');
      else problems.push(`--${name} takes no value`);
    } else if (!Object.hasOwn(inputs, name)) {
      problems.push(unknownFlag(rawName, name, [...Object.keys(inputs), ...Object.keys(commonFlags)]));
    } else if (value === undefined || (token.inlineValue !== true && /^-./.test(value))) {
      problems.push(`--${name} needs a value (one that starts with a dash is written --${name}=-…)`);
    } else {
      add(name, value);
    }
  }
  return { given, flags, problems };
}

function optionOf<Type extends 'string' | 'boolean'>(type: Type) {
  return { type, multiple: true } as const;
}

function isCommonFlag(name: string): name is CommonFlag {
  return Object.hasOwn(commonFlags, name);
}

function strayArgument(previous: string): string {
  const where = previous === '' ? 'after the name of the action' : `after ${printable(previous, 80)}`;
  return `an argument ${where} belongs to no flag`;
}

function unknownFlag(rawName: string, name: string, known: readonly string[]): string {
  const match = closest(name, known);
  const suggestion = match === undefined ? '' : ` (did you mean --${match}?)`;
  return `there is no ${printable(rawName, 80)}${suggestion}`;
}
