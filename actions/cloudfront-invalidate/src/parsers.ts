import { type InvalidationTarget, parseCacheTag, parseInvalidationPath } from '@slipway/aws';
import { parseEndpoint, parseJsonText, printable, UserError } from '@slipway/core';
import { jsonItemsOf, parseEach, unquoted } from '@slipway/runner';

const maxShownCharacters = 120;

/** What must be served, and where: a URL, or a path under the CDN's URL and the prefix. */
export interface Proof {
  readonly place:
    | { readonly kind: 'url'; readonly url: string }
    | { readonly kind: 'path'; readonly name: string };
  readonly sha256: string;
  readonly sizeBytes?: number | undefined;
  /** Whether it comes from a manifest, which also lists what did not change. */
  readonly isListed?: boolean | undefined;
}

/** Throws an `Error` for what cannot be the ID of a distribution, such as its domain name. */
export function parseDistributionId(text: string): string {
  if (!/^[A-Z0-9]{1,64}$/.test(text)) {
    throw new Error('must be the ID of a distribution, which has only capital letters and digits');
  }
  return text;
}

/** A target, and the origin of the URL that it was written as; such a path is whole, and gets no prefix. */
export interface AskedTarget extends InvalidationTarget {
  readonly origin?: string;
}

/**
 * Paths and URLs, one a line, several on a line with blanks or commas between them, or a JSON array; each may be in quotes. `# ` begins
 * a comment. Throws one `Error` that names every one that is none, and every line that can be read in two ways.
 */
export function parsePaths(text: string): readonly AskedTarget[] {
  const listed = jsonItemsOf(text);
  if (listed !== undefined) return eachOf(listed, parseTarget);
  // No path and no URL begins so.
  if (/^\s*[[{]/.test(text)) throw new Error(jsonFault(text));
  const problems: string[] = [];
  const words = linesOf(text).flatMap((line) => {
    if (line.startsWith('#')) {
      problems.push(
        `"${printable(shown(line), maxShownCharacters)}": cache tags belong into cache-tags; a comment begins with "# "`,
      );
      return [];
    }
    const found = splitWords(line);
    if (found.length < 2 || found.every(isPlace)) return found;
    problems.push(
      `"${printable(shown(line), maxShownCharacters)}": a blank ends a path, and what follows does not begin with "/": write %20 for a blank of a name, or begin each path with "/"`,
    );
    return [];
  });
  const targets = collectProblems(problems, () => eachOf(words, parseTarget));
  if (targets.length === 0 && linesOf(text).length > 0) throw new Error('it names no path');
  return targets;
}

/** Why a text that begins as JSON is not an array of texts. */
function jsonFault(text: string): string {
  try {
    parseJsonText(text, { maxDepth: 2 });
    return 'it is JSON, and no array of paths';
  } catch (error) {
    return `it begins as JSON, and ${error instanceof Error ? error.message : String(error)}`;
  }
}

/**
 * Why a path would most likely invalidate nothing: it has what separates paths elsewhere, or what no URL has by intention. Each has a
 * form that says that it is meant.
 */
function strayFault(text: string): string | undefined {
  if (text.includes('\\')) {
    return 'it has a backslash: a "\\n" is what toJSON() makes of a line end, so give the text without it; in a name a backslash is written %5C';
  }
  const separator = /([\s,;|])\/|([;|])$/.exec(text);
  if (separator !== null) {
    const character = separator[1] ?? separator[2] ?? '';
    return `it looks like several paths: write one a line, or blanks between them without quotes around all; a "${character}" of a name is written ${encodeURIComponent(character)}`;
  }
  const invisible = /[\u00ad\u200b\u200e\u200f\u2060\ufeff]/.exec(text)?.[0];
  if (invisible !== undefined) {
    return `it has a character that nobody sees; type it again, or write ${encodeURIComponent(invisible)} if it is meant`;
  }
  if (text.startsWith('//')) {
    return 'it begins with "//": begin a path with one "/" and a URL with https://; where a name begins with "/", write /%2F';
  }
  if (/(?<!^\/)%2f/i.test(text)) {
    return 'it has a %2F, which caches keep apart from "/", and which cannot be sent as it is: give a wildcard that ends before it';
  }
  return undefined;
}

function parseTarget(text: string): AskedTarget {
  const [, origin, path = ''] = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)(.*)$/is.exec(text) ?? [];
  const stray = strayFault(origin === undefined ? text : path);
  if (origin !== undefined) {
    const parsed = parseEndpoint(origin);
    if (stray !== undefined) throw new Error(stray);
    return { ...parseInvalidationPath(path === '' ? '/' : path), origin: parsed.origin };
  }
  if (!text.startsWith('/')) {
    throw new Error('it does not start with "/": it is the path of a URL, from the root of the CDN');
  }
  if (stray !== undefined) throw new Error(stray);
  return parseInvalidationPath(text);
}

/** Why targets that were written as URLs cannot be used, or undefined. */
export function strangeTargets(
  targets: readonly AskedTarget[],
  baseUrl: string | undefined,
): string | undefined {
  const origins = [...new Set(targets.flatMap(({ origin }) => origin ?? []))];
  const expected = baseUrl === undefined ? undefined : new URL(baseUrl).origin;
  const strange = origins.filter((origin) => origin !== expected).map((origin) => printable(origin, 100));
  if (strange.length === 0) return undefined;
  return expected === undefined
    ? `paths has URLs of ${strange.join(', ')}, and there is no base-url that says whether this is the CDN: give it, or paths alone`
    : `paths has URLs of ${strange.join(', ')}, and base-url is ${printable(expected, 100)}: the distribution invalidates paths of its own alone`;
}

/** Cache tags, one a line or with commas between them, with or without their `#`. Throws one `Error` that names all that are not valid. */
export function parseTags(text: string): readonly string[] {
  const listed = jsonItemsOf(text) ?? linesOf(text).flatMap((line) => line.split(','));
  const tags = listed.map((tag) => unquoted(tag.trim())).filter((tag) => tag !== '');
  if (tags.length === 0 && text.includes(',')) throw new Error('it names no tag');
  return [...new Set(eachOf(tags, parseCacheTag))].sort();
}

/**
 * `URL SHA-256` or `path SHA-256`, or the other way round as `sha256sum` prints it, one a line or several with blanks or commas
 * between them. Throws one `Error` that names every line that is neither.
 */
export function parseProofs(text: string): readonly Proof[] {
  return eachOf(linesOf(text), parseProofLine).flat();
}

const sha256Form = /^[0-9a-f]{64}$/i;
const noProof = 'must be a URL or path followed by a SHA-256 of 64 hex digits';

function parseProofLine(line: string): readonly Proof[] {
  const words = line
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map((word) => unquoted(word).replace(/^sha-?256:(?=[0-9a-f]{64}$)/i, ''));
  const sums = words.filter((word) => sha256Form.test(word)).length;
  if (sums === 0) throw new Error(noProof);
  if (words.length !== 2 * sums) {
    throw new Error(
      sums * 2 < words.length ? `${noProof}; in a path write %20 for a blank and %2C for a comma` : noProof,
    );
  }
  return Array.from({ length: sums }, (_, index) => {
    const [one = '', other = ''] = words.slice(2 * index, 2 * index + 2);
    const [place, sha256] = sha256Form.test(one) ? [other.replace(/^\*/, ''), one] : [one, other];
    if (!sha256Form.test(sha256) || sha256Form.test(place)) throw new Error(noProof);
    if (place.endsWith(':')) throw new Error('a ":" follows the path: leave it out; in a name it is %3A');
    return { place: parsePlace(place), sha256: sha256.toLowerCase() };
  });
}

/** A path without a wildcard, decoded; the leading slash may be left out. Throws an `Error`. */
export function parseProofPath(text: string): string {
  const { kind, name } = parseInvalidationPath(text.startsWith('/') ? text : `/${text}`);
  if (kind === 'prefix') throw new Error('a wildcard cannot be proven');
  return name;
}

function parsePlace(text: string): Proof['place'] {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { kind: 'url', url: parseEndpoint(text).href };
  return { kind: 'path', name: parseProofPath(text) };
}

function linesOf(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && line !== '#' && !line.startsWith('# '));
}

