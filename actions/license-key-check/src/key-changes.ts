import { unreachable } from '@slipway/core';
import type { ChangeKind } from './vocabulary.ts';

/** A change of a key, without any character of it. Positions count characters from 0. */
export type Change =
  /** By the character of the alphabet that comes `offset` after it, the first one after the last. */
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
 * Every change of `kinds` that makes another key: each character by the next of the alphabet and by the one half of it
 * away, the first and the last (where encodings have unused bits) by every other; each letter in its other case; each
 * separator; neighbours swapped; a character less or more at either end.
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

/** The changed key, or undefined where the change does not apply to this key or leaves it as it is. */
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

function otherCase(character: string): string {
  const lower = character.toLowerCase();
  return lower === character ? character.toUpperCase() : lower;
}

/** A change in words: `character 29 replaced by another (1 after it in the alphabet)`. */
export function changeText(change: Change): string {
  const way = change.kind === 'replaced' ? ` (${change.offset} after it in the alphabet)` : '';
  return whatIsChanged(change) + way;
}

/** The same for every change of this kind at this place. */
export function whatIsChanged(change: Change): string {
  switch (change.kind) {
    case 'replaced':
      return `character ${change.position + 1} replaced by another`;
    case 'case':
      return `the letter at character ${change.position + 1} in its other case`;
    case 'separator':
      return `the separator at character ${change.position + 1} replaced by ${change.by}`;
    case 'shortened':
      return `the ${change.end} character left out`;
    case 'lengthened':
      return `a character added ${change.end === 'first' ? 'before the first' : 'behind the last'}`;
    case 'swapped':
      return `characters ${change.position + 1} and ${change.position + 2} swapped`;
    case 'other-customer':
      return 'the key of another customer';
    default:
      return unreachable(change);
  }
}

/** `count` of the changes, chosen by `pick`: the same number chooses the same ones. */
export function someChanges(changes: readonly Change[], count: number, pick: number): readonly Change[] {
  const left = [...changes];
  const chosen: Change[] = [];
  const random = randomFrom(pick);
  while (chosen.length < count && left.length > 0) {
    chosen.push(...left.splice(Math.floor(random() * left.length), 1));
  }
  return chosen;
}

/** Numbers in [0, 1), always the same ones for a seed (Mulberry32, by Tommy Ettinger, in the public domain). */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
