import { lstatSync, statSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import { printable, UserError } from '@slipway/core';
import { excludes, globTest, type KeyGlob, parseKeyGlob } from './globs.ts';

/** Which files are published, and where their keys begin. */
export interface Selection {
  /** Absolute. A file's key is its path below this directory. */
  readonly baseDirectory: string;
  /** Whether the file with this key is published. */
  includes(key: string): boolean;
  /** Whether anything below the directory with this key (empty for the base) can be published. */
  enters(directoryKey: string): boolean;
}

/** A line of `source`: everything below a directory, one file, or a glob below a directory. */
interface Pattern {
  readonly directory: string;
  /** What is published below `directory`. */
  readonly matches: (relativePath: string) => boolean;
  /** How many names deep a match can be. */
  readonly depth: number;
}

const magic = /[*?[\]{}()!+@\\]/;

/**
 * The files that the lines of `source` name: a directory, or paths and globs relative to `workDirectory`, less those of
 * lines with a leading `!` and of `exclude`. Keys begin at the directory, or at the deepest one that all lines share before
 * their first special character. Throws `UserError` `source-missing` for a path that is not there.
 */
export function selectSource(
  lines: readonly string[],
  exclude: readonly KeyGlob[],
  workDirectory: string,
): Selection {
  const wanted = lines.filter((line) => !line.startsWith('!'));
  const excluded = excludedGlobs(lines, exclude);
  const patterns = wanted.map((line) => parsePattern(line, workDirectory));
  const baseDirectory = sharedDirectory(patterns.map(({ directory }) => directory));
  const placed = patterns.map((pattern) => ({
    ...pattern,
    prefix: pattern.directory === baseDirectory ? '' : `${posix.relative(baseDirectory, pattern.directory)}/`,
  }));
  return {
    baseDirectory,
    includes: (key) =>
      placed.some(({ prefix, matches }) => key.startsWith(prefix) && matches(key.slice(prefix.length))) &&
      !excludes(excluded, key),
    enters: (directoryKey) => {
      if (directoryKey !== '' && excludes(excluded, directoryKey)) return false;
      const below = directoryKey === '' ? '' : `${directoryKey}/`;
      return placed.some(({ prefix, depth }) => {
        if (prefix.startsWith(below)) return true;
        return below.startsWith(prefix) && namesIn(below.slice(prefix.length)) < depth;
      });
    },
  };
}

/** What the lines of `source` with a leading `!` exclude, and `exclude`. */
export function excludedGlobs(lines: readonly string[], exclude: readonly KeyGlob[]): readonly KeyGlob[] {
  const unwanted = lines.filter((line) => line.startsWith('!'));
  return [...exclude, ...unwanted.map((line) => parseKeyGlob(line.slice(1).trim()))];
}

/** What is wrong with the lines of `source` by themselves, or undefined. */
export function sourceLinesProblem(lines: readonly string[]): string | undefined {
  if (!lines.some((line) => !line.startsWith('!'))) return 'it names nothing to publish';
  for (const line of lines) {
    try {
      globTest(line.replace(/^!/, ''));
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
  return undefined;
}

function parsePattern(line: string, workDirectory: string): Pattern {
  const path = resolve(workDirectory, line);
  // What is there is meant, also if its name has special characters.
  const kind = kindOf(path);
  if (kind === 'directory') {
    return { directory: path, matches: () => true, depth: Number.POSITIVE_INFINITY };
  }
  if (kind === 'other') {
    const name = posix.basename(path);
    return { directory: posix.dirname(path), matches: (relative) => relative === name, depth: 1 };
  }
  const names = line.split('/');
  const firstMagic = names.findIndex((name) => magic.test(name));
  if (firstMagic < 0) {
    throw new UserError('source-missing', `There is nothing at "${printable(line)}" to publish.`, {
      hint: `Relative paths in source begin at "${printable(workDirectory)}". Did an earlier step make it?`,
    });
  }
  const directory = resolve(
    workDirectory,
    names.slice(0, firstMagic).join('/') || (line.startsWith('/') ? '/' : '.'),
  );
  const glob = names.slice(firstMagic).join('/');
  const isDeep = glob.includes('**') || /[{(]/.test(glob);
  return {
    directory,
    matches: globTest(glob),
    depth: isDeep ? Number.POSITIVE_INFINITY : names.length - firstMagic,
  };
}

function kindOf(path: string): 'directory' | 'other' | 'missing' {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return 'directory';
  return lstatSync(path, { throwIfNoEntry: false }) === undefined ? 'missing' : 'other';
}

/** The deepest directory that all of these are in, or are. */
function sharedDirectory(directories: readonly string[]): string {
  const [first = '/', ...others] = directories;
  let shared = first;
  while (others.some((other) => other !== shared && !other.startsWith(shared === '/' ? '/' : `${shared}/`))) {
    shared = posix.dirname(shared);
  }
  return shared;
}

/** How many names a path that ends in `/` has. */
function namesIn(directoryPath: string): number {
  return directoryPath.split('/').length - 1;
}
