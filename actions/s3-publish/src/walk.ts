import fs from 'node:fs';
import { isOwnDirectory, isSlipwayDirectory, keyProblem, printable, UserError } from '@slipway/core';
import {
  codeOf,
  credentialStoreIn,
  type FileProblems,
  type WalkedDirectory,
  walkTree,
} from '@slipway/local-files';
import type { Selection } from './selection.ts';

/** A file to publish. */
export interface FoundFile {
  readonly key: string;
  /** Its path if that differs from its key below the base, behind a symbolic link. */
  readonly realPath: string | undefined;
  readonly sizeBytes: number;
}

interface Directory extends WalkedDirectory {
  /** Real paths of the directories whose symbolic links were followed to get here. */
  readonly trail: readonly string[];
}

const maxFiles = 2_000_000;
const maxFollowedLinks = 1_000;

/**
 * The files of a selection, in no particular order. Symbolic links are followed inside the base directory. Adds files that cannot
 * be published to `problems`, and credential stores that are left out to `leftOut`. Throws `UserError` `source-missing` if there is
 * no base directory, and `too-large` for too many files.
 */
export async function findFiles(
  selection: Selection,
  problems: FileProblems,
  leftOut: string[] = [],
  onOwnDirectory: (name: string) => void = () => undefined,
): Promise<readonly FoundFile[]> {
  const finder = new Finder(selection, problems, leftOut, onOwnDirectory);
  for (const _ of finder.walk()) await new Promise((resolve) => setImmediate(resolve));
  return finder.files;
}

class Finder {
  readonly files: FoundFile[] = [];
  readonly #selection: Selection;
  readonly #problems: FileProblems;
  readonly #leftOut: string[];
  readonly #onOwnDirectory: (name: string) => void;
  readonly #root: string;
  #followedLinks = 0;

  constructor(
    selection: Selection,
    problems: FileProblems,
    leftOut: string[],
    onOwnDirectory: (name: string) => void,
  ) {
    this.#onOwnDirectory = onOwnDirectory;
    this.#selection = selection;
    this.#problems = problems;
    this.#leftOut = leftOut;
    this.#root = realDirectory(selection.baseDirectory);
  }

  *walk(): Generator<void, void> {
    const start: Directory = { path: this.#root, prefix: '', trail: [] };
    const walk = walkTree(start, {
      visit: (entry, path, key, directory) => this.#look(entry, path, key, directory),
      onProblem: (code, _path, key, what) => this.#problems.add(code, key, what),
    });
    for (const _ of walk) {
      if (this.files.length > maxFiles) {
        throw new UserError(
          'too-large',
          `The source has more than ${maxFiles.toLocaleString('en-US')} files.`,
          { hint: 'Publish it in parts, each to its own prefix.' },
        );
      }
      yield;
    }
  }

  /** Adds a file, or returns the directory to enter. */
  #look(entry: fs.Dirent, path: string, key: string, directory: Directory): Directory | undefined {
    // A source that is itself a destination, such as a mirror, has records that are not its files; a workspace may have actions.
    const isReserved = directory.prefix === '' && isOwnDirectory(entry.name);
    if (isReserved || (isSlipwayDirectory(entry.name) && entry.isDirectory())) {
      this.#onOwnDirectory(entry.name);
      return undefined;
    }
    if (entry.isDirectory()) return this.#enter({ ...directory, path, prefix: `${key}/` });
    if (entry.isSymbolicLink()) return this.#follow(directory, path, key);
    if (this.#selection.includes(key)) this.#file(key, path, undefined);
    else if (this.#selection.leavesOut(key, 'file')) this.#leftOut.push(key);
    return undefined;
  }

  #enter(directory: Directory): Directory | undefined {
    const key = directory.prefix.slice(0, -1);
    if (this.#selection.enters(key)) return directory;
    if (this.#selection.leavesOut(key, 'directory')) this.#leftOut.push(directory.prefix);
    return undefined;
  }

  #file(key: string, path: string, realPath: string | undefined): void {
    const problem = keyProblem(key);
    if (problem !== undefined) {
      this.#problems.add('name-invalid', key, `cannot be the name of an object: ${problem}`);
      return;
    }
    try {
      const stats = fs.lstatSync(path);
      if (stats.isFile()) this.files.push({ key, realPath, sizeBytes: stats.size });
      else this.#problems.add('source-unreadable', key, 'is a pipe, a socket or a device');
    } catch (error) {
      this.#problems.add('source-unreadable', key, `cannot be read (${codeOf(error)})`);
    }
  }

  #follow(directory: Directory, path: string, key: string): Directory | undefined {
    const isWanted = this.#selection.includes(key);
    const mayHoldWanted = this.#selection.enters(key);
    if (!isWanted && !mayHoldWanted) {
      if (this.#selection.leavesOut(key, 'file')) this.#leftOut.push(key);
      return undefined;
    }
    let target: string;
    let isDirectory: boolean;
    try {
      target = fs.realpathSync.native(path);
      isDirectory = fs.statSync(target).isDirectory();
    } catch (error) {
      if (isWanted)
        this.#problems.add('source-unreadable', key, `is a broken symbolic link (${codeOf(error)})`);
      return undefined;
    }
    if (!(isDirectory ? mayHoldWanted : isWanted)) return undefined;
    if (target !== this.#root && !target.startsWith(`${this.#root}/`)) {
      this.#problems.add('path-outside', key, 'is a symbolic link that points outside the source');
    } else if (this.#isLeftOut(target, isDirectory)) {
      this.#leftOut.push(key);
    } else if (isDirectory) {
      return this.#enterLink(directory, target, key);
    } else {
      this.#file(key, target, target);
    }
    return undefined;
  }

  /** Whether a link leads into a credential store, which would then be published under a harmless name. */
  #isLeftOut(target: string, isDirectory: boolean): boolean {
    const key = target.slice(this.#root.length + 1);
    if (credentialStoreIn(key) === undefined) return false;
    return !(isDirectory ? this.#selection.enters(key) : this.#selection.includes(key));
  }

  #enterLink(directory: Directory, target: string, key: string): Directory | undefined {
    const trail = [...directory.trail, directory.path];
    // A link to a directory that contains it would never end.
    if (trail.some((visited) => visited === target || visited.startsWith(`${target}/`))) {
      this.#problems.add('source-unreadable', key, 'is a symbolic link to a directory that contains it');
      return undefined;
    }
    this.#followedLinks += 1;
    if (this.#followedLinks > maxFollowedLinks) {
      throw new UserError(
        'too-large',
        `More than ${maxFollowedLinks} symbolic links in the source lead to directories.`,
      );
    }
    return this.#enter({ path: target, prefix: `${key}/`, trail });
  }
}

function realDirectory(path: string): string {
  try {
    const real = fs.realpathSync.native(path);
    if (fs.statSync(real).isDirectory()) return real;
  } catch (error) {
    throw new UserError(
      'source-missing',
      `The source "${printable(path)}" cannot be opened (${codeOf(error)}).`,
      {
        hint: 'Check source, and whether an earlier step created it.',
        cause: error,
      },
    );
  }
  throw new UserError('source-missing', `The source "${printable(path)}" is not a directory.`);
}
