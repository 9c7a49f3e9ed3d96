import { type Check, checks } from './checks.ts';
import { placeholdersOf } from './command-line.ts';
import type { Inputs } from './inputs.ts';
import { changeKinds } from './vocabulary.ts';

/** How many cases, the first ones, try every change. */
const exhaustiveCases = 2;

export type Plan = ReturnType<typeof plan>;

/** What is checked and how. Pure. */
export function plan(
  given: Omit<Inputs, 'dryRun' | 'report' | 'environment' | 'workingDirectory' | 'seed'>,
  { directory, seed }: { readonly directory: string; readonly seed: number },
) {
  const { validator, validatorInput, keyPattern, keyAlphabet, toleratedChanges } = given;
  const knowsCustomer =
    validatorInput === 'json-lines' || placeholdersOf(validator).some((name) => name !== 'key');
  const changes = changeKinds.filter(
    (kind) => !toleratedChanges.includes(kind) && (kind !== 'other-customer' || knowsCustomer),
  );
  const isMade: Partial<Record<Check, boolean>> = {
    'key-pattern': keyPattern !== undefined,
    'key-alphabet': keyAlphabet !== undefined,
    'changes-rejected': changes.length > 0,
  };
  return {
    /** Where the programs run. */
    directory,
    generator: { command: given.generator, transport: given.generatorInput },
    validator: { command: validator, transport: validatorInput, rejectedStatuses: given.rejectedStatus },
    seed,
    cases: given.cases,
    exhaustiveCases: Math.min(exhaustiveCases, given.cases),
    changesPerCase: given.changesPerCase,
    timeLimitMs: given.timeLimit,
    commandTimeoutMs: given.commandTimeout,
    fields: given.customerFields,
    texts: given.customerTexts,
    ignoredDifferences: given.ignoredDifferences,
    key: { pattern: keyPattern?.source, alphabet: keyAlphabet, separators: given.keySeparators },
    /** The kinds of changes that are tried. */
    changes,
    checks: (Object.keys(checks) as Check[]).filter((check) => isMade[check] ?? true),
  };
}
