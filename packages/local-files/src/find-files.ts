import fs from 'node:fs';
import { basename, isAbsolute, relative, resolve } from 'node:path';
import { isSlipwayDirectory, UserError, withoutTrailingSlashes } from '@slipway/core';
import { type CredentialStore, credentialStoreIn, namesItself } from './credential-stores.ts';
import type { FileFault, FileProblems } from './file-problems.ts';
import { isPartialName } from './partial-file.ts';
import { globDepth, globTest, type PathTest, pathGlobOrBelow, splitGlob } from './path-globs.ts';
import { codeOf, type WalkedDirectory, walkTree } from './walk-tree.ts';

/** A file, a symbolic link, or a directory that is empty. */
export interface FoundPath {
  /** Where it is, absolute. */
  readonly path: string;
  /** Its name, beginning with the last part of its pattern: `App.app/Contents/x` for `dist/App.app`. */
  readonly name: string;
  readonly kind: 'file' | 'link' | 'empty-directory';
  readonly sizeBytes: number;
  readonly executable: boolean;
  /** The text of a link. */
  readonly linkTarget?: string | undefined;
}

export interface FindOptions {
  /** Where relative patterns start. */
  readonly baseDirectory: string;
  /** Globs of what is left out: without a slash of names at any depth, with one of paths below the base directory. */
  readonly excludes: readonly string[];
  readonly problems: FileProblems;
  /** Receives the paths, from the base directory, of stores of credentials that the pattern does not name itself. */
  readonly leftOut?: string[] | undefined;
  /** Receives those of `excludes` that left something out. */
  readonly usedExcludes?: Set<string> | undefined;
}

const maxFiles = 200_000;

/**
 * What a pattern stands for, in no particular order: a file, a directory with everything below it, or what a glob matches,
 * with everything below the directories that it matches. A pattern of a directory that ends in `/` leaves the directory out
 * of the names. Symbolic links are not followed. Files that a process was writing when it ended, the state that Slipway keeps
 * in a destination, and stores of credentials that the pattern does not name itself are left out. Adds to `problems` what cannot be used. Throws `UserError` `too-large`.
 */
export function findFiles(pattern: string, options: FindOptions): readonly FoundPath[] {
  const { problems, baseDirectory } = options;
  const finder = new Finder(options);
  const problemsBefore = problems.count;
  const path = resolve(baseDirectory, pattern);
  const stats = statOf(path, pattern.endsWith('/'));
  const glob = stats === undefined ? splitGlob(pattern) : undefined;
  if (stats !== undefined) {
    finder.add(path, pattern.endsWith('/') ? '' : basename(path), stats);
  } else if (glob !== undefined) {
    finder.match(resolve(baseDirectory, glob.directory), withoutTrailingSlashes(glob.glob));
  } else {
    problems.add('source-missing', pattern, 'does not exist');
    return [];
  }
  if (finder.found.length === 0 && problems.count === problemsBefore) {
    problems.add('source-missing', pattern, emptyWords(glob === undefined, finder.leftOutCount));
  }
  return finder.found;
}

function emptyWords(isPath: boolean, leftOutCount: number): string {
  if (leftOutCount > 0)
    return 'has nothing but stores of credentials, which are left out unless they are named themselves';
  return isPath ? 'has no files, or all of them are left out' : 'matches no file';
}

function exclusion({ baseDirectory, excludes, usedExcludes }: FindOptions): PathTest {
  const tests = excludes.map((text) => ({ text, test: pathGlobOrBelow(text) }));
  const matchesAny = (path: string): boolean => {
    const matching = tests.filter(({ test }) => test(path));
    for (const { text } of matching) usedExcludes?.add(text);
    return matching.length > 0;
  };
  return (path) => {
    if (tests.length === 0) return false;
    const fromBase = relative(baseDirectory, path);
    const isOutside = fromBase.startsWith('..') || isAbsolute(fromBase);
    return matchesAny(isOutside ? path.slice(1) : fromBase);
  };
}

/** Undefined where there is nothing. */
function statOf(path: string, follow: boolean): fs.Stats | undefined {
  try {
    return follow ? fs.statSync(path) : fs.lstatSync(path);
  } catch {
    return undefined;
  }
}

/** What `fs.Stats` and `fs.Dirent` have in common. */
type EntryKind = Pick<fs.Stats, 'isDirectory' | 'isFile' | 'isSymbolicLink'>;

