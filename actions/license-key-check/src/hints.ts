import type { CaseFailure } from './round.ts';
import type { Check } from './vocabulary.ts';

/** What to do about a failing check. */
export function hintOf({ check, changes }: Pick<CaseFailure, 'check' | 'changes'>): string {
  const [change] = changes ?? [];
  if (check !== 'changes-rejected' || change === undefined) return hints[check];
  switch (change.kind) {
    case 'case':
    case 'separator':
      return `Compare the whole key as it is; where the validator is meant to overlook this, add ${change.kind} to tolerated-changes.`;
    case 'other-customer':
      return 'Bind the key to what the validator is told of the customer; where it is meant to be good for anybody, set key-binding to none.';
    default:
      return 'Let the checksum or signature cover every character, unused bits of the last one among them. One of n bits lets one change in 2ⁿ through: a short one fails here by chance.';
  }
}

const hints: Readonly<Record<Check, string>> = {
  'generator-answers':
    'Run the generator for this customer. Where such customers do not exist, take their kind out of customer-texts.',
  'key-length': 'Run the generator for this customer and count; key-length counts separators too.',
  'key-pattern':
    'Run the generator for this customer and compare its key with key-pattern, which a whole key must match.',
  'key-alphabet': 'Run the generator for this customer. What parts groups belongs into key-separators.',
  'key-repeated':
    'A key must depend on the customer alone: not on the time, on random numbers, or on who was asked for before.',
  'key-distinct':
    'Where these two are meant to be the same customer, name the difference in ignored-differences, or the fields that decide in distinct-by. Otherwise see that fields are joined with a mark between them, and hashed as they are.',
  'validator-answers': 'Give the validator this customer and a key of this shape. A crash is no rejection.',
  'key-accepted':
    'The released program would refuse a customer who has paid: see that both sides have the same secret, alphabet and version, and treat this customer’s text alike.',
  'changes-rejected': 'Let the validator compare the whole key.',
  'enough-cases':
    'Give it more time-limit, fewer cases, or json-lines, where one process answers many; or say in minimum-cases what is enough.',
};
