import { GlobMatcher } from './glob-matcher.ts';
import { hasWildcard, parseGlob } from './glob-syntax.ts';

const maxGlobCharacters = 1_000;

export type PathTest = (path: string) => boolean;

/**
 * What a glob matches among relative paths: one without a slash is about names at any depth, one that ends in a slash about
 * all below, any other about the whole path. Throws an `Error` that says what is wrong with it.
 */
export function pathGlob(text: string): PathTest {
  return globTest(writtenOut(text));
}

/** As `pathGlob`, and with all that is below a directory that the glob matches. */
export function pathGlobOrBelow(text: string): PathTest {
  const glob = writtenOut(text);
  const matcher = matcherOf(glob);
  return (path) => path === glob || path.startsWith(`${glob}/`) || matcher.matchesOrBelow(path);
}

function writtenOut(text: string): string {
  if (text === '') throw new Error('the glob is empty');
  // `!a` is everything but `a` to some tools, and takes back what an earlier line says to others.
  if (/^!(?!\()/.test(text)) {
    throw new Error(
      'a "!" begins no glob here: it would be the first character of a name, and is written \\!',
    );
  }
  const below = text.endsWith('/') ? `${text}**` : text;
  return below.includes('/') ? below.replace(/^\.?\//, '') : `**/${below}`;
}

/**
 * What a glob matches, as it is written, in time that grows no faster than the lengths of path and glob. What is written just
 * as the glob matches too. Throws an `Error` that says what is wrong with it.
 */
export function globTest(glob: string): PathTest {
  const matcher = matcherOf(glob);
  return (path) => path === glob || matcher.matches(path);
}

function matcherOf(glob: string): GlobMatcher {
  if (glob === '') throw new Error('the glob is empty');
  if (glob.length > maxGlobCharacters)
    throw new Error(`the glob is longer than ${maxGlobCharacters} characters`);
  return new GlobMatcher(parseGlob(glob));
}

/** How many names deep a path that a glob matches can be. */
export function globDepth(glob: string): number {
  return /\*\*|[{(]/.test(glob) ? Number.POSITIVE_INFINITY : glob.split('/').length;
}

/** A glob without the directories before its first wildcard; undefined for a text that is not a glob. */
export function splitGlob(text: string): { readonly directory: string; readonly glob: string } | undefined {
  const names = text.split('/');
  const first = names.findIndex(hasWildcard);
  if (first === -1) return undefined;
  const directory = names.slice(0, first).join('/');
  return {
    directory: directory === '' && text.startsWith('/') ? '/' : directory,
    glob: names.slice(first).join('/'),
  };
}
