import { type PathTest, pathGlob, pathGlobOrBelow } from '@slipway/local-files';

/** A compiled glob for keys. */
export interface KeyGlob {
  /** As written by the user. */
  readonly text: string;
  readonly matches: PathTest;
  /** Whether it matches a key or one of its directories. */
  readonly matchesOrBelow: PathTest;
  /** Whether it has matched anything yet. */
  readonly wasUsed: () => boolean;
}

/**
 * A glob for keys. Without a slash it matches names at any depth; with a slash it matches whole keys, which a leading slash can
 * make explicit; with a trailing slash it matches everything below. Throws an `Error` with the reason if it is not valid.
 */
export function parseKeyGlob(text: string): KeyGlob {
  let used = false;
  const noted =
    (test: PathTest): PathTest =>
    (key) => {
      const isMatch = test(key);
      used ||= isMatch;
      return isMatch;
    };
  return {
    text,
    matches: noted(pathGlob(text)),
    matchesOrBelow: noted(pathGlobOrBelow(text)),
    wasUsed: () => used,
  };
}

/** Whether any of `globs` matches `key`. */
export function matchesAny(globs: readonly KeyGlob[], key: string): boolean {
  return globs.some((glob) => glob.matches(key));
}

/** Whether any of `globs` matches `key` or one of its directories: excluding a directory excludes everything below. */
export function excludes(globs: readonly KeyGlob[], key: string): boolean {
  return globs.some((glob) => glob.matchesOrBelow(key));
}
