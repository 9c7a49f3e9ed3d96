import type { ChangeKind } from './vocabulary.ts';

/** A change of a key, described without any of its characters. */
export interface Change {
  readonly kind: ChangeKind;
  /** `character 29 replaced by another (1 further in the alphabet)` */
  readonly what: string;
}

export interface ChangedKey {
  readonly change: Change;
  readonly key: string;
}

export interface KeyCharacters {
  readonly alphabet: readonly string[];
  readonly separators: readonly string[];
}

/**
 * Every change of `kinds` that makes a different key. Each character is replaced by the next one of the alphabet and by
 * the one half of it away, the first and last (where encodings have unused bits) by every other one. Each letter changes
 * its case, each separator goes, neighbours are swapped, and either end loses or gains a character. `othersKey` is the key
 * of another customer.
 */
export function changesOf(
  key: string,
  othersKey: string | undefined,
  characters: KeyCharacters,
  kinds: readonly ChangeKind[],
): ChangedKey[] {
  const changed: ChangedKey[] = [];
  const add = (kind: ChangeKind, what: string, changedKey: string | undefined): void => {
    if (changedKey === undefined || changedKey === '' || changedKey === key || !kinds.includes(kind)) return;
    changed.push({ change: { kind, what }, key: changedKey });
  };
  const all = [...key];
  const [extra = ''] = characters.alphabet;
  for (const index of all.keys()) addChangesAt(index, all, characters, add);
  add('shortened', 'the first character left out', all.slice(1).join(''));
  add('lengthened', 'a character added before the first', extra + key);
  add('shortened', 'the last character left out', all.slice(0, -1).join(''));
  add('lengthened', 'a character added after the last', key + extra);
  add('other-customer', 'the key of another customer', othersKey);
  return changed;
}

function addChangesAt(
  index: number,
  key: readonly string[],
  { alphabet, separators }: KeyCharacters,
  add: (kind: ChangeKind, what: string, changedKey: string | undefined) => void,
): void {
  const character = key[index] ?? '';
  const [extra = ''] = alphabet;
  const position = index + 1;
  const withText = (text: string): string => key.with(index, text).join('');
  if (separators.includes(character)) {
    add('separator', `the separator at character ${position} replaced by nothing`, withText(''));
    add('separator', `the separator at character ${position} replaced by a character`, withText(extra));
    return;
  }
  const isEnd = index === 0 || position === key.length;
  const offsets = isEnd ? alphabet.keys() : new Set([1, Math.floor(alphabet.length / 2)]);
  for (const offset of offsets) {
    const other = alphabet[(alphabet.indexOf(character) + offset) % alphabet.length] ?? character;
    const what = `character ${position} replaced by another (${offset} further in the alphabet)`;
    // The other case of a letter is a change of its own kind.
    if (other !== otherCase(character)) add('replaced', what, withText(other));
  }
  add('case', `the letter at character ${position} in its other case`, withText(otherCase(character)));
  const next = key[position];
  if (next === undefined || separators.includes(next)) return;
  const swapped = key.with(index, next).with(position, character).join('');
  add('swapped', `characters ${position} and ${position + 1} swapped`, swapped);
}

/** A letter in its other case, and any other character unchanged. */
export function otherCase(character: string): string {
  const lower = character.toLowerCase();
  return lower === character ? character.toUpperCase() : lower;
}
