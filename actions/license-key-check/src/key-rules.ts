import type { UserPattern } from '@slipway/core';
import type { Check } from './vocabulary.ts';

/** Nothing longer is a key. */
const maxKeyCharacters = 1_000;

export interface KeyRules {
  readonly pattern: UserPattern | undefined;
  readonly alphabet: readonly string[] | undefined;
  readonly separators: readonly string[];
}

export interface BrokenRule {
  readonly check: Extract<Check, 'generator-answers' | 'key-pattern' | 'key-alphabet'>;
  /** What is wrong. It contains no character of the key. */
  readonly message: string;
}

/** The first rule that a key breaks, or undefined for a good one. */
export function brokenRule(key: string, rules: KeyRules): BrokenRule | undefined {
  const characters = [...key];
  const unusable = whyUnusable(key, characters.length);
  if (unusable !== undefined) return { check: 'generator-answers', message: unusable };
  const { pattern, alphabet, separators } = rules;
  if (pattern !== undefined && !pattern.matches(key)) {
    return { check: 'key-pattern', message: 'the key does not match key-pattern' };
  }
  const unknown = characters.findIndex(
    (character) => alphabet?.includes(character) === false && !separators.includes(character),
  );
  if (unknown === -1) return undefined;
  const message = `character ${unknown + 1} of the key is neither in key-alphabet nor a separator`;
  return { check: 'key-alphabet', message };
}

function whyUnusable(key: string, characters: number): string | undefined {
  if (key === '') return 'the generator printed an empty key';
  if (characters > maxKeyCharacters)
    return `the generator printed a key of more than ${maxKeyCharacters} characters`;
  if (/[\r\n]/.test(key)) return 'the generator printed more than one line; it must print the key alone';
  if (/[\p{Cc}\p{Cs}]/u.test(key)) return 'the generator printed a key with control characters';
  if (key.trim() !== key) return 'the generator printed a key with a space before or after it';
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
