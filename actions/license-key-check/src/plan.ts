import { counted, formatDuration } from '@slipway/core';
import { type Command, placeholdersOf } from './command-line.ts';
import type { CustomerField, LengthRange } from './parsers.ts';
import {
  type ChangeKind,
  type Check,
  changeKinds,
  checks,
  type Difference,
  type TextKind,
  type Transport,
} from './vocabulary.ts';

/** How the validator tells what it thinks of a key. */
export type VerdictRule =
  | { readonly kind: 'status'; readonly rejected: readonly number[] }
  | { readonly kind: 'output'; readonly accepted: string; readonly rejected: string }
  | { readonly kind: 'json-lines' };

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
  readonly generator: Program;
  readonly validator: Program & { readonly verdict: VerdictRule };
  readonly seed: number;
  readonly cases: number;
  readonly minimumCases: number;
  readonly exhaustiveCases: number;
  readonly changesPerCase: number;
  /** How many cases are tried together: many where a process takes many. */
  readonly roundSize: number;
  readonly timeLimitMs: number;
  readonly commandTimeoutMs: number;
  readonly fields: readonly CustomerField[];
  readonly texts: readonly TextKind[];
  readonly distinctBy: readonly string[];
  readonly ignoredDifferences: readonly Difference[];
  readonly key: {
    readonly length: LengthRange | undefined;
    readonly pattern: string | undefined;
    readonly alphabet: readonly string[] | undefined;
    readonly separators: readonly string[];
  };
  /** The changes of a key that are tried. */
  readonly changes: readonly ChangeKind[];
  readonly steps: readonly Step[];
}

export interface PlanInput
  extends Omit<Plan, 'minimumCases' | 'roundSize' | 'distinctBy' | 'changes' | 'steps'> {
  readonly minimumCases: number | undefined;
  readonly distinctBy: readonly string[] | undefined;
  readonly toleratedChanges: readonly ChangeKind[];
  readonly keyBinding: 'auto' | 'customer' | 'none';
}

/** So few that the time limit is kept closely, and a failure ends the check soon. */
const casesOfProcesses = 8;
const casesOfBatches = 200;

/** What is checked and how. Pure. */
export function plan({ toleratedChanges, keyBinding, ...input }: PlanInput): Plan {
  const changes = changeKinds.filter(
    (kind) =>
      !toleratedChanges.includes(kind) && (kind !== 'other-customer' || isBound(keyBinding, input.validator)),
  );
  const batched = [input.generator, input.validator].every(({ transport }) => transport === 'json-lines');
  const planned = {
    ...input,
    minimumCases: input.minimumCases ?? input.cases,
    distinctBy: input.distinctBy ?? input.fields.map(({ name }) => name),
    roundSize: batched ? casesOfBatches : casesOfProcesses,
    changes,
  };
  return { ...planned, steps: checks.flatMap((kind) => stepOf(kind, planned) ?? []) };
}

function isBound(keyBinding: PlanInput['keyBinding'], { command, transport }: Program): boolean {
  if (keyBinding !== 'auto') return keyBinding === 'customer';
  return transport !== 'arguments' || placeholdersOf(command).some((name) => name !== 'key');
}

function stepOf(kind: Check, planned: Omit<Plan, 'steps'>): Step | undefined {
  const what = whatOf(kind, planned);
  return what === undefined ? undefined : { kind, what };
}

function whatOf(kind: Check, planned: Omit<Plan, 'steps'>): string | undefined {
  const { length, pattern, alphabet } = planned.key;
  switch (kind) {
    case 'generator-answers':
      return 'The generator gives a key to every customer';
    case 'key-length':
      return length === undefined
        ? undefined
        : `A key has ${length.minimum === length.maximum ? '' : `${length.minimum} to `}${counted(length.maximum, 'character')}`;
    case 'key-pattern':
      return pattern === undefined ? undefined : 'A key matches key-pattern';
    case 'key-alphabet':
      return alphabet === undefined
        ? undefined
        : `A key has the ${counted(alphabet.length, 'character')} of key-alphabet, and separators`;
    case 'key-repeated':
      return 'The same customer gets the same key in another process';
    case 'key-distinct':
      return `Customers that differ in ${planned.distinctBy.join(' or ')} get different keys`;
    case 'validator-answers':
      return 'The validator accepts or rejects every key, and does not crash';
    case 'key-accepted':
      return 'The validator accepts what the generator gives';
    case 'changes-rejected':
      return planned.changes.length === 0
        ? undefined
        : `The validator rejects changed keys (${planned.changes.join(', ')}): ${counted(Math.min(planned.exhaustiveCases, planned.cases), 'case')} at every position, the others ${counted(planned.changesPerCase, 'change')} each`;
    case 'enough-cases':
      return `At least ${counted(planned.minimumCases, 'case')} are through in ${formatDuration(planned.timeLimitMs)}`;
  }
}
