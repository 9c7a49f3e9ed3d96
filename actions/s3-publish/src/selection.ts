import { lstatSync, statSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import { printable, UserError } from '@slipway/core';
import { credentialStoreIn, globDepth, globTest, namesItself } from '@slipway/local-files';
import { excludes, type KeyGlob, parseKeyGlob } from './globs.ts';

/** Which files are published, and where their keys begin. */
export interface Selection {
  /** Absolute. A file's key is its path below this directory. */
  readonly baseDirectory: string;
  /** Whether the file with this key is published. */
  includes(key: string): boolean;
  /** Whether anything below the directory with this key (empty for the base) can be published. */
  enters(directoryKey: string): boolean;
  /** Whether a file or directory is left out only because it is a credential store that no line names. */
  leavesOut(key: string, kind: 'file' | 'directory'): boolean;
  /** The lines that have not matched any file yet. */
  unusedLines(): readonly string[];
}

/** A line of `source`: everything below a directory, one file, or a glob below a directory. */
interface Pattern {
  readonly line: string;
  readonly directory: string;
  /** The part of the line below `directory`, which may name credential stores. */
  readonly names: string;
  /** What is published below `directory`. */
  readonly matches: (relativePath: string) => boolean;
  /** The maximum depth of a match, in names. */
  readonly depth: number;
}

const magic = /[*?[\]{}()!+@\\]/;

/**
 * The files that the lines of `source` name: a directory, or paths and globs relative to `workDirectory`, except those of lines
 * with a leading `!`, of `exclude`, and of credential stores that no line names itself. Keys begin at the directory, or at the
 * deepest one that all lines share before their first special character. Throws `UserError` `source-missing` for a path that does
 * not exist.
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
  const unused = new Set(placed);
  const look = (key: string): void => {
    for (const pattern of unused) if (isMatch(pattern, key)) unused.delete(pattern);
  };
  const isExcluded = (key: string): boolean => key !== '' && excludes(excluded, key);
  return {
    baseDirectory,
    includes: (key) => {
      look(key);
      return placed.some((pattern) => isMatch(pattern, key) && mayTake(pattern, key)) && !isExcluded(key);
    },
    enters: (key) =>
      !isExcluded(key) && placed.some((pattern) => leadsInto(pattern, key) && mayTake(pattern, key)),
    leavesOut: (key, kind) => {
      if (credentialStoreIn(key) === undefined || isExcluded(key)) return false;
      const test = kind === 'file' ? isMatch : leadsInto;
      const patterns = placed.filter((pattern) => test(pattern, key));
      return patterns.length > 0 && !patterns.some((pattern) => mayTake(pattern, key));
    },
    unusedLines: () => [...unused].map(({ line }) => line),
  };
}

interface PlacedPattern extends Pattern {
  /** The prefix of keys below `directory`. */
  readonly prefix: string;
}

function isMatch({ prefix, matches }: PlacedPattern, key: string): boolean {
  return key.startsWith(prefix) && matches(key.slice(prefix.length));
}

/** Whether anything below the directory `key` can match a pattern. */
function leadsInto({ prefix, depth }: PlacedPattern, key: string): boolean {
  const below = key === '' ? '' : `${key}/`;
  if (prefix.startsWith(below)) return true;
  return below.startsWith(prefix) && namesIn(below.slice(prefix.length)) < depth;
}

/** Whether a pattern may select this key: anything except a credential store that it does not name. */
function mayTake({ prefix, names }: PlacedPattern, key: string): boolean {
  // A pattern names the directories that lead to it.
  if (!key.startsWith(prefix)) return true;
  const store = credentialStoreIn(key.slice(prefix.length));
  return store === undefined || namesItself(names, store);
}

/** The globs of `exclude` and of the lines of `source` with a leading `!`. */
export function excludedGlobs(lines: readonly string[], exclude: readonly KeyGlob[]): readonly KeyGlob[] {
  const unwanted = lines.filter((line) => line.startsWith('!'));
  return [...exclude, ...unwanted.map((line) => parseKeyGlob(line.slice(1).trim()))];
}

/** The problem with the lines of `source` alone, or undefined. */
export function sourceLinesProblem(lines: readonly string[]): string | undefined {
  if (!lines.some((line) => !line.startsWith('!'))) return 'it only excludes files';
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
  // A path that exists is meant as a path, also if its name has special characters.
  const kind = kindOf(path);
  if (kind === 'directory') {
    return { line, directory: path, names: '', matches: () => true, depth: Number.POSITIVE_INFINITY };
  }
  if (kind === 'other') {
    const name = posix.basename(path);
    return {
      line,
      directory: posix.dirname(path),
      names: name,
      matches: (relative) => relative === name,
      depth: 1,
    };
  }
  const names = line.split('/');
  const firstMagic = names.findIndex((name) => magic.test(name));
  if (firstMagic < 0) {
    throw new UserError('source-missing', `Nothing exists at "${printable(line)}".`, {
      hint: `Relative paths in source start at "${printable(workDirectory)}". Did an earlier step create it?`,
    });
  }
  const directory = resolve(
    workDirectory,
    names.slice(0, firstMagic).join('/') || (line.startsWith('/') ? '/' : '.'),
  );
  const glob = names.slice(firstMagic).join('/');
  return {
    line,
    directory,
    names: glob,
    matches: globTest(glob),
    depth: globDepth(glob),
  };
}

function kindOf(path: string): 'directory' | 'other' | 'missing' {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return 'directory';
  return lstatSync(path, { throwIfNoEntry: false }) === undefined ? 'missing' : 'other';
}

/** The deepest directory that contains or equals all of these. */
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
