/** Nothing longer is a key. */
const maxKeyCharacters = 1_000;

/** Why a text cannot be a key at all, without any character of it; undefined if it can. */
export function keyFault(key: string): string | undefined {
  if (key === '') return 'an empty key';
  if ([...key].length > maxKeyCharacters) return `a key of more than ${maxKeyCharacters} characters`;
  if (/[\r\n]/.test(key)) return 'more than one line; it must print the key alone';
  if (/[\p{Cc}\p{Cs}]/u.test(key)) return 'a key with control characters';
  return key.trim() === key ? undefined : 'a key with a space before or after it';
}

/** What a key looks like without what it is: `XXXXX-XXXXX`, with `?` for what is not in the alphabet. */
export function shapeOf(
  key: string,
  { alphabet, separators }: { alphabet: readonly string[] | undefined; separators: readonly string[] },
): string {
  const shapeOfCharacter = (character: string): string => {
    if (separators.includes(character)) return character;
    return alphabet?.includes(character) === false ? '?' : 'X';
  };
  return [...key].map(shapeOfCharacter).join('');
}
