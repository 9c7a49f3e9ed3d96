import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { systemErrorCode } from '@slipway/core';
import {
  commonInputs,
  type InputDeclaration,
  type InputSurroundings,
  type InputsOf,
  input,
} from '@slipway/runner';
import { type Command, parseCommand } from './command-line.ts';
import {
  choicesParser,
  parseAlphabet,
  parseFields,
  parseLength,
  parseNames,
  parsePattern,
  parseSeed,
  parseSeparators,
  parseStatuses,
  parseVariableNames,
} from './parsers.ts';
import { changeKinds, differences, textKinds, transports } from './vocabulary.ts';

export const inputs = {
  generator: command(
    'The command that makes a key: `php bin/make-key.php {email}`. Quotes group words; no shell sees it. `{email}` and the like stand for fields of a customer.',
  ),
  validator: command(
    'The command that checks one: `dist/app --check-license {email} {key}`, written in the same way.',
  ),
  'generator-input': input.choice({
    description:
      'How a customer reaches the generator: `arguments` are the placeholders in it alone; `environment` adds variables `CUSTOMER_EMAIL` and so on; `json` an object on its standard input; `json-lines` many customers to one process, an object a line, each answered by an object with `key` on a line.',
    choices: transports,
    default: 'arguments',
  }),
  'validator-input': input.choice({
    description:
      'The same for the validator, which also gets the key: as `{key}`, as the variable `LICENSE_KEY`, or as the field `key`. With `json-lines` it answers each by an object with `valid`, true or false, on a line.',
    choices: transports,
    default: 'arguments',
  }),
  'rejected-status': withDefault(
    'The exit statuses by which the validator rejects a key; 0 accepts it. Any other is a crash, and fails the check.',
    '1',
    parseStatuses,
  ),
  'accepted-output': input.text({
    description:
      'Where the validator tells by what it prints: all that it prints for a key that it accepts. Its exit status is not looked at then.',
  }),
  'rejected-output': input.text({ description: 'All that it prints for a key that it rejects.' }),
  'customer-fields': withDefault(
    'The fields that a customer has, one a line: `name`, `email`, `company: name`, `note: text`, `seats: 1 to 500`, `product: one of Basic, Pro`.',
    'name\nemail',
    parseFields,
  ),
  'customer-texts': withDefault(
    'What names, addresses and texts are made of beside ordinary ones: `unicode` (accents in both forms, right-to-left, emoji), `long`, `quotes`, `spaces` at their ends; or `none`.',
    textKinds.join(', '),
    choicesParser(textKinds),
  ),
  'distinct-by': {
    ...given(
      'The fields that decide the key, where not all do: customers that differ in none of them may have the same.',
      parseNames,
    ),
    kind: 'list',
    repeatable: true,
  },
  'ignored-differences': withDefault(
    'Differences that leave a customer the same one, who may have the same key: `case`, `unicode-form` (NFC and NFD), `outer-spaces`; or `none`.',
    'unicode-form',
    choicesParser(differences),
  ),
  'key-length': given(
    'How many characters a key has, separators among them: `29`, or `20 to 40`.',
    parseLength,
  ),
  'key-pattern': given(
    'A regular expression (of JavaScript) that a whole key matches: `[A-Z2-9]{5}(-[A-Z2-9]{5}){4}`.',
    parsePattern,
  ),
  'key-alphabet': given(
    'The characters that a key has between separators, with ranges: `A-HJ-NP-Z2-9`. When not given, what the keys of a run have stands for it in changed keys.',
    parseAlphabet,
  ),
  'key-separators': withDefault('Characters that part groups of a key, or `none`.', '-', parseSeparators),
  'tolerated-changes': withDefault(
    'Changes that the validator may overlook, because it is meant to: `case`, `separator`, or any other of those that are tried.',
    'none',
    choicesParser(changeKinds),
  ),
  'key-binding': input.choice({
    description:
      'Whether the key of another customer must be rejected: `customer`, or `none`. `auto` is `customer` where the validator is told of the customer: by a placeholder, or always when `validator-input` is not `arguments`.',
    choices: ['auto', 'customer', 'none'],
    default: 'auto',
  }),
  cases: input.integer({
    description:
      'How many cases to try. A case is a customer, another that is similar, and changes of the key.',
    default: '100',
    minimum: 1,
    maximum: 100_000,
  }),
  'minimum-cases': given(
    'How many cases are enough when `time-limit` ends the check. When not given, all of `cases` are needed.',
    parseCount,
  ),
  'exhaustive-cases': input.integer({
    description:
      'For how many cases, the first ones, the key is changed at every position. The others get `changes-per-case` of these changes.',
    default: '2',
    minimum: 0,
    maximum: 1_000,
  }),
  'changes-per-case': input.integer({
    description: 'How many changes, at random, are tried for each other case.',
    default: '5',
    minimum: 1,
    maximum: 1_000,
  }),
  'time-limit': input.duration({
    description: 'How long the whole check may take.',
    default: '10m',
  }),
  'command-timeout': input.duration({
    description: 'How long one run of a command may take. After that it is ended, with all that it started.',
    default: '10s',
  }),
  seed: given('The seed that a run has printed, to repeat its cases. A new one when not given.', parseSeed),
  environment: {
    ...withDefault(
      "Names of variables that the commands get beside `PATH` and `HOME`, such as the generator's secret. Their values are masked.",
      '',
      parseVariableNames,
    ),
    default: undefined,
  },
  'working-directory': {
    ...input.path({ description: 'Where the commands run. The workspace when not given.' }),
    check: checkDirectory,
  },
  ...commonInputs,
  'dry-run': {
    ...commonInputs['dry-run'],
    description: 'Print the commands, the checks and some customers, and start nothing.',
  },
};

export type Inputs = InputsOf<typeof inputs>;

function command(description: string): InputDeclaration<Command> {
  const { check: _, ...text } = input.requiredText({ description });
  // A required input that is missing is an error before `absent` is looked at.
  return { ...text, kind: 'command', parse: parseCommand, absent: [''] };
}

function withDefault<Value>(
  description: string,
  words: string,
  parse: (text: string) => Value,
): InputDeclaration<Value> {
  return {
    kind: 'list',
    description,
    repeatable: true,
    required: false,
    default: words,
    secret: false,
    parse,
    absent: parse(words),
  };
}

function given<Value>(
  description: string,
  parse: (text: string) => Value,
): InputDeclaration<Value | undefined> {
  return { kind: 'text', description, required: false, secret: false, parse, absent: undefined };
}

function parseCount(text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw new Error('it is no whole number from 1');
  return count;
}

async function checkDirectory(path: string | undefined, { workDirectory }: InputSurroundings): Promise<void> {
  if (path === undefined) return;
  let isDirectory = false;
  try {
    isDirectory = (await stat(resolve(workDirectory, path))).isDirectory();
  } catch (error) {
    throw new Error(`it cannot be looked at (${systemErrorCode(error) ?? 'for an unknown reason'})`);
  }
  if (!isDirectory) throw new Error('it is no directory');
}
