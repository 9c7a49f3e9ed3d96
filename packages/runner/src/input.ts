import { parseDurationMs, parseSizeBytes } from '@slipway/core';
import type { InputDeclaration } from './declaration.ts';
import { linesOf } from './input-lines.ts';

interface Words {
  readonly description: string;
}
interface WithDefault extends Words {
  readonly default?: string;
}

function required<Value>(
  kind: string,
  words: Words,
  parse: (text: string) => Value,
): InputDeclaration<Value> {
  // A missing required input is an error before `absent` is used.
  return {
    kind,
    description: words.description,
    required: true,
    secret: false,
    form: 'line',
    parse,
    absent: undefined as Value,
  };
}

function optional<Value>(
  kind: string,
  words: WithDefault,
  parse: (text: string) => Value,
): InputDeclaration<Value | undefined> {
  return {
    kind,
    description: words.description,
    required: false,
    default: words.default,
    secret: false,
    form: 'line',
    parse,
    absent: undefined,
  };
}

function withDefault<Value>(
  kind: string,
  words: Words & { readonly default: string },
  parse: (text: string) => Value,
): InputDeclaration<Value> {
  return {
    kind,
    description: words.description,
    required: false,
    default: words.default,
    secret: false,
    parse,
    absent: parse(words.default),
  };
}

const asIs = (text: string): string => text;

/** The boolean that a word stands for, in upper or lower case; undefined for any other word. */
export function booleanOf(text: string): boolean | undefined {
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  return /^(false|no|off|0)$/i.test(text) ? false : undefined;
}

function parseBoolean(text: string): boolean {
  const value = booleanOf(text);
  if (value === undefined) throw new Error('must be true or false');
  return value;
}

function parseInteger(text: string, minimum: number, maximum: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= minimum && value <= maximum))
    throw new Error(
      `must be a whole number from ${minimum.toLocaleString('en-US')} to ${maximum.toLocaleString('en-US')}`,
    );
  return value;
}

/** The vocabulary in which actions declare their inputs. */
export const input = {
  /** May have several lines. Use `form: 'line'` for text that is sent anywhere. */
  requiredText: (words: Words): InputDeclaration<string> => ({
    ...required('text', words, asIs),
    form: 'lines',
  }),
  text: (words: WithDefault): InputDeclaration<string | undefined> => ({
    ...optional('text', words, asIs),
    form: 'lines',
  }),
  requiredPath: (words: Words): InputDeclaration<string> => required('path', words, asIs),
  path: (words: Words): InputDeclaration<string | undefined> => optional('path', words, asIs),
  requiredUrl: (words: Words): InputDeclaration<string> => required('URL', words, asIs),
  boolean: (words: Words & { readonly default: 'true' | 'false' }): InputDeclaration<boolean> =>
    withDefault('boolean', words, parseBoolean),
  integer: (
    words: Words & { readonly default: string; readonly minimum: number; readonly maximum: number },
  ): InputDeclaration<number> =>
    withDefault('integer', words, (text) => parseInteger(text, words.minimum, words.maximum)),
  duration: (words: Words & { readonly default: string }): InputDeclaration<number> =>
    withDefault('duration', words, parseDurationMs),
  size: (words: Words & { readonly default: string }): InputDeclaration<number> =>
    withDefault('size', words, parseSizeBytes),
  lines: (words: Words): InputDeclaration<readonly string[]> => ({
    ...withDefault('list', { ...words, default: '' }, linesOf),
    default: undefined,
    form: 'lines',
    repeatable: true,
  }),
  /** Text of several lines that is not a list, such as keys and fingerprints one after the other. */
  block: (words: Words): InputDeclaration<string> => ({
    ...withDefault('text', { ...words, default: '' }, asIs),
    default: undefined,
    repeatable: true,
  }),
  /** A secret of any form: a passphrase, or a key of many lines. */
  secret: (words: Words): InputDeclaration<string | undefined> => ({
    ...optional('secret', words, asIs),
    secret: true,
    form: undefined,
  }),
  /** A secret in which every character counts, as for gpg. Line ends alone do not count as given. */
  passphrase: (words: Words): InputDeclaration<string | undefined> => ({
    ...optional('secret', words, asIs),
    secret: true,
    verbatim: true,
    form: undefined,
  }),
  requiredSecret: (words: Words): InputDeclaration<string> => ({
    ...required('secret', words, asIs),
    secret: true,
    form: undefined,
  }),
  /** A secret that goes into an HTTP header. */
  token: (words: Words): InputDeclaration<string | undefined> => ({
    ...optional('secret', words, asIs),
    secret: true,
    form: 'token',
  }),
  requiredChoice: <const Choice extends string>(
    words: Words & { readonly choices: readonly Choice[] },
  ): InputDeclaration<Choice> => ({
    ...required('choice', words, choiceParser(words.choices)),
    choices: words.choices,
  }),
  choice: <const Choice extends string>(
    words: Words & { readonly choices: readonly Choice[]; readonly default: NoInfer<Choice> },
  ): InputDeclaration<Choice> => ({
    ...withDefault('choice', words, choiceParser(words.choices)),
    choices: words.choices,
  }),
};

function choiceParser<Choice extends string>(choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const match = choices.find((choice) => choice === text.toLowerCase());
    if (match === undefined) throw new Error(`must be one of ${choices.join(', ')}`);
    return match;
  };
}
