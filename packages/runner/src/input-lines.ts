import { printable } from '@slipway/core';

const maxShownCharacters = 120;
const maxShownProblems = 20;

/** The lines of a list: trimmed, without blank ones and `#` comments. */
export function linesOf(text: string): readonly string[] {
  return text
    .split(/\r\n?|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Every line of a list parsed. Throws as `parseEach` does. */
export function parseEachLine<Parsed>(text: string, parse: (line: string) => Parsed): readonly Parsed[] {
  return parseEach(linesOf(text), parse);
}

/** Every item parsed. Throws one `Error` that names each item that cannot be, with what `parse` says of it. */
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
