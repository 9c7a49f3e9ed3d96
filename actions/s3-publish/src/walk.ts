import fs from 'node:fs';
import { keyProblem, printable, systemErrorCode, UserError } from '@slipway/core';
import { credentialStoreIn } from '@slipway/local-files';
import type { Selection } from './selection.ts';
import type { SourceProblems } from './source-problems.ts';

/** A file that is to be published. */
export interface FoundFile {
  readonly key: string;
  /** Where it is when that is not its key below the base: behind a symbolic link. */
  readonly realPath: string | undefined;
  readonly sizeBytes: number;
}

interface Directory {
  /** Its real path. */
  readonly path: string;
  /** What the keys in it begin with: empty, or ending in `/`. */
  readonly prefix: string;
  /** Real paths of the directories in which a symbolic link was followed to get here. */
  readonly trail: readonly string[];
}

/** Stores keep what is their own here (ADR 0016); no object of a user can have such a key. */
export const ownDirectory = '.slipway';

const maxFiles = 2_000_000;
const maxFollowedLinks = 1_000;

/**
 * The files of a selection, in no particular order. Symbolic links are followed inside the base directory. Whatever cannot be
 * published is added to `problems`, and what is left out as a store of credentials to `leftOut`. Throws `UserError` `source-missing` when the base directory is none, and `too-large`
 * for more files than can be handled.
 *
 * The calls block: a directory entry costs some microseconds so, and many times that through the thread pool.
 */
export async function findFiles(
  selection: Selection,
  problems: SourceProblems,
  leftOut: string[] = [],
): Promise<readonly FoundFile[]> {
  const walk = new Walk(selection, problems, leftOut);
  while (walk.step()) await new Promise((resolve) => setImmediate(resolve));
  return walk.files;
}

class Walk {
  readonly files: FoundFile[] = [];
  readonly #selection: Selection;
  readonly #problems: SourceProblems;
  readonly #leftOut: string[];
  readonly #root: string;
  readonly #pending: Directory[];
  #followedLinks = 0;

  constructor(selection: Selection, problems: SourceProblems, leftOut: string[]) {
    this.#selection = selection;
    this.#problems = problems;
    this.#leftOut = leftOut;
    this.#root = realDirectory(selection.baseDirectory);
    this.#pending = [{ path: this.#root, prefix: '', trail: [] }];
  }

  /** Looks at one directory. Gives whether there are more. */
  step(): boolean {
    const directory = this.#pending.pop();
    if (directory === undefined) return false;
    for (const entry of this.#entries(directory)) this.#look(directory, entry);
    if (this.files.length > maxFiles) {
      throw new UserError(
        'too-large',
        `The source has more than ${maxFiles.toLocaleString('en-US')} files.`,
        {
          hint: 'Publish it in parts, each to a prefix of its own.',
        },
      );
    }
    return true;
  }

  #entries({ path, prefix }: Directory): readonly fs.Dirent[] {
    try {
      const entries = fs.readdirSync(path, { withFileTypes: true });
      const suspect = entries.some(({ name }) => name.includes('\ufffd'));
      return suspect ? this.#decodable(path, prefix, entries) : entries;
    } catch (error) {
      this.#problems.add('source-unreadable', prefix, `cannot be listed (${codeOf(error)})`);
      return [];
    }
  }

  /** Without the entries whose names are no UTF-8, which cannot be asked for by the name that Node gives. */
  #decodable(path: string, prefix: string, entries: readonly fs.Dirent[]): readonly fs.Dirent[] {
    const honest = new Set<string>();
    for (const bytes of fs.readdirSync(path, { encoding: 'buffer' })) {
      const name = bytes.toString('utf8');
      if (Buffer.from(name).equals(bytes)) honest.add(name);
      else this.#problems.add('name-invalid', prefix + readable(bytes), 'is a name that is no UTF-8');
    }
    return entries.filter(({ name }) => honest.has(name));
  }

  #look(directory: Directory, entry: fs.Dirent): void {
    const key = directory.prefix + entry.name;
    if (directory.prefix === '' && entry.name.toLowerCase() === ownDirectory) return;
    const path = `${directory.path}/${entry.name}`;
    if (entry.isDirectory()) {
      this.#enter({ ...directory, path, prefix: `${key}/` });
    } else if (entry.isSymbolicLink()) {
      this.#follow(directory, path, key);
    } else if (this.#selection.includes(key)) {
      this.#file(key, path, undefined);
    } else if (this.#selection.leavesOut(key, 'file')) {
      this.#leftOut.push(key);
    }
  }

  #enter(directory: Directory): void {
    const key = directory.prefix.slice(0, -1);
    if (this.#selection.enters(key)) this.#pending.push(directory);
    else if (this.#selection.leavesOut(key, 'directory')) this.#leftOut.push(directory.prefix);
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

  #follow(directory: Directory, path: string, key: string): void {
    const isWanted = this.#selection.includes(key);
    const mayHoldWanted = this.#selection.enters(key);
    if (!isWanted && !mayHoldWanted) {
      if (this.#selection.leavesOut(key, 'file')) this.#leftOut.push(key);
      return;
    }
    let target: string;
    let isDirectory: boolean;
    try {
      target = fs.realpathSync.native(path);
      isDirectory = fs.statSync(target).isDirectory();
    } catch (error) {
      if (isWanted)
        this.#problems.add(
          'source-unreadable',
          key,
          `is a symbolic link that leads nowhere (${codeOf(error)})`,
        );
      return;
    }
    if (!(isDirectory ? mayHoldWanted : isWanted)) return;
    if (target !== this.#root && !target.startsWith(`${this.#root}/`)) {
      this.#problems.add('path-outside', key, 'is a symbolic link out of the source');
    } else if (this.#isLeftOut(target, isDirectory)) {
      this.#leftOut.push(key);
    } else if (!isDirectory) {
      this.#file(key, target, target);
    } else {
      this.#enterLink(directory, target, key);
    }
  }

  /** Whether a link leads into a store of credentials, which a name without a word of it would publish. */
  #isLeftOut(target: string, isDirectory: boolean): boolean {
    const key = target.slice(this.#root.length + 1);
    if (credentialStoreIn(key) === undefined) return false;
    return !(isDirectory ? this.#selection.enters(key) : this.#selection.includes(key));
  }

  #enterLink(directory: Directory, target: string, key: string): void {
    const trail = [...directory.trail, directory.path];
    // A link to a directory that it is in would never end.
    if (trail.some((visited) => visited === target || visited.startsWith(`${target}/`))) {
      this.#problems.add('source-unreadable', key, 'is a symbolic link to a directory that it is in itself');
      return;
    }
    this.#followedLinks += 1;
    if (this.#followedLinks > maxFollowedLinks) {
      throw new UserError(
        'too-large',
        `More than ${maxFollowedLinks} symbolic links of the source lead to directories.`,
      );
    }
    this.#enter({ path: target, prefix: `${key}/`, trail });
  }
}

function realDirectory(path: string): string {
  try {
    const real = fs.realpathSync.native(path);
    if (fs.statSync(real).isDirectory()) return real;
  } catch (error) {
    throw new UserError(
      'source-missing',
      `The source "${printable(path)}" cannot be entered (${codeOf(error)}).`,
      {
        hint: 'Check source, and whether an earlier step made it.',
        cause: error,
      },
    );
  }
  throw new UserError('source-missing', `The source "${printable(path)}" is no directory.`);
}

/** A name with its bytes that are no UTF-8 as `\xNN`. */
function readable(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
}

function codeOf(error: unknown): string {
  return systemErrorCode(error) ?? 'for an unknown reason';
}
