import { isUtf8 } from 'node:buffer';
import { printable, systemErrorCode, UserError } from '@slipway/core';
import { type InputDeclaration, type InputDeclarations, isBlank } from '@slipway/runner';
import type { ParsedArguments } from './arguments.ts';

const maxFileBytes = 10 * 2 ** 20;

export interface Sources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Opens a file for reading; `-` is standard input. */
  open(path: string): AsyncIterable<Uint8Array>;
}

export interface InputTextsFromSources {
  readonly texts: ReadonlyMap<string, string>;
  /** Inputs that were given but could not be read, for a reason in `problems`. */
  readonly refused: ReadonlySet<string>;
  readonly problems: readonly string[];
}

/** The variable in which an input can be given: `signing-key` in `SLIPWAY_SIGNING_KEY`. */
export function environmentVariable(name: string): string {
  return `SLIPWAY_${name.replaceAll('-', '_').toUpperCase()}`;
}

/**
 * The text of every input that was given: from its flag, or else from its variable. `@file` stands for the contents of
 * the file (UTF-8, at most 10 MiB), `@-` for standard input, `@@x` for `@x`. Secrets as plain arguments are refused,
 * because every user of the machine can read arguments.
 */
export async function readInputTexts(
  inputs: InputDeclarations,
  given: ParsedArguments['given'],
  sources: Sources,
): Promise<InputTextsFromSources> {
  const texts = new Map<string, string>();
  const refused = new Set<string>();
  const problems: string[] = [];
  const refuse = (name: string, problem: string): void => {
    refused.add(name);
    problems.push(problem);
  };
  let standardInputReader: string | undefined;
  for (const [name, declaration] of Object.entries(inputs)) {
    const values = given.get(name);
    const fromEnvironment = sources.environment[environmentVariable(name)];
    if (values === undefined) {
      if (fromEnvironment === undefined) continue;
      if (isMistake(declaration, fromEnvironment))
        refuse(name, emptyText(environmentVariable(name), 'unset it'));
      else texts.set(name, fromEnvironment);
      continue;
    }
    if (values.length > 1 && declaration.repeatable !== true) {
      refuse(name, `--${name} takes one value, but is given ${values.length} times`);
      continue;
    }
    const parts: string[] = [];
    for (const value of values) {
      if (value === '@-' && standardInputReader !== undefined) {
        refuse(name, `--${name} cannot read standard input, because --${standardInputReader} already does`);
        continue;
      }
      if (value === '@-') standardInputReader = name;
      const part = await readValue(name, declaration, value, sources);
      if ('problem' in part) refuse(name, part.problem);
      else parts.push(part.text);
    }
    const isEmpty = values.every((value) => value === '');
    const text = isEmpty ? (declaration.emptyArgument ?? '') : parts.join('\n');
    if (parts.length === values.length && isMistake(declaration, text)) {
      refuse(name, emptyText(`--${name}`, 'leave it out'));
    }
    texts.set(name, text);
  }
  return { texts, refused, problems };
}

/**
 * Whether a given text is empty by mistake, because a variable was not set or a program failed. A release would go out
 * unsigned or unverified without a word. A list may be empty.
 */
function isMistake(declaration: InputDeclaration<unknown>, text: string): boolean {
  return isBlank(declaration, text) && !Array.isArray(declaration.absent);
}

function emptyText(what: string, remedy: string): string {
  return `${what} is empty: give a value, or ${remedy}`;
}

async function readValue(
  name: string,
  declaration: InputDeclaration<unknown>,
  value: string,
  sources: Sources,
): Promise<{ readonly text: string } | { readonly problem: string }> {
  const isFile = value.startsWith('@') && !value.startsWith('@@');
  if (declaration.secret && !isFile) return { problem: secretArgument(name) };
  if (!isFile) return { text: value.startsWith('@@') ? value.slice(1) : value };
  const path = value.slice(1);
  try {
    return { text: await readText(path, sources) };
  } catch (error) {
    const what = path === '-' ? 'standard input' : `"${printable(path)}"`;
    return { problem: `--${name} cannot be read from ${what}: ${readFailure(error)}` };
  }
}

function secretArgument(name: string): string {
  return (
    `--${name} is a secret, and every user of this machine can read arguments: ` +
    `put it in a file and write --${name} @FILE, pass @- for standard input, or set ${environmentVariable(name)}`
  );
}

async function readText(path: string, sources: Sources): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of sources.open(path)) {
    bytes += chunk.byteLength;
    if (bytes > maxFileBytes) throw new UserError('too-large', 'it is larger than 10 MiB');
    chunks.push(chunk);
  }
  const whole = Buffer.concat(chunks);
  if (!isUtf8(whole)) {
    throw new UserError('content-invalid', 'it is not UTF-8 text: save it as UTF-8, or armor the key');
  }
  return whole.toString('utf8');
}

function readFailure(error: unknown): string {
  if (error instanceof UserError) return error.message;
  const code = systemErrorCode(error) ?? 'unknown';
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a directory',
  };
  return reasons[code] ?? code;
}
