import type { InputDeclaration } from './declaration.ts';
import { input } from './input.ts';
import { parseEachLine } from './input-lines.ts';

const maxLines = 1_000;

/** An input of lines that are each parsed; all bad lines are told at once. `parseLine` throws an `Error` for one. */
export function linesInput<Value>(
  kind: string,
  description: string,
  parseLine: (line: string) => Value,
): InputDeclaration<readonly Value[]> {
  return {
    ...input.lines({ description }),
    kind,
    check: undefined,
    absent: [],
    parse: (text) => {
      const values = parseEachLine(text, parseLine);
      if (values.length > maxLines) throw new Error(`there are more than ${maxLines} lines`);
      return values;
    },
  };
}

/** An input of lines that are parsed together: `parse` gets the whole text, and throws an `Error`. */
export function listInput<Value>(
  description: string,
  parse: (text: string) => readonly Value[],
): InputDeclaration<readonly Value[]> {
  return { ...input.lines({ description }), check: undefined, absent: [], parse };
}
