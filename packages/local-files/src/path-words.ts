const maxWords = 10_000;

/** A path or glob from a list of them, with the text after its `=`. */
export interface PathWord {
  readonly path: string;
  /** What stands after the `=`; undefined without one. */
  readonly target: string | undefined;
}

/**
 * The words of a line that are separated by blanks. A part in `'` or `"` is taken as it is, blanks and `=` too:
 * `"My App.app"=App.app`. Throws an `Error` that says what is wrong.
 */
export function splitPathWords(line: string): readonly PathWord[] {
  const words: PathWord[] = [];
  let position = 0;
  for (;;) {
    while (isBlank(line[position])) position += 1;
    if (position >= line.length) break;
    const word = readWord(line, position);
    position = word.end;
    words.push({ path: word.path, target: word.target });
    if (words.length > maxWords) throw new Error(`there are more than ${maxWords} paths`);
  }
  return words;
}

function readWord(line: string, start: number): PathWord & { readonly end: number } {
  let path = '';
  let target: string | undefined;
  const add = (text: string): void => {
    if (target === undefined) path += text;
    else target += text;
  };
  let position = start;
  for (; position < line.length && !isBlank(line[position]); position += 1) {
    const character = line[position] ?? '';
    if (character === '"' || character === "'") {
      const end = line.indexOf(character, position + 1);
      if (end === -1) throw new Error(`a ${character} is not closed`);
      add(line.slice(position + 1, end));
      position = end;
    } else if (character === '=' && target === undefined) {
      target = '';
    } else {
      add(character);
    }
  }
  if (path === '') throw new Error(target === undefined ? 'a path is empty' : `"=${target}" has no path`);
  if (target === '') throw new Error(`"${path}=" has no name after the "="`);
  return { path, target, end: position };
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t';
}
