/** Paths under the prefix that Spack rewrites after unpacking a tarball, by the kind of file expected there. */
export interface RelocationList {
  readonly files: readonly string[];
  readonly links: readonly string[];
}

const fileLists = new Set(['relocate_textfiles', 'relocate_binaries']);
const linkList = 'relocate_links';
/** As a key of a mapping, it covers everything in its value. */
const mergeKey = '<<';

/** Characters other than the newline that YAML 1.1 or Python's text mode treats as the end of a line. */
const otherLineBreaks = /[\r\x85\u2028\u2029]/;

/**
 * The paths that a `.spack/binary_distribution` lists. Accepts the YAML that Spack writes: one flow mapping of scalars,
 * lists of scalars and mappings of scalars, without anchors, tags, comments, merges or line breaks in scalars. Returns
 * undefined for any other text that might list paths, since Spack reads all of YAML.
 */
export function relocationListOf(text: string): RelocationList | undefined {
  // The keys can be spelled differently only with an escape.
  if (!text.includes('relocate_') && !text.includes('\\')) return { files: [], links: [] };
  if (otherLineBreaks.test(text)) return undefined;
  const files: string[] = [];
  const links: string[] = [];
  const reader = new FlowReader(text);
  const isRead = reader.mapping((key) => {
    if (key === mergeKey) return false;
    if (!fileLists.has(key) && key !== linkList) return reader.value();
    const paths = reader.list();
    if (paths === undefined) return false;
    (key === linkList ? links : files).push(...paths);
    return true;
  });
  return isRead && reader.isAtEnd() ? { files, links } : undefined;
}

/** Plain, single-quoted or double-quoted scalars; a plain one ends where the flow syntax continues. */
const scalarPattern =
  /'((?:[^'\n]|'')*)'|"((?:[^"\\\n]|\\[^\n])*)"|((?:[^ \t\n,[\]{}'"&*!|>%@`#?:-]|[-:](?=[^ \t\n,[\]{}]))(?:[^ \t\n,[\]{}:#]|:(?=[^ \t\n,[\]{}])|(?<=[^ ])#| +(?=[^ \t\n,[\]{}:#]))*)/y;

/** Reads the part of YAML's flow style that Spack writes. Each method returns whether it found what it expects. */
class FlowReader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    return this.#text.slice(this.#position).trim() === '';
  }

  mapping(value: (key: string) => boolean): boolean {
    return this.#collection('{', '}', () => {
      const key = this.#scalar();
      return key !== undefined && this.#passes(':') && value(key);
    });
  }

  list(): readonly string[] | undefined {
    const items: string[] = [];
    const isRead = this.#collection('[', ']', () => {
      const item = this.#scalar();
      if (item !== undefined) items.push(item);
      return item !== undefined;
    });
    return isRead ? items : undefined;
  }

  /** Any value, nested at most once. */
  value(): boolean {
    this.#skipBlanks();
    const next = this.#text[this.#position];
    if (next === '[') return this.list() !== undefined;
    if (next === '{') return this.mapping(() => this.#scalar() !== undefined);
    return this.#scalar() !== undefined;
  }

  #collection(open: string, close: string, item: () => boolean): boolean {
    if (!this.#passes(open)) return false;
    if (this.#passes(close)) return true;
    do {
      if (!item()) return false;
    } while (this.#passes(','));
    return this.#passes(close);
  }

  #scalar(): string | undefined {
    this.#skipBlanks();
    scalarPattern.lastIndex = this.#position;
    const match = scalarPattern.exec(this.#text);
    if (match === null) return undefined;
    this.#position = scalarPattern.lastIndex;
    const [, single, double, plain] = match;
    return single?.replaceAll("''", "'") ?? plain ?? unescaped(double ?? '');
  }

  #passes(character: string): boolean {
    this.#skipBlanks();
    if (this.#text[this.#position] !== character) return false;
    this.#position += 1;
    return true;
  }

  #skipBlanks(): void {
    while (/[ \n]/.test(this.#text[this.#position] ?? '')) this.#position += 1;
  }
}

/** YAML's short escapes, except for the escaped line break. */
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  ' ': ' ',
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  N: '\x85',
  _: '\xa0',
  L: '\u2028',
  P: '\u2029',
};

/** The content of a double-quoted scalar; undefined if it contains an invalid escape. */
function unescaped(quoted: string): string | undefined {
  let isKnown = true;
  const text = quoted.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/gu,
    (_, x, u, long, other) => {
      const digits: unknown = x ?? u ?? long;
      if (typeof digits === 'string') {
        const code = Number.parseInt(digits, 16);
        if (code <= 0x10ffff) return String.fromCodePoint(code);
      } else if (typeof other === 'string' && Object.hasOwn(escapes, other)) return escapes[other] ?? '';
      isKnown = false;
      return '';
    },
  );
  return isKnown ? text : undefined;
}