/** Whether this is not the user's, such as the state of a mirror that is in the workspace. */
function isForeign(entry: fs.Dirent): boolean {
  return isSlipwayDirectory(entry.name) && entry.isDirectory();
}

class Finder {
  readonly found: FoundPath[] = [];
  leftOutCount = 0;
  readonly #options: FindOptions;
  readonly #excluded: PathTest;
  readonly #onProblem = (code: FileFault, path: string, _name: string, what: string): void =>
    this.#options.problems.add(code, path, what);

  constructor(options: FindOptions) {
    this.#options = options;
    this.#excluded = exclusion(options);
  }

  /** Takes everything at `path`, under this name; an empty name leaves a directory out of the names. */
  add(path: string, name: string, kind: EntryKind): void {
    const root = this.#take(path, name, kind, path);
    if (root === undefined) return;
    this.#walk(root, {
      visit: (entry, entryPath, entryName) =>
        isForeign(entry) ? undefined : this.#take(entryPath, entryName, entry, path),
      onEmpty: (directory) => this.#addEmptyDirectory(directory),
    });
  }

  /** Takes everything below `directory` that matches, with everything below what matches. */
  match(directory: string, glob: string): void {
    if (statOf(directory, true)?.isDirectory() !== true) return;
    const test = globTest(glob);
    const depth = globDepth(glob);
    const isLeftOut = (store: CredentialStore | undefined): boolean =>
      store !== undefined && !namesItself(glob, store);
    this.#walk(
      { path: directory, prefix: '' },
      {
        visit: (entry, path, name) => {
          if (isForeign(entry) || this.#excluded(path)) return undefined;
          const isDirectory = entry.isDirectory();
          if (isLeftOut(credentialStoreIn(name))) {
            if (test(name) || (isDirectory && name.split('/').length < depth))
              this.#leaveOut(path, isDirectory);
          } else if (test(name)) this.add(path, name, entry);
          else if (isDirectory) return { path, prefix: `${name}/` };
          return undefined;
        },
      },
    );
  }

  #walk(
    start: WalkedDirectory,
    visitor: Pick<Parameters<typeof walkTree<WalkedDirectory>>[1], 'visit' | 'onEmpty'>,
  ): void {
    const walk = walkTree(start, { ...visitor, skips: isPartialName, onProblem: this.#onProblem });
    while (walk.next().done !== true);
  }

  /** Takes what is not a directory, and gives the directory to enter for what is one. */
  #take(path: string, name: string, kind: EntryKind, root: string): WalkedDirectory | undefined {
    if (this.#excluded(path)) return undefined;
    const isDirectory = kind.isDirectory();
    if (credentialStoreIn(path.slice(root.length + 1)) !== undefined) this.#leaveOut(path, isDirectory);
    else if (isDirectory) return { path, prefix: name === '' ? '' : `${name}/` };
    else this.#addFile(path, name, kind);
    return undefined;
  }

  #leaveOut(path: string, isDirectory: boolean): void {
    this.leftOutCount += 1;
    const fromBase = relative(this.#options.baseDirectory, path);
    const shown = fromBase.startsWith('../') ? path : fromBase;
    this.#options.leftOut?.push(isDirectory ? `${shown}/` : shown);
  }

  #addFile(path: string, name: string, kind: EntryKind): void {
    const isLink = kind.isSymbolicLink();
    if (!isLink && !kind.isFile()) {
      this.#onProblem('source-unreadable', path, name, 'is a pipe, a socket or a device');
      return;
    }
    try {
      const stats = isLink ? undefined : fs.lstatSync(path);
      this.#push({
        path,
        name,
        kind: isLink ? 'link' : 'file',
        sizeBytes: stats?.size ?? 0,
        executable: stats !== undefined && (stats.mode & 0o111) !== 0,
        linkTarget: isLink ? fs.readlinkSync(path) : undefined,
      });
    } catch (error) {
      if (error instanceof UserError) throw error;
      this.#onProblem('source-unreadable', path, name, `cannot be read (${codeOf(error)})`);
    }
  }

  #addEmptyDirectory({ path, prefix }: WalkedDirectory): void {
    if (prefix === '') return;
    this.#push({ path, name: prefix.slice(0, -1), kind: 'empty-directory', sizeBytes: 0, executable: false });
  }

  #push(found: FoundPath): void {
    this.found.push(found);
    if (this.found.length > maxFiles) {
      throw new UserError('too-large', `there are more than ${maxFiles.toLocaleString('en-US')} files`, {
        hint: 'Name fewer of them.',
      });
    }
  }
}
