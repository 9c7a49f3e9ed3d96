import { type InvalidationTarget, parseCacheTag, parseInvalidationPath } from '@slipway/aws';
import { parseEndpoint, parseJsonText, printable, UserError } from '@slipway/core';
import { jsonItemsOf, parseEach, unquoted } from '@slipway/runner';

const maxShownCharacters = 120;

/** What must be served, and where: at a URL, or at a path under the CDN's URL and the prefix. */
export interface Proof {
  readonly place:
    | { readonly kind: 'url'; readonly url: string }
    | { readonly kind: 'path'; readonly name: string };
  readonly sha256: string;
  readonly sizeBytes?: number | undefined;
  /** Whether it comes from a manifest, which also lists what did not change. */
  readonly isListed?: boolean | undefined;
}

/** Throws an `Error` for anything that cannot be the ID of a distribution, such as its domain name. */
export function parseDistributionId(text: string): string {
  if (!/^[A-Z0-9]{1,64}$/.test(text)) {
    throw new Error('must be the ID of a distribution, which consists of capital letters and digits');
  }
  return text;
}

/** A target, and the origin of the URL that it was written as; such a path is complete, and gets no prefix. */
export interface AskedTarget extends InvalidationTarget {
  readonly origin?: string;
}

/**
 * Paths and URLs, one per line, several on a line separated by spaces or commas, or a JSON array; each may be in quotes. `# `
 * begins a comment. Throws one `Error` that names everything invalid, and every ambiguous line.
 */
export function parsePaths(text: string): readonly AskedTarget[] {
  const listed = jsonItemsOf(text);
  if (listed !== undefined) return eachOf(listed, parseTarget);
  // No path and no URL begins like this.
  if (/^\s*[[{]/.test(text)) throw new Error(jsonFault(text));
  const problems: string[] = [];
  const words = linesOf(text).flatMap((line) => {
    if (line.startsWith('#')) {
      problems.push(
        `"${printable(shown(line), maxShownCharacters)}": cache tags belong in cache-tags; a comment begins with "# "`,
      );
      return [];
    }
    const found = splitWords(line);
    if (found.length < 2 || found.every(isPlace)) return found;
    problems.push(
      `"${printable(shown(line), maxShownCharacters)}": a space ends a path, and the rest does not begin with "/": write a space in a name as %20, or begin each path with "/"`,
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
    return 'it is JSON, but not an array of paths';
  } catch (error) {
    return `it looks like JSON, but ${error instanceof Error ? error.message : String(error)}`;
  }
}

/**
 * Why a path would most likely invalidate nothing: it contains a separator of paths elsewhere, or something that is in no URL on
 * purpose. Each can be written in a way that shows that it is intended.
 */
function strayFault(text: string): string | undefined {
  if (text.includes('\\')) {
    return 'it has a backslash: toJSON() writes a line break as "\\n", so pass the text without toJSON(); write a backslash in a name as %5C';
  }
  const separator = /([\s,;|])\/|([;|])$/.exec(text);
  if (separator !== null) {
    const character = separator[1] ?? separator[2] ?? '';
    return `it looks like several paths: write one per line, or separate them with spaces and remove the quotes around the list; write a "${character}" in a name as ${encodeURIComponent(character)}`;
  }
  const invisible = /[\u00ad\u200b\u200e\u200f\u2060\ufeff]/.exec(text)?.[0];
  if (invisible !== undefined) {
    return `it has an invisible character; type it again, or write ${encodeURIComponent(invisible)} if it is meant`;
  }
  if (text.startsWith('//')) {
    return 'it begins with "//": begin a path with one "/" and a URL with https://; where a name begins with "/", write /%2F';
  }
  if (/(?<!^\/)%2f/i.test(text)) {
    return 'it has a %2F, which caches distinguish from "/" and which cannot be sent unchanged: use a wildcard that ends before it';
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
    ? `paths has URLs of ${strange.join(', ')}, and without base-url it is unknown whether this is the CDN: set base-url, or use paths only`
    : `paths has URLs of ${strange.join(', ')}, and base-url is ${printable(expected, 100)}: a distribution invalidates only its own paths`;
}

/** Cache tags, separated by line breaks or commas, with or without their `#`. Throws one `Error` that names all invalid ones. */
export function parseTags(text: string): readonly string[] {
  const listed = jsonItemsOf(text) ?? linesOf(text).flatMap((line) => line.split(','));
  const tags = listed.map((tag) => unquoted(tag.trim())).filter((tag) => tag !== '');
  if (tags.length === 0 && text.includes(',')) throw new Error('it names no tag');
  return [...new Set(eachOf(tags, parseCacheTag))].sort();
}

/**
 * `URL SHA-256` or `path SHA-256`, or in the order of `sha256sum`, one per line or several separated by spaces or commas. Throws
 * one `Error` that names every invalid line.
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
      sums * 2 < words.length ? `${noProof}; in a path, write a space as %20 and a comma as %2C` : noProof,
    );
  }
  return Array.from({ length: sums }, (_, index) => {
    const [one = '', other = ''] = words.slice(2 * index, 2 * index + 2);
    const [place, sha256] = sha256Form.test(one) ? [other.replace(/^\*/, ''), one] : [one, other];
    if (!sha256Form.test(sha256) || sha256Form.test(place)) throw new Error(noProof);
    if (place.endsWith(':')) throw new Error('a ":" follows the path: remove it; in a name, write it as %3A');
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
 * The words of a line. A space ends a word, as does a comma if the next word begins like a path, like a URL or with a quote; a
 * quoted word ends at the closing quote.
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

/** A parser whose errors do not repeat its input: a URL in it may contain a password, and the parser's own messages never do. */
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

/** Like `parseEach`, without possible secrets in names that are URLs. */
export function eachOf<Item, Parsed>(
  items: readonly Item[],
  parse: (item: Item) => Parsed,
  nameOf: (item: Item) => string = String,
): readonly Parsed[] {
  return parseEach(items, parse, (item) => shown(nameOf(item)));
}

/** A printable line, without possible secrets in URLs. */
function shown(line: string): string {
  return line.replace(/\/\/[^/\s]*@/g, '//…@').replace(/\?.*/, '?…');
}
