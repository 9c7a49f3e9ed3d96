import { printable } from '@slipway/core';

const maxShownCharacters = 100;
const maxShownProblems = 20;

/** The lines of a list: trimmed, without blank ones and `#` comments. */
export function linesOf(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Every line of a list parsed. Throws one `Error` that names each line that cannot be, with what `parse` says of it. */
export function parseEachLine<Parsed>(text: string, parse: (line: string) => Parsed): readonly Parsed[] {
  const problems: string[] = [];
  const parsed = linesOf(text).flatMap((line) => {
    try {
      return [parse(line)];
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      problems.push(`"${printable(line, maxShownCharacters)}": ${reason}`);
      return [];
    }
  });
  if (problems.length === 0) return parsed;
  const more = problems.length - maxShownProblems;
  const shown = problems.slice(0, maxShownProblems).join('; ');
  throw new Error(more > 0 ? `${shown}; and ${more} more` : shown);
}
