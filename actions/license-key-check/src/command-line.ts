/** A command as a list of words: the program, then its arguments, with placeholders still in them. */
export type Command = readonly [program: string, ...args: string[]];

/** Customers' fields by their names, and `key` for the validator. */
export type Placeholders = Readonly<Record<string, string>>;

const maxWords = 200;
const operators = /^(\d*[<>]|[|&;]|&&|\|\|)/;
/** `{{word}}` stands for `{word}`, and `${word}` is left to a shell that the command starts itself. */
const placeholder = /\$\{|\{\{([a-z][a-z0-9_-]*)\}\}|\{([a-z][a-z0-9_-]*)\}/g;

/**
 * The words of a command line. Blanks part words; quotes group: nothing is special within `'…'`, and within `"…"` a
 * backslash before `"` or `\`. Elsewhere a backslash is itself, as in paths of Windows. No shell sees it, so whatever a
 * shell would act on is refused. Throws an `Error` that says what and where.
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
    if (kind !== 'literal' && /\$[A-Za-z_{(]|`/.test(value))
      refuse('"$" and "`" are expanded only by a shell');
    word = (word ?? '') + (kind === 'escaped' ? value.replace(/\\(["\\])/g, '$1') : value);
  }
  if (word !== undefined) words.push(word);
  const [program, ...args] = words;
  if (program === undefined || program === '') throw new Error('it names no program');
  if (words.length > maxWords) throw new Error(`it has more than ${maxWords} words`);
  return [program, ...args];
}

interface Token {
  readonly kind: 'blank' | 'plain' | 'literal' | 'escaped';
  readonly value: string;
}

function* tokens(text: string): Generator<Token> {
  const pattern = /(\s+)|([^\s'"]+)|'([^']*)'|"((?:[^"\\]|\\.)*)"|(.)/gsu;
  for (const [, blank, plain, literal, escaped, open] of text.matchAll(pattern)) {
    if (open !== undefined) throw new Error(`a quote (${open}) is opened and never closed`);
    if (blank !== undefined) yield { kind: 'blank', value: blank };
    else if (plain !== undefined) yield { kind: 'plain', value: plain };
    else if (literal !== undefined) yield { kind: 'literal', value: literal };
    else yield { kind: 'escaped', value: escaped ?? '' };
  }
}

function refuse(what: string): never {
  throw new Error(`${what}, and none is started; put it in single quotes, or write sh -c '…' "{email}"`);
}

/** Which placeholders the command has, each once. */
export function placeholdersOf(command: Command): readonly string[] {
  const names = command.flatMap((word) =>
    [...word.matchAll(placeholder)].flatMap(([, , name]) => name ?? []),
  );
  return [...new Set(names)];
}

/** The command with its placeholders filled in. What is filled in is never split, nor looked at for placeholders again. */
export function fillIn(command: Command, values: Placeholders): Command {
  const fill = (word: string): string =>
    word.replace(placeholder, (whole, escaped: string | undefined, name: string | undefined) => {
      if (escaped !== undefined) return `{${escaped}}`;
      return name === undefined ? whole : (values[name] ?? whole);
    });
  const [program, ...args] = command;
  return [fill(program), ...args.map(fill)];
}
