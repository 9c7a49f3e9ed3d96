/** A set of characters, by UTF-16 code units. None has the slash. */
export interface CharacterSet {
  readonly negated: boolean;
  /** First and last code unit of each range. */
  readonly ranges: readonly (readonly [number, number])[];
}

/** What a glob says, as a regular expression without anything that would need to look back or ahead. */
export type GlobNode =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  /** Any character, the slash too. */
  | { readonly kind: 'any' }
  | { readonly kind: 'sequence'; readonly parts: readonly GlobNode[] }
  | { readonly kind: 'choice'; readonly options: readonly GlobNode[] }
  | { readonly kind: 'repeat'; readonly part: GlobNode; readonly atLeastOnce: boolean }
  /** Characters of one name that are, together, none of what `part` matches. */
  | { readonly kind: 'except'; readonly part: GlobNode };

const slash = 0x2f;

export const notSlash: GlobNode = { kind: 'set', set: { negated: true, ranges: [] } };
export const withinName: GlobNode = { kind: 'repeat', part: notSlash, atLeastOnce: false };
export const anything: GlobNode = { kind: 'repeat', part: { kind: 'any' }, atLeastOnce: false };
const nothing: GlobNode = { kind: 'sequence', parts: [] };
export const slashNode = literal('/');
/** Whole directories, each with its slash, or none. */
export const directories = optional(sequence([anything, slashNode]));

/** What stands in `[[:NAME:]]`. */
export const posixClasses: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  alnum: rangesOf('09AZaz'),
  alpha: rangesOf('AZaz'),
  blank: rangesOf('  \t\t'),
  digit: rangesOf('09'),
  lower: rangesOf('az'),
  punct: rangesOf('!/:@[`{~'),
  space: rangesOf('  \t\r'),
  upper: rangesOf('AZ'),
  word: rangesOf('09AZaz__'),
  xdigit: rangesOf('09AFaf'),
};

export function literal(character: string): GlobNode {
  const code = character.charCodeAt(0);
  return { kind: 'set', set: { negated: false, ranges: [[code, code]] } };
}

/** Each of its UTF-16 code units. */
export function textNode(text: string): GlobNode {
  return sequence(Array.from({ length: text.length }, (_, index) => literal(text[index] ?? '')));
}

export function sequence(parts: readonly GlobNode[]): GlobNode {
  return { kind: 'sequence', parts };
}

export function optional(part: GlobNode): GlobNode {
  return { kind: 'choice', options: [nothing, part] };
}

/** Pairs of characters as ranges. */
function rangesOf(text: string): readonly (readonly [number, number])[] {
  return Array.from({ length: text.length / 2 }, (_, index) => [
    text.charCodeAt(2 * index),
    text.charCodeAt(2 * index + 1),
  ]);
}

/** Whether a set has a code unit. A slash is in the set of itself alone. */
export function hasCharacter({ negated, ranges }: CharacterSet, code: number): boolean {
  if (code === slash)
    return !negated && ranges.length === 1 && ranges[0]?.[0] === slash && ranges[0][1] === slash;
  return ranges.some(([low, high]) => low <= code && code <= high) !== negated;
}
