import type { Change } from './key-changes.ts';

/** The checks in their order: what each checks, and what to do when it fails. Each is also a value of `failing-check`. */
export const checks = {
  'generator-answers': {
    what: 'The generator makes a key for every customer',
    hint: 'Run the generator for this customer. If such customers do not exist, remove their kind from customer-texts.',
  },
  'key-pattern': {
    what: 'Every key matches key-pattern',
    hint: 'Run the generator for this customer and compare its key with key-pattern, which must match the whole key.',
  },
  'key-alphabet': {
    what: 'Keys consist of the characters in key-alphabet, and separators',
    hint: 'Run the generator for this customer. Characters that separate groups belong in key-separators.',
  },
  'key-repeated': {
    what: 'Another process makes the same key for the same customer',
    hint: 'A key must depend on the customer alone: not on the time, on random numbers, or on earlier customers.',
  },
  'key-distinct': {
    what: 'Different customers get different keys',
    hint: 'If these two are the same customer to you, add the difference to ignored-differences, or remove fields that do not decide the key from customer-fields. Otherwise join fields with a separator, and hash them unchanged.',
  },
  'validator-answers': {
    what: 'The validator accepts or rejects every key, and does not crash',
    hint: 'Run the validator for this customer with a key of this shape. A crash does not count as a rejection.',
  },
  'key-accepted': {
    what: 'The validator accepts the keys of the generator',
    hint: 'The released program would reject a customer who has paid. Check that both sides use the same secret, alphabet and version, and read this customer’s text alike.',
  },
  'changes-rejected': {
    what: 'The validator rejects changed keys',
    hint: 'Let the checksum or signature cover every character, including unused bits of the last one. A checksum of n bits accepts one change in 2ⁿ, so a short one fails here by chance.',
  },
  'enough-cases': {
    what: 'All cases pass within time-limit',
    hint: 'Raise time-limit, lower cases, or let one process answer many questions (json-lines).',
  },
} as const;

export type Check = keyof typeof checks;

/** What to do about a failing check; `change` is the change of a key that the validator accepted. */
export function hintOf(check: Check, change?: Change): string {
  switch (check === 'changes-rejected' && change?.kind) {
    case 'case':
    case 'separator':
      return `Compare the whole key exactly. If the validator should overlook this, add ${change?.kind} to tolerated-changes.`;
    case 'other-customer':
      return 'Bind the key to the customer that the validator is given. If a key is valid for every customer, add other-customer to tolerated-changes.';
    default:
      return checks[check].hint;
  }
}
