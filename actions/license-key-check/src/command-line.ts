/** The words of a command: the program, then its arguments, which may have placeholders. */
export type Command = readonly [program: string, ...args: string[]];

/** Values by the names of placeholders. */
export type Placeholders = Readonly<Record<string, string>>;

const maxWords = 200;
const operators = /^(\d*[<>]|[|&;]|&&|\|\|)/;
/** `{{word}}` stands for a literal `{word}`. `${word}` is left to a shell that the command starts itself. */
const placeholder = /\$\{|\{\{([a-z][a-z0-9_-]*)\}\}|\{([a-z][a-z0-9_-]*)\}/g;

/**
 * The words of a command line. Spaces separate words and quotes group them: nothing is special within `'…'`, and only a
 * backslash before `"` or `\` within `"…"`. Elsewhere a backslash is literal, as in Windows paths. No shell is involved, so
 * anything that a shell would act on is refused. Throws an `Error` that says what.
 */
export function parseCommand(text: string): Command {
  const words: string[] = [];
  let word: string | undefined;
  for (const { kind, value } of tokens(text)) {
    if (kind === 'blank') {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    if (kind === 'plain' && word === undefined && operators.test(value)) refuse(`"${value}" needs a shell`);
    if (kind !== 'literal' && /\$[A-Za-z_{(]|`/.test(value)) refuse('"$" and "`" need a shell');
    word = (word ?? '') + (kind === 'escaped' ? value.replace(/\\(["\\])/g, '$1') : value);
  }
  if (word !== undefined) words.push(word);
  const [program, ...args] = words;
  if (program === undefined || program === '') throw new Error('must begin with the name of a program');
  if (words.length > maxWords) throw new Error(`must have at most ${maxWords} words`);
  return [program, ...args];
}

interface Token {
  readonly kind: 'blank' | 'plain' | 'literal' | 'escaped';
  readonly value: string;
}

function* tokens(text: string): Generator<Token> {
  const pattern = /(\s+)|([^\s'"]+)|'([^']*)'|"((?:[^"\\]|\\.)*)"|(.)/gsu;
  for (const [, blank, plain, literal, escaped, open] of text.matchAll(pattern)) {
    if (open !== undefined) throw new Error(`a quote (${open}) is not closed`);
    if (blank !== undefined) yield { kind: 'blank', value: blank };
    else if (plain !== undefined) yield { kind: 'plain', value: plain };
    else if (literal !== undefined) yield { kind: 'literal', value: literal };
    else yield { kind: 'escaped', value: escaped ?? '' };
  }
}

function refuse(what: string): never {
  throw new Error(`${what}, but no shell is used; put it in single quotes, or write sh -c '…' sh {email}`);
}

/** The placeholders of a command, each once. */
export function placeholdersOf(command: Command): readonly string[] {
  const names = command.flatMap((word) =>
    [...word.matchAll(placeholder)].flatMap(([, , name]) => name ?? []),
  );
  return [...new Set(names)];
}

/** The command with its placeholders filled in. Values are never split, nor searched for placeholders. */
export function fillIn(command: Command, values: Placeholders): Command {
  const fill = (word: string): string =>
    word.replace(placeholder, (whole, escaped: string | undefined, name: string | undefined) => {
      if (escaped !== undefined) return `{${escaped}}`;
      return name === undefined ? whole : (values[name] ?? whole);
    });
  const [program, ...args] = command;
  return [fill(program), ...args.map(fill)];
}
