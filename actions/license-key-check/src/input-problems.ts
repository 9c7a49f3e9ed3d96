import type { InputSurroundings } from '@slipway/runner';
import { placeholdersOf } from './command-line.ts';
import { customerVariable } from './customer.ts';
import type { Inputs } from './inputs.ts';

const maxDurationMs = 24 * 3_600_000;

/** What is wrong between inputs, each as a sentence. */
export function inputProblems(given: Inputs, { environment }: InputSurroundings): readonly string[] {
  return [
    ...placeholderProblems(given, 'generator'),
    ...placeholderProblems(given, 'validator'),
    ...verdictProblems(given),
    ...customerProblems(given),
    ...keyProblems(given),
    ...limitProblems(given),
    ...given.environment
      .filter((name) => environment[name] === undefined)
      .map((name) => `environment names ${name}, which this step does not have: set it by "env:"`),
  ];
}

function placeholderProblems(given: Inputs, command: 'generator' | 'validator'): readonly string[] {
  const transport = command === 'generator' ? given.generatorInput : given.validatorInput;
  const [program] = given[command];
  const names = placeholdersOf(given[command]);
  const known = [
    ...given.customerFields.map(({ name }) => name),
    ...(command === 'validator' ? ['key'] : []),
  ];
  const problems = names
    .filter((name) => !known.includes(name))
    .map(
      (name) =>
        `${command} has {${name}}, which is none of ${known.join(', ')}; {{${name}}} is written for {${name}} itself`,
    );
  if (placeholdersOf([program]).length > 0)
    problems.push(`${command} begins with a placeholder, and names no program`);
  if (transport === 'json-lines' && names.length > 0) {
    problems.push(
      `${command} has placeholders, which one process for many customers cannot have (${command}-input: json-lines)`,
    );
  }
  if (transport !== 'arguments') return problems;
  if (command === 'validator' && !names.includes('key')) {
    problems.push('validator gets no key: write {key} where it belongs, or choose another validator-input');
  }
  if (command === 'generator' && names.length === 0) {
    problems.push(
      'generator is told nothing of a customer: write {email} and the like where they belong, or choose another generator-input',
    );
  }
  return problems;
}

function verdictProblems({ acceptedOutput, rejectedOutput, validatorInput }: Inputs): readonly string[] {
  if (acceptedOutput === undefined && rejectedOutput === undefined) return [];
  if (validatorInput === 'json-lines')
    return ['accepted-output and rejected-output do not go with validator-input: json-lines'];
  if (acceptedOutput === undefined || rejectedOutput === undefined) {
    return ['accepted-output and rejected-output belong together: only both tell an answer from a crash'];
  }
  return acceptedOutput === rejectedOutput ? ['accepted-output and rejected-output are the same'] : [];
}

function customerProblems(given: Inputs): readonly string[] {
  const names = given.customerFields.map(({ name }) => name);
  const problems = (given.distinctBy ?? [])
    .filter((name) => !names.includes(name))
    .map((name) => `distinct-by has ${name}, which is none of customer-fields (${names.join(', ')})`);
  const variables = names.map(customerVariable);
  const twice = variables.find((variable, index) => variables.indexOf(variable) !== index);
  if (twice !== undefined) problems.push(`two of customer-fields would be the variable ${twice}`);
  const told = placeholdersOf(given.validator).some((name) => name !== 'key');
  if (given.keyBinding === 'customer' && given.validatorInput === 'arguments' && !told) {
    problems.push('key-binding is customer, but the validator is told nothing of the customer');
  }
  return problems;
}

function keyProblems({ keyAlphabet, keySeparators }: Inputs): readonly string[] {
  const both = keySeparators.filter((character) => keyAlphabet?.includes(character) === true);
  return both.length === 0 ? [] : [`"${both.join('')}" is in key-alphabet and in key-separators`];
}

function limitProblems(given: Inputs): readonly string[] {
  const problems: string[] = [];
  if ((given.minimumCases ?? 0) > given.cases) {
    problems.push(`minimum-cases: ${given.minimumCases} is more than cases: ${given.cases}`);
  }
  for (const [name, durationMs] of [
    ['time-limit', given.timeLimit],
    ['command-timeout', given.commandTimeout],
  ] as const) {
    if (durationMs < 1 || durationMs > maxDurationMs) problems.push(`${name} is none from 1ms to 24h`);
  }
  return problems;
}
