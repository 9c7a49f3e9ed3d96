import {
  anything,
  directories,
  type GlobNode,
  literal,
  notSlash,
  optional,
  posixClasses,
  sequence,
  slashNode,
  textNode,
  withinName,
} from './glob-nodes.ts';

const maxDepth = 20;
const maxRangeItems = 1_000;

/**
 * Reads a glob for relative paths: `*`, `**`, `?`, `[…]`, `{a,b}`, `{1..9}`, `@(a|b)`, `?(…)`, `*(…)`, `+(…)`, `!(…)`, and `\` before
 * a character that stands for itself. Throws an `Error` that says what cannot be meant.
 */
export function parseGlob(text: string): GlobNode {
  return new Parser(text.replace(/^\.\//, '')).all();
}

/** Whether a text has a character that makes a glob of it. */
export function hasWildcard(text: string): boolean {
  return /[*?[{\\]|[@+!]\(/.test(text);
}

/** Where a part of a glob ends: at the end of the text, or before one of these characters. */
type Ends = '' | ',}' | '|)';

class Parser {
  readonly #text: string;
  #position = 0;
  #depth = 0;
  /** Whether all that stands before in the same name has one length, so that `!(…)` can begin at one place only. */
  #isFixed = true;
  #isInExcept = false;

  constructor(text: string) {
    this.#text = text;
  }

  all(): GlobNode {
    return this.#sequence('');
  }

  #sequence(ends: Ends): GlobNode {
    const parts: GlobNode[] = [];
    while (this.#position < this.#text.length) {
      const character = this.#text[this.#position] ?? '';
      if (ends !== '' && ends.includes(character)) break;
      parts.push(this.#part(character));
    }
    return sequence(parts);
  }

  #part(character: string): GlobNode {
    if ('@?*+!'.includes(character) && this.#text[this.#position + 1] === '(') {
      const group = this.#extended(character);
      if (group !== undefined) return group;
    }
    switch (character) {
      case '*':
        return this.#stars();
      case '?':
        this.#position += 1;
        return notSlash;
      case '[':
        return this.#bracket() ?? this.#literal(character);
      case '{':
        return this.#braces() ?? this.#literal(character);
      case '(':
        this.#refusePipes();
        return this.#literal(character);
      case '/':
        return this.#slash();
      case '\\': {
        const next = this.#text[this.#position + 1];
        this.#position += 1;
        return this.#literal(next ?? character);
      }
      default:
        return this.#literal(character);
    }
  }

  #literal(character: string): GlobNode {
    this.#position += 1;
    return literal(character);
  }

  #slash(): GlobNode {
    if (this.#isInExcept) {
      throw new Error(
        'a "!(…)" is about one name, and has a "/"; leave out what it means with a glob of its own',
      );
    }
    this.#position += 1;
    this.#isFixed = true;
    // `a/**` is about `a` itself as well; what has a wildcard before the slash, as `*/**` has, is not about files beside it.
    const rest = /^\*\*(?:\/\*\*)*$/.exec(this.#text.slice(this.#position));
    const before = this.#text[this.#position - 2] ?? '*';
    if (rest === null || this.#depth > 0 || before === '*') return slashNode;
    this.#position = this.#text.length;
    return optional(sequence([slashNode, anything]));
  }

  #stars(): GlobNode {
    const start = this.#position;
    while (this.#text[this.#position] === '*') this.#position += 1;
    // The last star of `**(a)` belongs to the group.
    if (this.#position - start > 1 && this.#text[this.#position] === '(') this.#position -= 1;
    this.#isFixed = false;
    const before = this.#text[start - 1] ?? '/';
    const isNameStart = before === '/' || (this.#depth > 0 && '{,(|'.includes(before));
    if (this.#position - start !== 2 || !isNameStart) return withinName;
    if (this.#text[this.#position] === '/') {
      this.#position += 1;
      // Any more of them say nothing more.
      while (this.#text.startsWith('**/', this.#position)) this.#position += 3;
      this.#isFixed = true;
      return directories;
    }
    const next = this.#text[this.#position];
    const isWhole = next === undefined || (this.#depth > 0 && ',}|)'.includes(next));
    // `**.js` by itself is what many write for `**/*.js`.
    return isWhole || (start === 0 && next === '.') ? anything : withinName;
  }

  /** `{a,b}` or `{1..9}`; undefined for a brace that stands for itself. */
  #braces(): GlobNode | undefined {
    const close = this.#closing('{', '}');
    if (close === undefined) return undefined;
    const inner = this.#text.slice(this.#position + 1, close.end);
    const range = rangeOptions(inner);
    if (range === undefined && !close.hasSeparator) return undefined;
    if (range === undefined) return { kind: 'choice', options: this.#options(',}') };
    this.#position = close.end + 1;
    this.#isFixed = false;
    return { kind: 'choice', options: range };
  }

  /** What is between parentheses after one of `@?*+!`; undefined where they are not closed. */
  #extended(operator: string): GlobNode | undefined {
    this.#position += 1;
    const close = this.#closing('(', ')');
    if (close === undefined) {
      this.#position -= 1;
      return undefined;
    }
    if (operator === '!') return this.#except();
    const part: GlobNode = { kind: 'choice', options: this.#options('|)') };
    if (operator === '@') return part;
    return operator === '?' ? optional(part) : { kind: 'repeat', part, atLeastOnce: operator === '+' };
  }

  #except(): GlobNode {
    if (!this.#isFixed || this.#depth > 0) {
      throw new Error(
        'a "!(…)" must not stand after a wildcard of the same name, or within braces or parentheses; leave out what it means with a glob of its own',
      );
    }
    this.#isInExcept = true;
    const options = this.#options('|)');
    this.#isInExcept = false;
    return { kind: 'except', part: { kind: 'choice', options } };
  }

  /** The options of the group whose opening character is next. */
  #options(ends: ',}' | '|)'): readonly GlobNode[] {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new Error(`it has more than ${maxDepth} groups in each other`);
    const options: GlobNode[] = [];
    do {
      this.#position += 1;
      options.push(this.#sequence(ends));
    } while (this.#text[this.#position] === ends[0]);
    this.#position += 1;
    this.#depth -= 1;
    this.#isFixed = false;
    return options;
  }

  /** Where the group ends whose opening character is next, and whether it has a separator of its own. */
  #closing(open: '{' | '(', close: '}' | ')'): { end: number; hasSeparator: boolean } | undefined {
    const separator = open === '{' ? ',' : '|';
    let depth = 0;
    let hasSeparator = false;
    for (let at = this.#position; at < this.#text.length; at += 1) {
      const character = this.#text[at];
      if (character === '\\') at += 1;
      else if (character === open) depth += 1;
      else if (character === separator && depth === 1) hasSeparator = true;
      else if (character === close) {
        depth -= 1;
        if (depth === 0) return { end: at, hasSeparator };
      }
    }
    return undefined;
  }

  #refusePipes(): void {
    if (this.#closing('(', ')')?.hasSeparator !== true) return;
    throw new Error('"(a|b)" needs an "@" before it, or is written {a,b}; a "(" in a name is \\(');
  }

  /** `[…]`; undefined for a bracket that stands for itself. */
  #bracket(): GlobNode | undefined {
    const start = this.#position + 1;
    let at = start;
    const negated = this.#text[at] === '!' || this.#text[at] === '^';
    if (negated) at += 1;
    const ranges: (readonly [number, number])[] = [];
    const first = at;
    for (; at < this.#text.length && (this.#text[at] !== ']' || at === first); at += 1) {
      const posix = /^\[:([a-z]+):\]/.exec(this.#text.slice(at, at + 12));
      if (posix !== null) {
        const known = posixClasses[posix[1] ?? ''];
        if (known === undefined) throw new Error(`there is no "${posix[0]}" for what is between "[" and "]"`);
        ranges.push(...known);
        at += posix[0].length - 1;
        continue;
      }
      if (this.#text[at] === '\\') at += 1;
      const low = this.#text.charCodeAt(at);
      const isRange = this.#text[at + 1] === '-' && (this.#text[at + 2] ?? ']') !== ']';
      if (isRange) at += this.#text[at + 2] === '\\' ? 3 : 2;
      const high = this.#text.charCodeAt(at);
      if (high < low) throw new Error(`the range "${this.#text.slice(at - 2, at + 1)}" runs backwards`);
      ranges.push([low, high]);
    }
    if (at >= this.#text.length) return undefined;
    this.#position = at + 1;
    const set: GlobNode = { kind: 'set', set: { negated, ranges } };
    const inner = this.#text.slice(start, at);
    // A directory may be named `[id]` itself.
    if (/[-*+?.^${}(|)[\]\\!]/.test(inner)) return set;
    this.#isFixed = false;
    return { kind: 'choice', options: [set, textNode(`[${inner}]`)] };
  }
}

/** `1..9`, `01..12` or `a..f` as what it stands for. */
function rangeOptions(text: string): readonly GlobNode[] | undefined {
  const [, low = '', high = ''] =
    /^(\d{1,9})\.\.(\d{1,9})$/.exec(text) ?? /^([a-z])\.\.([a-z])$/i.exec(text) ?? [];
  if (low === '') return undefined;
  const isNumeric = /\d/.test(low);
  const ends = isNumeric ? [Number(low), Number(high)] : [low.charCodeAt(0), high.charCodeAt(0)];
  const first = Math.min(...ends);
  const last = Math.max(...ends);
  if (last - first >= maxRangeItems) throw new Error(`{${text}} stands for more than ${maxRangeItems} names`);
  const width = /^0\d/.test(low) || /^0\d/.test(high) ? Math.max(low.length, high.length) : 0;
  return Array.from({ length: last - first + 1 }, (_, index) =>
    textNode(isNumeric ? String(first + index).padStart(width, '0') : String.fromCharCode(first + index)),
  );
}
