import { unreachable } from '@slipway/core';
import type { ChangeKind } from './vocabulary.ts';

/** A change of a key that contains no character of it. Positions count characters from 0. */
export type Change =
  /** Replaced by the character `offset` places further in the alphabet, which begins again after its end. */
  | { readonly kind: 'replaced'; readonly position: number; readonly offset: number }
  | { readonly kind: 'case'; readonly position: number }
  | { readonly kind: 'separator'; readonly position: number; readonly by: 'nothing' | 'a character' }
  | { readonly kind: 'shortened'; readonly end: 'first' | 'last' }
  | { readonly kind: 'lengthened'; readonly end: 'first' | 'last' }
  | { readonly kind: 'swapped'; readonly position: number }
  | { readonly kind: 'other-customer' };

export interface KeyCharacters {
  readonly alphabet: readonly string[];
  readonly separators: readonly string[];
}

/**
 * Every change of `kinds` that makes a different key. Each character is replaced by the next one of the alphabet and by
 * the one half of it away, the first and last (where encodings have unused bits) by every other one. Each letter changes
 * its case, each separator goes, neighbours are swapped, and either end loses or gains a character.
 */
export function changesOf(
  key: string,
  characters: KeyCharacters,
  kinds: readonly ChangeKind[],
): readonly Change[] {
  const { alphabet, separators } = characters;
  const last = [...key].length - 1;
  const changes: Change[] = [];
  for (const [position, character] of [...key].entries()) {
    if (separators.includes(character)) {
      changes.push(
        { kind: 'separator', position, by: 'nothing' },
        { kind: 'separator', position, by: 'a character' },
      );
      continue;
    }
    const offsets =
      position === 0 || position === last ? alphabet.keys() : [1, Math.floor(alphabet.length / 2)];
    for (const offset of new Set(offsets)) {
      if (offset > 0) changes.push({ kind: 'replaced', position, offset });
    }
    changes.push({ kind: 'case', position }, { kind: 'swapped', position });
  }
  for (const end of ['first', 'last'] as const)
    changes.push({ kind: 'shortened', end }, { kind: 'lengthened', end });
  changes.push({ kind: 'other-customer' });
  return changes.filter(
    (change) =>
      kinds.includes(change.kind) &&
      (change.kind === 'other-customer' || changedKey(key, change, characters) !== undefined),
  );
}

/** The changed key; undefined where the change does not apply to this key or leaves it as it is. */
export function changedKey(
  key: string,
  change: Exclude<Change, { kind: 'other-customer' }>,
  characters: KeyCharacters,
): string | undefined {
  const changed = apply([...key], change, characters);
  return changed === undefined || changed === key || changed === '' ? undefined : changed;
}

function apply(
  key: readonly string[],
  change: Exclude<Change, { kind: 'other-customer' }>,
  { alphabet, separators }: KeyCharacters,
): string | undefined {
  const [extra = ''] = alphabet;
  if (change.kind === 'shortened') return (change.end === 'first' ? key.slice(1) : key.slice(0, -1)).join('');
  if (change.kind === 'lengthened')
    return change.end === 'first' ? extra + key.join('') : key.join('') + extra;
  const { position } = change;
  const character = key[position];
  if (character === undefined || separators.includes(character) !== (change.kind === 'separator'))
    return undefined;
  switch (change.kind) {
    case 'replaced': {
      const other = alphabet[(alphabet.indexOf(character) + change.offset) % alphabet.length];
      // The other case of a letter is a change of its own kind.
      return other === undefined || other === otherCase(character)
        ? undefined
        : key.with(position, other).join('');
    }
    case 'case':
      return key.with(position, otherCase(character)).join('');
    case 'separator':
      return key.with(position, change.by === 'nothing' ? '' : extra).join('');
    case 'swapped': {
      const next = key[position + 1];
      if (next === undefined || separators.includes(next)) return undefined;
      return key
        .with(position, next)
        .with(position + 1, character)
        .join('');
    }
    default:
      return unreachable(change);
  }
}

/** A letter in its other case, and any other character unchanged. */
export function otherCase(character: string): string {
  const lower = character.toLowerCase();
  return lower === character ? character.toUpperCase() : lower;
}

/** A change in words: `character 29 replaced by another (1 further in the alphabet)`. */
export function changeText(change: Change): string {
  switch (change.kind) {
    case 'replaced':
      return `character ${change.position + 1} replaced by another (${change.offset} further in the alphabet)`;
    case 'case':
      return `the letter at character ${change.position + 1} in its other case`;
    case 'separator':
      return `the separator at character ${change.position + 1} replaced by ${change.by}`;
    case 'shortened':
      return `the ${change.end} character left out`;
    case 'lengthened':
      return `a character added ${change.end === 'first' ? 'before the first' : 'after the last'}`;
    case 'swapped':
      return `characters ${change.position + 1} and ${change.position + 2} swapped`;
    case 'other-customer':
      return 'the key of another customer';
    default:
      return unreachable(change);
  }
}

/** Some of the changes, each at most once: as many as there are `picks`, which choose them. */
export function someChanges(changes: readonly Change[], picks: readonly number[]): readonly Change[] {
  const left = [...changes];
  return picks.slice(0, left.length).flatMap((pick) => left.splice(pick % left.length, 1));
}
