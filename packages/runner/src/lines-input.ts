import type { InputDeclaration } from './declaration.ts';
import { input } from './input.ts';
import { parseEachLine } from './input-lines.ts';

const maxLines = 1_000;

/** An input of lines that are parsed one by one. All bad lines are reported at once. */
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
      if (values.length > maxLines) throw new Error(`must have at most ${maxLines} lines`);
      return values;
    },
  };
}

/** An input of lines that `parse` gets as one text. */
export function listInput<Value>(
  description: string,
  parse: (text: string) => readonly Value[],
): InputDeclaration<readonly Value[]> {
  return { ...input.lines({ description }), check: undefined, absent: [], parse };
}
