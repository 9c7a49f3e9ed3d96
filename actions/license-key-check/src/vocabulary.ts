/** Kinds of unusual text in a customer's fields. */
export const textKinds = ['unicode', 'long', 'quotes', 'spaces'] as const;
export type TextKind = (typeof textKinds)[number];

/** Differences that may leave two customers the same one. */
export const differences = ['case', 'unicode-form', 'outer-spaces'] as const;
export type Difference = (typeof differences)[number];

/** Ways to change a key. The validator must notice each of them. */
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

/** How a program is asked: one process for each question, or one process that answers line by line. */
export const transports = ['arguments', 'json-lines'] as const;
export type Transport = (typeof transports)[number];
