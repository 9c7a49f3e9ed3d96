import { counted, formatDuration } from '@slipway/core';
import { type Command, placeholdersOf } from './command-line.ts';
import type { CustomerField } from './parsers.ts';
import {
  type ChangeKind,
  type Check,
  changeKinds,
  checks,
  type Difference,
  type TextKind,
  type Transport,
} from './vocabulary.ts';

export interface Program {
  readonly command: Command;
  readonly transport: Transport;
}

export interface Step {
  readonly kind: Check;
  /** What is checked, as a sentence without its full stop. */
  readonly what: string;
}

export interface Plan {
  /** Where the programs run. */
  readonly directory: string;
  readonly generator: Program;
  readonly validator: Program & { readonly rejectedStatuses: readonly number[] };
  readonly seed: number;
  readonly cases: number;
  /** How many cases, the first ones, try every change. */
  readonly exhaustiveCases: number;
  readonly changesPerCase: number;
  readonly timeLimitMs: number;
  readonly commandTimeoutMs: number;
  readonly fields: readonly CustomerField[];
  readonly texts: readonly TextKind[];
  readonly ignoredDifferences: readonly Difference[];
  readonly key: {
    readonly pattern: string | undefined;
    readonly alphabet: readonly string[] | undefined;
    readonly separators: readonly string[];
  };
  /** The kinds of changes that are tried. */
  readonly changes: readonly ChangeKind[];
  readonly steps: readonly Step[];
}

export interface PlanInput extends Omit<Plan, 'exhaustiveCases' | 'changes' | 'steps'> {
  readonly toleratedChanges: readonly ChangeKind[];
}

const exhaustiveCases = 2;

/** What is checked and how. Pure. */
export function plan({ toleratedChanges, ...input }: PlanInput): Plan {
  const { command, transport } = input.validator;
  const knowsCustomer = transport === 'json-lines' || placeholdersOf(command).some((name) => name !== 'key');
  const changes = changeKinds.filter(
    (kind) => !toleratedChanges.includes(kind) && (kind !== 'other-customer' || knowsCustomer),
  );
  const planned = { ...input, exhaustiveCases: Math.min(exhaustiveCases, input.cases), changes };
  const steps = checks.flatMap((kind) => {
    const what = checkText(kind, planned);
    return what === undefined ? [] : { kind, what };
  });
  return { ...planned, steps };
}

/** What a check checks; undefined when it is not made. */
function checkText(kind: Check, planned: Omit<Plan, 'steps'>): string | undefined {
  const { pattern, alphabet } = planned.key;
  switch (kind) {
    case 'generator-answers':
      return 'The generator makes a key for every customer';
    case 'key-pattern':
      return pattern === undefined ? undefined : 'Every key matches key-pattern';
    case 'key-alphabet':
      return alphabet === undefined
        ? undefined
        : `Keys consist of the ${counted(alphabet.length, 'character')} of key-alphabet, and separators`;
    case 'key-repeated':
      return 'Another process makes the same key for the same customer';
    case 'key-distinct':
      return 'Different customers get different keys';
    case 'validator-answers':
      return 'The validator accepts or rejects every key, and does not crash';
    case 'key-accepted':
      return 'The validator accepts the keys of the generator';
    case 'changes-rejected':
      return planned.changes.length === 0
        ? undefined
        : `The validator rejects changed keys (${planned.changes.join(', ')}): every change in ${counted(planned.exhaustiveCases, 'case')}, ${counted(planned.changesPerCase, 'change')} in each other case`;
    case 'enough-cases':
      return `All ${counted(planned.cases, 'case')} pass within ${formatDuration(planned.timeLimitMs)}`;
  }
}
