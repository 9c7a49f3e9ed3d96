import picomatch from 'picomatch';

const maxGlobCharacters = 1_000;
const options: picomatch.PicomatchOptions = { dot: true, nonegate: true, windows: false };

export type PathTest = (path: string) => boolean;

/**
 * What a glob matches among relative paths: one without a slash is about names at any depth, one that ends in a slash about
 * all below, any other about the whole path. Throws an `Error` that says what is wrong with it.
 */
export function pathGlob(text: string): PathTest {
  const below = text.endsWith('/') ? `${text}**` : text;
  return globTest(below.includes('/') ? below.replace(/^\.?\//, '') : `**/${below}`);
}

/** What a glob matches, as it is written. Throws an `Error` that says what is wrong with it. */
export function globTest(glob: string): PathTest {
  if (glob === '') throw new Error('the glob is empty');
  if (glob.length > maxGlobCharacters)
    throw new Error(`the glob is longer than ${maxGlobCharacters} characters`);
  return picomatch(glob, options);
}

/** A glob without the directories before its first wildcard; undefined for a text that is no glob. */
export function splitGlob(text: string): { readonly directory: string; readonly glob: string } | undefined {
  const { base, glob, isGlob } = picomatch.scan(text, options);
  return isGlob ? { directory: base, glob } : undefined;
}
