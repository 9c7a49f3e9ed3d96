import { printable } from '@slipway/core';
import type { Difference } from './vocabulary.ts';

/** A made-up customer: values by the names of fields. */
export type Customer = Readonly<Record<string, string | number>>;

const maxShownCharacters = 100;
const maxShownTotalCharacters = 400;

/** Whether two customers may have the same key. */
export function sameCustomer(one: Customer, other: Customer, ignored: readonly Difference[]): boolean {
  const fold = (value: string | number | undefined): string => {
    const trimmed = ignored.includes('outer-spaces') ? String(value).trim() : String(value);
    const lower = ignored.includes('case') ? trimmed.toLowerCase() : trimmed;
    return ignored.includes('unicode-form') ? lower.normalize('NFC') : lower;
  };
  return Object.keys(one).every((field) => fold(one[field]) === fold(other[field]));
}

/** A customer on one line, with values as JSON. Combining marks are escaped: they cannot be told from what they mark. */
export function customerText(customer: Customer): string {
  const values = Object.entries(customer).map(([name, value]) => {
    const text = JSON.stringify(value).replace(
      /\p{M}/gu,
      (mark) => `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`,
    );
    const isLong = text.length > maxShownCharacters;
    return `${name} ${isLong ? `${text.slice(0, maxShownCharacters)}…" (${String(value).length} characters)` : text}`;
  });
  return printable(values.join(', '), maxShownTotalCharacters);
}
