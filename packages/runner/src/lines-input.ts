import { printable } from '@slipway/core';
import type { InputDeclaration } from './declaration.ts';
import { input } from './input.ts';

const maxLines = 1_000;
const maxNamedProblems = 10;
const maxShownCharacters = 80;

/** An input of lines that are each parsed; all bad lines are told at once. `parseLine` throws an `Error` for one. */
export function linesInput<Value>(
  kind: string,
  description: string,
  parseLine: (line: string) => Value,
): InputDeclaration<readonly Value[]> {
  const lines = input.lines({ description });
  return {
    ...lines,
    kind,
    check: undefined,
    absent: [],
    parse: (text) => {
      const problems: string[] = [];
      const values: Value[] = [];
      for (const line of lines.parse(text)) {
        try {
          values.push(parseLine(line));
        } catch (error) {
          problems.push(
            `"${printable(line, maxShownCharacters)}": ${error instanceof Error ? error.message : String(error)}`,
          );
        }
      }
      if (values.length > maxLines) problems.push(`there are more than ${maxLines} lines`);
      if (problems.length === 0) return values;
      const more = problems.length - maxNamedProblems;
      throw new Error(
        `${problems.slice(0, maxNamedProblems).join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
      );
    },
  };
}
