import { parseStrictJson, printable } from '@slipway/core';

const maxShownCharacters = 120;
const maxShownProblems = 20;

/** The lines of a list, trimmed, without blank lines and `#` comments. */
export function linesOf(text: string): readonly string[] {
  return text
    .split(/\r\n?|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/**
 * The items of a list: one per line, separated by commas, or a JSON array of strings. Each may be in quotes. Throws an
 * `Error` for an array of anything else, and for a text that has only commas.
 */
export function itemsOf(text: string): readonly string[] {
  const array = jsonItemsOf(text);
  if (array !== undefined) return array;
  const lines = linesOf(text);
  const items = lines
    .flatMap((line) => line.split(','))
    .map((item) => unquoted(item.trim()))
    .filter((item) => item !== '');
  if (items.length === 0 && lines.length > 0) throw new Error('must have more than commas and quotes');
  return items;
}

/** The strings of a JSON array; undefined for other text. Throws an `Error` for an array of anything else. */
export function jsonItemsOf(text: string): readonly string[] | undefined {
  if (!/^\s*\[/.test(text)) return undefined;
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  return value.map((item: unknown) => {
    if (typeof item !== 'string' || item.trim() === '') {
      throw new Error('must be a JSON array of strings that are not empty');
    }
    return item.trim();
  });
}

/** A text without the quotes that surround it. */
export function unquoted(text: string): string {
  const quote = text[0];
  const isQuoted =
    (quote === '"' || quote === "'") && text.length > 1 && text.indexOf(quote, 1) === text.length - 1;
  return isQuoted ? text.slice(1, -1).trim() : text;
}

/** Parses every item that `itemsOf` finds. Throws as `parseEach` does. */
export function parseEachItem<Parsed>(text: string, parse: (item: string) => Parsed): readonly Parsed[] {
  return parseEach(itemsOf(text), parse);
}

/** Parses every line of a list. Throws as `parseEach` does. */
export function parseEachLine<Parsed>(text: string, parse: (line: string) => Parsed): readonly Parsed[] {
  return parseEach(linesOf(text), parse);
}

/** Parses every item. Throws one `Error` that names each bad item, with the message of `parse`. */
export function parseEach<Item, Parsed>(
  items: readonly Item[],
  parse: (item: Item) => Parsed,
  nameOf: (item: Item) => string = String,
): readonly Parsed[] {
  const problems: string[] = [];
  const parsed = items.flatMap((item) => {
    try {
      return [parse(item)];
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      problems.push(`"${printable(nameOf(item), maxShownCharacters)}": ${reason}`);
      return [];
    }
  });
  if (problems.length === 0) return parsed;
  const more = problems.length - maxShownProblems;
  const shown = problems.slice(0, maxShownProblems).join('; ');
  throw new Error(more > 0 ? `${shown}; and ${more} more` : shown);
}
