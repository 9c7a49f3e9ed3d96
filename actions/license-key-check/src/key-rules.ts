import { counted } from '@slipway/core';
import { type KeyPattern, type LengthRange, maxKeyCharacters } from './parsers.ts';
import type { Check } from './vocabulary.ts';

export interface KeyRules {
  readonly length: LengthRange | undefined;
  readonly pattern: KeyPattern | undefined;
  readonly alphabet: readonly string[] | undefined;
  readonly separators: readonly string[];
}

export interface BrokenRule {
  readonly check: Extract<Check, 'generator-answers' | 'key-length' | 'key-pattern' | 'key-alphabet'>;
  /** What is wrong, without any character of the key. */
  readonly message: string;
}

/** The first rule that a key breaks, or undefined for a good one. */
export function brokenRule(key: string, rules: KeyRules): BrokenRule | undefined {
  const characters = [...key];
  const unusable = whyUnusable(key, characters.length);
  if (unusable !== undefined) return { check: 'generator-answers', message: unusable };
  const { length, pattern, alphabet, separators } = rules;
  if (length !== undefined && !(characters.length >= length.minimum && characters.length <= length.maximum)) {
    const wanted =
      length.minimum === length.maximum ? length.minimum : `${length.minimum} to ${length.maximum}`;
    return {
      check: 'key-length',
      message: `the key has ${counted(characters.length, 'character')} instead of ${wanted}`,
    };
  }
  if (pattern !== undefined && !pattern.matches(key)) {
    return { check: 'key-pattern', message: 'the key does not match key-pattern' };
  }
  const stranger = characters.findIndex(
    (character) => alphabet?.includes(character) === false && !separators.includes(character),
  );
  if (stranger !== -1) {
    return {
      check: 'key-alphabet',
      message: `character ${stranger + 1} of the key is neither in key-alphabet nor a separator`,
    };
  }
  return undefined;
}

function whyUnusable(key: string, characters: number): string | undefined {
  if (key === '') return 'the generator gave an empty key';
  if (characters > maxKeyCharacters) return `the generator gave more than ${maxKeyCharacters} characters`;
  if (/[\r\n]/.test(key)) return 'the generator gave more than one line; all that it prints must be the key';
  if (/[\p{Cc}\p{Cs}]/u.test(key)) return 'the generator gave a key with control characters';
  if (key.trim() !== key) return 'the generator gave a key with a space at an end';
  return undefined;
}

/** What a key looks like without what it is: `XXXXX-XXXXX`, with `?` for what is not in the alphabet. */
export function shapeOf(key: string, { alphabet, separators }: KeyRules): string {
  const shapeOfCharacter = (character: string): string => {
    if (separators.includes(character)) return character;
    return alphabet?.includes(character) === false ? '?' : 'X';
  };
  return [...key].map(shapeOfCharacter).join('');
}
