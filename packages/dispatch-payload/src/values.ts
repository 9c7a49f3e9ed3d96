import { printable } from '@slipway/core';

const maxShownCharacters = 100;

export interface ValueRules {
  /** Whether whole numbers that a double cannot hold are refused: readers interpret them differently. */
  readonly exactNumbers: boolean;
}

/**
 * What other readers would misinterpret in a JSON value, and where; undefined if nothing: `__proto__` as a key, numbers beyond a
 * double, lone surrogates.
 */
export function valueFault(value: unknown, rules: ValueRules): string | undefined {
  const open: { readonly value: unknown; readonly path: string }[] = [{ value, path: '' }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const fault = ownFault(next.value, rules);
    if (fault !== undefined)
      return `${next.path === '' ? 'it' : `"${printable(next.path, maxShownCharacters)}"`} ${fault}`;
    if (typeof next.value !== 'object' || next.value === null) continue;
    for (const [key, inner] of Object.entries(next.value)) {
      open.push({ value: inner, path: next.path === '' ? key : `${next.path}.${key}` });
    }
  }
  return undefined;
}

function ownFault(value: unknown, { exactNumbers }: ValueRules): string | undefined {
  switch (typeof value) {
    case 'number':
      if (!Number.isFinite(value)) return 'is a number that is too large';
      if (exactNumbers && Number.isInteger(value) && !Number.isSafeInteger(value)) {
        return 'is a whole number beyond 2^53, which readers round: write it as text';
      }
      return undefined;
    case 'string':
      return value.isWellFormed() ? undefined : 'is not well-formed Unicode';
    case 'object': {
      if (value === null) return undefined;
      const keys = Object.keys(value);
      if (keys.includes('__proto__')) return 'has the key "__proto__", which some programs misinterpret';
      return keys.every((key) => key.isWellFormed())
        ? undefined
        : 'has a key that is not well-formed Unicode';
    }
    default:
      return undefined;
  }
}
