import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UserPattern } from '@slipway/core';
import {
  commonInputs,
  type InputDeclaration,
  type InputSurroundings,
  type InputsOf,
  input,
  listInput,
} from '@slipway/runner';
import { type Command, parseCommand, placeholdersOf } from './command-line.ts';
import {
  choicesParser,
  parseAlphabet,
  parseFields,
  parseSeed,
  parseSeparators,
  parseStatuses,
  parseVariableNames,
} from './parsers.ts';
import { changeKinds, differences, type Transport, textKinds, transports } from './vocabulary.ts';

const maxDurationMs = 24 * 3_600_000;

export const inputs = {
  generator: command(
    'The command that makes a key: `php bin/make-key.php {email}`. `{email}` and the like stand for fields of a customer. Quotes group words; no shell is involved.',
  ),
  validator: command(
    'The command that checks a key: `dist/app --check-license {email} {key}`. Without `{key}` it reads the key from standard input.',
  ),
  'generator-input': input.choice({
    description:
      'How the generator learns about a customer: through placeholders (`arguments`), or as `json-lines`: one process reads a JSON object per line and answers each with a line `{"key": "…"}`.',
    choices: transports,
    default: 'arguments',
  }),
  'validator-input': input.choice({
    description:
      'The same for the validator. As `json-lines` each object also has `key`, and each answer is `{"valid": true}` or `{"valid": false}`.',
    choices: transports,
    default: 'arguments',
  }),
  'rejected-status': listWithDefault(
    'The exit statuses with which the validator rejects a key; 0 accepts it. Any other status is a crash and fails the check.',
    '1',
    parseStatuses,
  ),
  'customer-fields': listWithDefault(
    'The fields of a customer that decide the key, one per line: `name`, `email`, `company: name`, `note: text`, `seats: 1 to 500`, `product: one of Basic, Pro`.',
    'name\nemail',
    parseFields,
  ),
  'customer-texts': listWithDefault(
    'Unusual text to try besides ordinary names and addresses: `unicode` (accents in both forms, right-to-left, emoji), `long`, `quotes`, `spaces` at the ends; or `none`.',
    textKinds.join(', '),
    choicesParser(textKinds),
  ),
  'ignored-differences': listWithDefault(
    'Customers that differ only in these may share a key: `case`, `unicode-form` (NFC and NFD), `outer-spaces`; or `none`.',
    'unicode-form',
    choicesParser(differences),
  ),
  'key-pattern': optional(
    'A regular expression (JavaScript) that must match the whole key: `[A-Z2-9]{5}(-[A-Z2-9]{5}){4}`.',
    (text) => new UserPattern(text),
  ),
  'key-alphabet': optional(
    'The characters of a key apart from separators, with ranges: `A-HJ-NP-Z2-9`. When not given, changed keys use the characters that occur in the keys of the run.',
    parseAlphabet,
  ),
  'key-separators': listWithDefault(
    'Characters that separate groups of a key, or `none`.',
    '-',
    parseSeparators,
  ),
  'tolerated-changes': listWithDefault(
    'Changes of a key that the validator may accept: `case`, `separator`, `other-customer` if a key is valid for every customer, or any other kind; or `none`.',
    'none',
    choicesParser(changeKinds),
  ),
  cases: input.integer({
    description:
      'How many cases to try. A case is a customer, a similar customer, and changes of the key. All of them must pass within `time-limit`.',
    default: '100',
    minimum: 1,
    maximum: 100_000,
  }),
  'changes-per-case': input.integer({
    description:
      'How many random changes of the key to try in each case. The first two cases try every change.',
    default: '5',
    minimum: 1,
    maximum: 1_000,
  }),
  'time-limit': input.duration({ description: 'How long the whole check may take.', default: '10m' }),
  'command-timeout': input.duration({
    description: 'How long a command may take to answer. Then it is killed, with everything it started.',
    default: '10s',
  }),
  seed: optional(
    'The seed that an earlier run printed, to repeat its cases. Random when not given.',
    parseSeed,
  ),
  environment: listInput(
    "Names of variables that the commands get besides `PATH` and `HOME`, such as the generator's secret. Their values are masked.",
    parseVariableNames,
  ),
  'working-directory': {
    ...input.path({ description: 'Where the commands run. The workspace when not given.' }),
    check: async (path: string | undefined, { workDirectory }: InputSurroundings): Promise<void> => {
      const found = await stat(resolve(workDirectory, path ?? '')).catch(() => undefined);
      if (found?.isDirectory() !== true) throw new Error('must be a directory that exists');
    },
  },
  ...commonInputs,
  'dry-run': {
    ...commonInputs['dry-run'],
    description: 'Print the commands and the checks without running them.',
  },
};

export type Inputs = InputsOf<typeof inputs>;

/** What is wrong between inputs, each as a sentence. */
export function inputProblems(given: Inputs, { environment }: InputSurroundings): readonly string[] {
  const fields = given.customerFields.map((field) => field.name);
  const problems = [
    ...commandProblems('generator', given.generator, given.generatorInput, fields),
    ...commandProblems('validator', given.validator, given.validatorInput, [...fields, 'key']),
  ];
  const both = given.keySeparators.filter((character) => given.keyAlphabet?.includes(character) === true);
  if (both.length > 0) problems.push(`"${both.join('')}" is both in key-alphabet and in key-separators`);
  for (const [name, durationMs] of Object.entries({
    'time-limit': given.timeLimit,
    'command-timeout': given.commandTimeout,
  })) {
    if (durationMs < 1 || durationMs > maxDurationMs) problems.push(`${name} must be between 1ms and 24h`);
  }
  for (const name of given.environment) {
    if (environment[name] === undefined)
      problems.push(`environment names ${name}, which is not set in this step: set it with "env:"`);
  }
  return problems;
}

function commandProblems(
  name: 'generator' | 'validator',
  command: Command,
  transport: Transport,
  known: readonly string[],
): readonly string[] {
  const placeholders = placeholdersOf(command);
  const problems = placeholders
    .filter((placeholder) => !known.includes(placeholder))
    .map(
      (placeholder) =>
        `${name} has {${placeholder}}, but only ${known.join(', ')} can be filled in; write {{${placeholder}}} for a literal {${placeholder}}`,
    );
  if (placeholdersOf([command[0]]).length > 0)
    problems.push(`${name} must begin with the name of a program, not with a placeholder`);
  if (transport === 'json-lines' && placeholders.length > 0)
    problems.push(`${name} cannot have placeholders, because ${name}-input is json-lines`);
  if (transport === 'arguments' && name === 'generator' && placeholders.length === 0)
    problems.push('generator needs a placeholder such as {email}, or generator-input: json-lines');
  return problems;
}

function command(description: string): InputDeclaration<Command> {
  const text = input.requiredText({ description });
  // A missing required input is an error before `absent` is used.
  return { ...text, kind: 'command', check: undefined, parse: parseCommand, absent: [''] };
}

function listWithDefault<Value>(
  description: string,
  words: string,
  parse: (text: string) => readonly Value[],
): InputDeclaration<readonly Value[]> {
  return { ...listInput(description, parse), default: words, absent: parse(words) };
}

function optional<Value>(
  description: string,
  parse: (text: string) => Value,
): InputDeclaration<Value | undefined> {
  return { ...input.text({ description }), check: undefined, parse, absent: undefined };
}
