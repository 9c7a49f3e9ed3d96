/** Kinds of texts that customers' fields have, beside ordinary ones. */
export const textKinds = ['unicode', 'long', 'quotes', 'spaces'] as const;
export type TextKind = (typeof textKinds)[number];

/** Differences that may leave two customers one and the same. */
export const differences = ['case', 'unicode-form', 'outer-spaces'] as const;
export type Difference = (typeof differences)[number];

/** Ways to change a key, each of which the validator must notice. */
export const changeKinds = [
  'replaced',
  'case',
  'separator',
  'shortened',
  'lengthened',
  'swapped',
  'other-customer',
] as const;
export type ChangeKind = (typeof changeKinds)[number];

/** How a customer reaches a command. */
export const transports = ['arguments', 'environment', 'json', 'json-lines'] as const;
export type Transport = (typeof transports)[number];

/** What is checked, in this order; each is a code of findings and the output `failing-check`. */
export const checks = [
  'generator-answers',
  'key-length',
  'key-pattern',
  'key-alphabet',
  'key-repeated',
  'key-distinct',
  'validator-answers',
  'key-accepted',
  'changes-rejected',
  'enough-cases',
] as const;
export type Check = (typeof checks)[number];
