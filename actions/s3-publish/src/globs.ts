import { type PathTest, pathGlob, pathGlobOrBelow } from '@slipway/local-files';

/** A glob for keys, ready to be matched. */
export interface KeyGlob {
  /** As the user wrote it. */
  readonly text: string;
  readonly matches: PathTest;
  /** Whether it matches a key or a directory that it is in. */
  readonly matchesOrBelow: PathTest;
  /** Whether it has matched anything yet. */
  readonly wasUsed: () => boolean;
}

/**
 * A glob for keys. Without a slash it matches names at any depth; with a slash it matches whole keys, which a leading slash can
 * make explicit; with a slash at its end it matches everything below. Throws an `Error` that says what is wrong with it.
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

/** Whether any of `globs` matches `key` or a directory that it is in: what excludes a directory excludes all below. */
export function excludes(globs: readonly KeyGlob[], key: string): boolean {
  return globs.some((glob) => glob.matchesOrBelow(key));
}
