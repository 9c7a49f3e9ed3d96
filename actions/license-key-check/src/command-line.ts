/** The words of a command: the program, then its arguments, which may have placeholders. */
export type Command = readonly [program: string, ...args: string[]];

const maxWords = 200;
const wordPattern = /(?:[^\s'"]|'[^']*'|"(?:[^"\\]|\\.)*")+/gsu;
const partPattern = /([^\s'"]+)|'([^']*)'|"((?:[^"\\]|\\.)*)"/gsu;
const operator = /^(\d*[<>]|[|&;])/;
const expansion = /\$[A-Za-z_{(]|`/;
/** `{{word}}` stands for a literal `{word}`. `${word}` is left to a shell that the command starts itself. */
const placeholder = /\$\{|\{\{([a-z][a-z0-9_-]*)\}\}|\{([a-z][a-z0-9_-]*)\}/g;

/**
 * The words of a command line. Spaces separate words and quotes group them: nothing is special within `'…'`, and only a
 * backslash before `"` or `\` within `"…"`. Elsewhere a backslash is literal, as in Windows paths. No shell is involved, so
 * anything that a shell would act on is refused. Throws an `Error` that says what.
 */
export function parseCommand(text: string): Command {
  const openQuote = text.replace(wordPattern, '').trim();
  if (openQuote !== '') throw new Error(`a quote (${openQuote[0]}) is not closed`);
  const [program, ...args] = [...text.matchAll(wordPattern)].map(([word]) => unquotedWord(word));
  if (program === undefined || program === '') throw new Error('must begin with the name of a program');
  if (args.length >= maxWords) throw new Error(`must have at most ${maxWords} words`);
  return [program, ...args];
}

function unquotedWord(word: string): string {
  if (operator.test(word)) refuse(`"${word}"`);
  return word.replace(partPattern, (_, plain?: string, literal?: string, quoted = '') => {
    if (literal !== undefined) return literal;
    if (expansion.test(plain ?? quoted)) refuse('"$" and "`"');
    return plain ?? quoted.replace(/\\(["\\])/g, '$1');
  });
}

function refuse(what: string): never {
  throw new Error(
    `${what} needs a shell, but no shell is used; put it in single quotes, or write sh -c '…' sh {email}`,
  );
}

/** The placeholders of a command, each once. */
export function placeholdersOf(command: Command): readonly string[] {
  const found = command.flatMap((word) => [...word.matchAll(placeholder)]);
  return [...new Set(found.flatMap(([, , name]) => name ?? []))];
}

/** The command with its placeholders filled in. Values are never split, nor searched for placeholders. */
export function fillIn(command: Command, values: Readonly<Record<string, string | number>>): Command {
  const fill = (word: string): string =>
    word.replace(placeholder, (whole, escaped?: string, name?: string) => {
      if (escaped !== undefined) return `{${escaped}}`;
      return name === undefined ? whole : String(values[name] ?? whole);
    });
  const [program, ...args] = command;
  return [fill(program), ...args.map(fill)];
}