/**
 * The words of a line. Blanks end one, and commas do where the next begins as a path, as a URL or in quotes; what begins with a
 * quote goes on to the next.
 */
function splitWords(line: string): readonly string[] {
  const words: string[] = [];
  for (let at = 0; at < line.length; ) {
    const character = line[at] ?? '';
    const close = character === '"' || character === "'" ? line.indexOf(character, at + 1) : -1;
    if (isSeparator(character)) {
      at += 1;
    } else if (close !== -1 && isSeparator(line[close + 1] ?? ' ')) {
      words.push(line.slice(at + 1, close).trim());
      at = close + 1;
    } else {
      const end = wordEnd(line, at);
      words.push(line.slice(at, end));
      at = end;
    }
  }
  return words;
}

function wordEnd(line: string, start: number): number {
  for (let at = start; at < line.length; at += 1) {
    const character = line[at] ?? '';
    if (/\s/.test(character)) return at;
    if (character === ',' && /^(?:$|[\s,/"']|[a-z][a-z0-9+.-]{0,20}:\/\/)/i.test(line.slice(at + 1, at + 25)))
      return at;
  }
  return line.length;
}

function isSeparator(character: string): boolean {
  return character === ',' || /\s/.test(character);
}

function isPlace(word: string): boolean {
  return /^(?:\/|[a-z][a-z0-9+.-]*:\/\/)/i.test(word);
}

/** Runs `parse`, and throws what it finds together with `problems`. */
function collectProblems<Value>(problems: readonly string[], parse: () => Value): Value {
  let value: Value;
  try {
    value = parse();
  } catch (error) {
    throw new Error([...problems, error instanceof Error ? error.message : String(error)].join('; '), {
      cause: error,
    });
  }
  if (problems.length > 0) throw new Error(problems.join('; '));
  return value;
}

/**
 * A parser whose errors are told without the text that it was given: a URL in it may have a password, and what the parser says has
 * no part of one.
 */
export function withoutText<Value>(parse: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new UserError('input-invalid', error instanceof Error ? error.message : String(error), {
        cause: error,
      });
    }
  };
}

/** As `parseEach`, without what could be a secret in names that are URLs. */
export function eachOf<Item, Parsed>(
  items: readonly Item[],
  parse: (item: Item) => Parsed,
  nameOf: (item: Item) => string = String,
): readonly Parsed[] {
  return parseEach(items, parse, (item) => shown(nameOf(item)));
}

/** A line as it may be printed: what could be a secret in a URL is left out. */
function shown(line: string): string {
  return line.replace(/\/\/[^/\s]*@/g, '//…@').replace(/\?.*/, '?…');
}
