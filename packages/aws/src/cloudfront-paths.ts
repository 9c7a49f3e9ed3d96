import { encodeKey, withoutTrailingSlashes } from '@slipway/core';

/**
 * What an invalidation covers, by its decoded name under the distribution: one object, or every object whose name starts with it.
 */
export interface InvalidationTarget {
  readonly kind: 'path' | 'prefix';
  /** Starts with a slash; decoded, without the wildcard's `*`. */
  readonly name: string;
}

/** CloudFront refuses longer ones. */
const maxPathCharacters = 4000;
const maxTagCharacters = 256;

/**
 * Reads a path as written in a URL: `%XX` has its URL meaning and is never encoded again; characters that URLs cannot contain (a
 * space, `ä`, `"`) stand for themselves; a final `*` is a wildcard. Throws an `Error` for anything ambiguous: a `%` without two hex
 * digits, `?`, `#`, and `*` elsewhere.
 */
export function parseInvalidationPath(text: string): InvalidationTarget {
  if (!text.startsWith('/')) throw new Error('it does not start with "/"');
  const wildcard = text.endsWith('*');
  const path = wildcard ? text.slice(0, -1) : text;
  if (path.includes('*')) {
    throw new Error('a "*" is a wildcard only at the end; in a file name, write it as %2A');
  }
  if (path.includes('?')) {
    throw new Error('it has a query; write a "?" in a name as %3F, and a "*" at the end for every query');
  }
  if (path.includes('#')) throw new Error('it has a fragment; write a "#" in a name as %23');
  const name = decodePath(path);
  const problem = nameProblem(name, wildcard);
  if (problem !== undefined) throw new Error(problem);
  return { kind: wildcard ? 'prefix' : 'path', name };
}

/** A prefix of paths, decoded and without a trailing slash. Throws an `Error` as `parseInvalidationPath` does. */
export function parsePathPrefix(text: string): string {
  const { kind, name } = parseInvalidationPath(text.startsWith('/') ? text : `/${text}`);
  if (kind === 'prefix') throw new Error('it ends in a wildcard');
  return withoutTrailingSlashes(name);
}

/** Prepends a `prefix` from `parsePathPrefix` to the target. Throws an `Error` if the result is too long. */
export function underPrefix({ kind, name }: InvalidationTarget, prefix: string): InvalidationTarget {
  const problem = nameProblem(prefix + name, kind === 'prefix');
  if (problem !== undefined) throw new Error(problem);
  return { kind, name: prefix + name };
}

/**
 * A cache tag, without CloudFront's `#` mark and in lower case, as CloudFront compares it. Throws an `Error` unless it is 1 to 256
 * visible ASCII characters without commas or wildcards.
 */
export function parseCacheTag(text: string): string {
  const tag = text.replace(/^#/, '').toLowerCase();
  if (tag.length > maxTagCharacters) throw new Error(`it has more than ${maxTagCharacters} characters`);
  if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(tag)) {
    throw new Error('a tag consists of visible ASCII characters without commas');
  }
  return tag;
}

/**
 * How clients may spell a name in a URL, as paths to invalidate. Caches store what was requested under its exact spelling, and
 * clients differ in `+`, `@`, `:` and the like: browsers and curl follow CloudFront's documentation and leave all but unsafe
 * characters alone, while Python's and AWS's libraries percent-encode them. Names with such characters have two spellings, all
 * others one.
 */
export function spellings({ kind, name }: InvalidationTarget): readonly string[] {
  const end = kind === 'prefix' ? '*' : '';
  return [...new Set([encodePlainly(name), encodeKey(name)])].map((path) => path + end);
}

/** RFC 1738: encodes only characters that are unsafe or have another meaning in a URL. */
function encodePlainly(name: string): string {
  return encodeURIComponent(name)
    .replaceAll('*', '%2A')
    .replace(/%(2F|24|26|2B|2C|3A|3B|3D|40)/g, (encoded) => decodeURIComponent(encoded));
}

function decodePath(path: string): string {
  if (!path.isWellFormed()) throw new Error('it is not well-formed Unicode');
  if (/%(?![0-9a-f]{2})/i.test(path)) {
    throw new Error('it has a "%" without two hex digits; write a "%" in a name as %25');
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
