import { encodeKey, withoutTrailingSlashes } from '@slipway/core';

/**
 * What an invalidation names, by the decoded name under the distribution that it stands for: one object, or every object
 * whose name begins with it.
 */
export interface InvalidationTarget {
  readonly kind: 'path' | 'prefix';
  /** Begins with a slash; decoded, without the wildcard's `*`. */
  readonly name: string;
}

/** CloudFront refuses longer ones. */
const maxPathCharacters = 4000;
const maxTagCharacters = 256;

/**
 * Reads a path as it stands in a URL: `%XX` is what a URL means by it and is never encoded a second time; what cannot stand
 * in a URL (a space, `ä`, `"`) is taken as itself; a `*` at the end is a wildcard. Throws an `Error` that says what is wrong
 * for anything that is ambiguous: a `%` that begins no `%XX`, `?`, `#`, and `*` elsewhere.
 */
export function parseInvalidationPath(text: string): InvalidationTarget {
  if (!text.startsWith('/')) throw new Error('it does not begin with "/"');
  const wildcard = text.endsWith('*');
  const path = wildcard ? text.slice(0, -1) : text;
  if (path.includes('*')) {
    throw new Error('a "*" is a wildcard at the very end only; in the name of a file it is written %2A');
  }
  if (path.includes('?')) {
    throw new Error('it has a query; a "?" in a name is %3F, and a "*" at the end stands for every query');
  }
  if (path.includes('#')) throw new Error('it has a fragment; a "#" in a name is written %23');
  const name = decodePath(path);
  const problem = nameProblem(name, wildcard);
  if (problem !== undefined) throw new Error(problem);
  return { kind: wildcard ? 'prefix' : 'path', name };
}

/** What stands before paths, decoded and without a slash at its end. Throws an `Error` as `parseInvalidationPath` does. */
export function parsePathPrefix(text: string): string {
  const { kind, name } = parseInvalidationPath(text.startsWith('/') ? text : `/${text}`);
  if (kind === 'prefix') throw new Error('it ends in a wildcard');
  return withoutTrailingSlashes(name);
}

/** The target with `prefix`, of `parsePathPrefix`, before it. Throws an `Error` when it is too long then. */
export function underPrefix({ kind, name }: InvalidationTarget, prefix: string): InvalidationTarget {
  const problem = nameProblem(prefix + name, kind === 'prefix');
  if (problem !== undefined) throw new Error(problem);
  return { kind, name: prefix + name };
}

/**
 * A cache tag, without the `#` that CloudFront marks it with, in lower case as CloudFront compares it. Throws an `Error`
 * that says what is wrong: a tag is 1 to 256 visible ASCII characters without commas, and has no wildcards.
 */
export function parseCacheTag(text: string): string {
  const tag = text.replace(/^#/, '').toLowerCase();
  if (tag.length > maxTagCharacters) throw new Error(`it has more than ${maxTagCharacters} characters`);
  if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(tag)) {
    throw new Error('a tag is of visible ASCII characters, without spaces and commas');
  }
  return tag;
}

/**
 * How clients may write a name in a URL, as paths to invalidate. A cache keeps what was asked for under the very spelling
 * of the request, and clients differ in `+`, `@`, `:` and the like: CloudFront's documentation wants all but unsafe
 * characters left alone, which is how browsers and curl write them, while Python's and AWS's libraries percent-encode
 * them. So a name with such characters has two spellings, every other name has one.
 */
export function spellings({ kind, name }: InvalidationTarget): readonly string[] {
  const end = kind === 'prefix' ? '*' : '';
  return [...new Set([encodePlainly(name), encodeKey(name)])].map((path) => path + end);
}

/** RFC 1738: only what is unsafe in a URL is encoded, and what would mean something else there. */
function encodePlainly(name: string): string {
  return encodeURIComponent(name)
    .replaceAll('*', '%2A')
    .replace(/%(2F|24|26|2B|2C|3A|3B|3D|40)/g, (encoded) => decodeURIComponent(encoded));
}

function decodePath(path: string): string {
  if (!path.isWellFormed()) throw new Error('it is not well-formed Unicode');
  if (/%(?![0-9a-f]{2})/i.test(path)) {
    throw new Error('it has a "%" that begins no %XX; in a name a "%" is written %25');
  }
  try {
    return decodeURIComponent(path);
  } catch {
    throw new Error('its %XX are not UTF-8');
  }
}

function nameProblem(name: string, wildcard: boolean): string | undefined {
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'it has a control character';
  const segments = name.split('/');
  const whole = wildcard ? segments.slice(0, -1) : segments;
  if (whole.includes('.') || whole.includes('..'))
    return 'it has a "." or ".." segment, which clients resolve';
  if (encodeKey(name).length >= maxPathCharacters) {
    return `it is longer than ${maxPathCharacters} characters when it is encoded`;
  }
  return undefined;
}
