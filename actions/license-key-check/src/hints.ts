import type { CaseFailure } from './try-case.ts';
import type { Check } from './vocabulary.ts';

/** What to do about a failing check. */
export function hintOf({ check, changes }: Pick<CaseFailure, 'check' | 'changes'>): string {
  const [change] = changes ?? [];
  if (check !== 'changes-rejected' || change === undefined) return hints[check];
  switch (change.kind) {
    case 'case':
    case 'separator':
      return `Compare the whole key exactly. If the validator should overlook this, add ${change.kind} to tolerated-changes.`;
    case 'other-customer':
      return 'Bind the key to the customer that the validator is given. If a key is valid for everybody, add other-customer to tolerated-changes.';
    default:
      return 'Let the checksum or signature cover every character, including unused bits of the last one. A checksum of n bits accepts one change in 2ⁿ, so a short one fails here by chance.';
  }
}

const hints: Readonly<Record<Check, string>> = {
  'generator-answers':
    'Run the generator for this customer. If such customers do not exist, remove their kind from customer-texts.',
  'key-pattern':
    'Run the generator for this customer and compare its key with key-pattern, which must match the whole key.',
  'key-alphabet':
    'Run the generator for this customer. Characters that separate groups belong in key-separators.',
  'key-repeated':
    'A key must depend on the customer alone: not on the time, on random numbers, or on earlier customers.',
  'key-distinct':
    'If these two are the same customer to you, add the difference to ignored-differences, or remove fields that do not decide the key from customer-fields. Otherwise join fields with a separator, and hash them unchanged.',
  'validator-answers':
    'Run the validator for this customer with a key of this shape. A crash does not count as a rejection.',
  'key-accepted':
    'The released program would reject a customer who has paid. Check that both sides use the same secret, alphabet and version, and read this customer’s text alike.',
  'changes-rejected': 'Let the validator compare the whole key.',
  'enough-cases': 'Raise time-limit, lower cases, or let one process answer many questions (json-lines).',
};
