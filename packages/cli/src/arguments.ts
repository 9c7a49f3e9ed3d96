import { printable } from '@slipway/core';
import { type ActionDefinition, booleanOf } from '@slipway/runner';
import { closest } from './closest.ts';

/** The flags of every command, besides the inputs of its action. */
export const commonFlags = {
  json: 'Write the report and all outputs, including secret ones, as JSON to standard output, and everything else to standard error.',
  debug: 'Show more detail, and the stack of an error.',
  help: 'Show this help.',
} as const;

export type CommonFlag = keyof typeof commonFlags;

/** The flag of every command that writes outputs. */
export const writeFlag = 'write';

/** The place that means standard output. */
export const standardOutput = '-';

export interface ParsedArguments {
  /** The values of each input in their order, booleans as `true` and `false`. */
  readonly given: ReadonlyMap<string, readonly string[]>;
  readonly flags: ReadonlySet<CommonFlag>;
  /** Where to write outputs: a path, or `-` for standard output. */
  readonly writes: ReadonlyMap<string, string>;
  /** Inputs whose flag had no value. */
  readonly refused: ReadonlySet<string>;
  /** A sentence for each bad argument. It never repeats a value, which may be a misplaced secret. */
  readonly problems: readonly string[];
}

/**
 * Reads the arguments after the action's name: `--name value`, `--name=value`, and for booleans also `--name` and
 * `--no-name` alone. Never throws: every problem is in `problems`. Unlike Node's `parseArgs` it never takes a flag for the
 * value of the flag before it, so that each problem is reported once and none hides another.
 */
export function parseArguments(
  args: readonly string[],
  { inputs, outputs }: Pick<ActionDefinition, 'inputs' | 'outputs'>,
): ParsedArguments {
  const given = new Map<string, string[]>();
  const flags = new Set<CommonFlag>();
  const writes: string[] = [];
  const refused = new Set<string>();
  const problems: string[] = [];
  const add = (name: string, value: string): void => {
    given.set(name, [...(given.get(name) ?? []), value]);
  };
  const isInput = (name: string): boolean => Object.hasOwn(inputs, name);
  const isBoolean = (name: string): boolean => isInput(name) && inputs[name]?.kind === 'boolean';

  let previous = '';
  let wasUnknown = false;
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] === '-h' ? '--help' : (args[index] ?? '');
    const [, name, inlineValue] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (name === undefined) {
      // A value after an unknown flag was meant for that flag.
      if (!wasUnknown) problems.push(strayArgument(argument, previous, isBoolean(previous)));
      wasUnknown = false;
      continue;
    }
    previous = name;
    wasUnknown = false;
    const negated = name.startsWith('no-') ? name.slice(3) : '';
    if (isCommonFlag(name)) {
      if (inlineValue === undefined) flags.add(name);
      else problems.push(`--${name} takes no value`);
    } else if (isBoolean(name)) {
      // Arguments are flags and their values, so the next word can only be the value of this flag.
      const next = args[index + 1];
      const word = next !== undefined && booleanOf(next) !== undefined ? next : undefined;
      add(name, inlineValue ?? word ?? 'true');
      if (inlineValue === undefined && word !== undefined) index += 1;
    } else if (isBoolean(negated)) {
      if (inlineValue === undefined) add(negated, 'false');
      else problems.push(`--${name} takes no value`);
    } else if (!isInput(name) && name !== writeFlag) {
      problems.push(unknownFlag(name, [...Object.keys(inputs), ...Object.keys(commonFlags), writeFlag]));
      wasUnknown = inlineValue === undefined;
    } else {
      const next = args[index + 1];
      const separate = next !== undefined && !/^-./.test(next) ? next : undefined;
      const value = inlineValue ?? separate;
      if (inlineValue === undefined && separate !== undefined) index += 1;
      if (name === writeFlag) {
        writes.push(value ?? '');
      } else if (value !== undefined) {
        add(name, value);
      } else {
        refused.add(name);
        problems.push(`--${name} needs a value (write one that starts with a dash as --${name}=-…)`);
      }
    }
  }
  const destinations = parseWrites(writes, Object.keys(outputs));
  problems.push(...destinations.problems);
  if (flags.has('json') && [...destinations.writes.values()].includes(standardOutput)) {
    problems.push('--json and a --write to - both want standard output: write the output to a file');
  }
  return { given, flags, writes: destinations.writes, refused, problems };
}

/** The outputs and places of every `--write NAME=FILE`. */
function parseWrites(
  texts: readonly string[],
  outputs: readonly string[],
): Pick<ParsedArguments, 'writes' | 'problems'> {
  const writes = new Map<string, string>();
  const problems: string[] = [];
  for (const text of texts) {
    const [, name, place] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (name === undefined || place === undefined || place.trim() === '') {
      problems.push(`--${writeFlag} takes NAME=FILE, such as --${writeFlag} ${outputs[0] ?? 'report'}=FILE`);
    } else if (!outputs.includes(name)) {
      const match = closest(name, outputs);
      const advice = match === undefined ? `its outputs are ${outputs.join(', ')}` : `did you mean ${match}?`;
      problems.push(`--${writeFlag} has the unknown output ${printable(name, 80)} (${advice})`);
    } else if (writes.has(name)) {
      problems.push(`--${writeFlag} names ${name} twice`);
    } else if ([...writes.values()].includes(place)) {
      problems.push(
        `--${writeFlag} writes two outputs to ${place === standardOutput ? 'standard output' : 'one file'}`,
      );
    } else {
      writes.set(name, place);
    }
  }
  return { writes, problems };
}

function isCommonFlag(name: string): name is CommonFlag {
  return Object.hasOwn(commonFlags, name);
}

function strayArgument(argument: string, previous: string, isAfterBoolean: boolean): string {
  const where = previous === '' ? 'after the name of the action' : `after --${printable(previous, 80)}`;
  if (/^-[a-z]/i.test(argument)) return `an argument ${where} begins with one dash, but flags begin with two`;
  const advice = isAfterBoolean ? ', and is not true or false' : '';
  return `an argument ${where} belongs to no flag${advice}`;
}

function unknownFlag(name: string, known: readonly string[]): string {
  const match = closest(name, known);
  const suggestion = match === undefined ? '' : ` (did you mean --${match}?)`;
  return `--${printable(name, 80)} is not a flag${suggestion}`;
}
