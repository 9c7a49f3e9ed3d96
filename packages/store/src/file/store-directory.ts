import fs from 'node:fs';
import {
  assertKey,
  isOwnDirectory,
  isOwnDocument,
  makeDirectories,
  ownDirectory,
  systemErrorCode,
  UserError,
} from '@slipway/core';
import { quoted } from '../key-errors.ts';
import { callsFor, type FileCalls, fsync, pooledCalls } from './calls.ts';
import { isMissing, nameTaken, notAFile, pathOutside, writableHint } from './errors.ts';

/** Throws `UserError` `name-invalid` if `key` cannot be an object's key, or is reserved for the store. */
export function assertStoreKey(key: string): void {
  assertKey(key);
  if (isOwnDocument(key)) return;
  if (isOwnDirectory(key.split('/', 1)[0] ?? '')) {
    throw new UserError(
      'name-invalid',
      `${quoted(key)} cannot be the name of an object: ${ownDirectory} is reserved for the store.`,
    );
  }
}

export interface Place {
  readonly prefix: string;
  readonly name: string;
}

/** Splits `a/b/c` into the prefix `a/b` and the name `c`; the prefix is empty at the top. */
export function placeOf(key: string): Place {
  const slash = key.lastIndexOf('/');
  return slash < 0 ? { prefix: '', name: key } : { prefix: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The path of a key's file, existing or not; undefined if its directory is missing. */
export function pathOf(tree: StoreDirectory, key: string): string | undefined {
  const { prefix, name } = placeOf(key);
  const directory = tree.directory(prefix, key);
  return directory === undefined ? undefined : `${directory}/${name}`;
}

/**
 * The directory that holds a mirror: finds and creates the directories of keys, and ensures that none is outside. Checks
 * a directory once, by its real path; anyone who can replace directories during use could replace the objects too. Throws
 * failed system calls unchanged: only the caller knows what they mean.
 */
export class StoreDirectory {
  readonly root: string;
  readonly #forcedCalls: FileCalls | undefined;
  #calls: FileCalls | undefined;
  readonly #directories = new Map<string, string>();
  /** Directories with new entries that may not have reached the disk. */
  #unflushed = new Set<string>();

  constructor(root: string, calls?: FileCalls) {
    this.root = root;
    this.#forcedCalls = calls;
  }

  /** How to make small calls here; decided when the root is first found. */
  get calls(): FileCalls {
    return this.#calls ?? this.#forcedCalls ?? pooledCalls;
  }

  /** The real path of a prefix; undefined if there is no such directory. `key` is for errors. */
  directory(prefix: string, key: string): string | undefined {
    const known = this.#directories.get(prefix);
    if (known !== undefined) return known;
    let real: string;
    try {
      real = fs.realpathSync.native(prefix === '' ? this.root : `${this.root}/${prefix}`);
      if (!fs.statSync(real).isDirectory()) return undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      if (systemErrorCode(error) === 'ELOOP')
        throw notAFile(key, 'behind a symbolic link that leads nowhere');
      throw error;
    }
    if (prefix === '') this.#found(real);
    else if (!isOwnPlace(prefix) || real !== `${this.directory('', key)}/${prefix}`)
      this.assertInside(real, key);
    this.#directories.set(prefix, real);
    return real;
  }

  /** The real path of a prefix; creates missing directories. */
  makeDirectory(prefix: string, key: string): string {
    const known = this.directory(prefix, key);
    if (known !== undefined) return known;
    if (prefix === '') return this.#makeRoot(key);
    const { prefix: above, name } = placeOf(prefix);
    const parent = this.makeDirectory(above, key);
    try {
      fs.mkdirSync(`${parent}/${name}`);
      this.changed(parent);
    } catch (error) {
      // EEXIST: another writer was faster, or the name is taken by a file or a dangling link, which is detected below.
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
    const made = this.directory(prefix, key);
    if (made === undefined) throw nameTaken(key);
    return made;
  }

  /** The real path of the symbolic link `path`, if that is inside; undefined if it vanished meanwhile. */
  followLink(path: string, key: string): string | undefined {
    let real: string;
    try {
      real = fs.realpathSync.native(path);
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'EACCES' || code === 'EPERM') throw error;
      if (fs.lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
      throw notAFile(key, 'a symbolic link that leads nowhere');
    }
    this.assertInside(real, key);
    return real;
  }

  /** Throws `path-outside` unless `real` is inside the mirror and not reserved for the store. */
  assertInside(real: string, key: string): void {
    const root = this.directory('', key);
    if (root === undefined || (real !== root && !real.startsWith(`${root}/`))) throw pathOutside(key);
    const own = `${root}/${ownDirectory}`;
    if (real === own || real.startsWith(`${own}/`)) throw pathOutside(key);
  }

  /** Forgets cached paths: a directory in use was removed. */
  forget(): void {
    this.#directories.clear();
  }

  /** Records that `directory` (a real path) has a new entry. */
  changed(directory: string): void {
    this.#unflushed.add(directory);
  }

  /**
   * Flushes all new entries to disk. Called before a pointer moves, so that even a power cut never leaves a pointer to
   * objects without directory entries (I1); doing it per object would double the cost of small ones.
   */
  async flush(): Promise<void> {
    const directories = [...this.#unflushed];
    this.#unflushed = new Set();
    try {
      await Promise.all(directories.map(flushDirectory));
    } catch (error) {
      for (const directory of directories) this.#unflushed.add(directory);
      throw error;
    }
  }

  #makeRoot(key: string): string {
    makeDirectories(this.root, writableHint);
    const root = this.directory('', key);
    if (root === undefined)
      throw new UserError('target-read-only', `${quoted(this.root)} is not a directory.`, {
        hint: writableHint,
      });
    return root;
  }

  #found(root: string): void {
    this.#calls = this.#forcedCalls ?? callsFor(root);
  }
}

/** Whether a prefix is the store's own directory, or below it: there only real directories are allowed, no links. */
function isOwnPlace(prefix: string): boolean {
  return prefix === ownDirectory || prefix.startsWith(`${ownDirectory}/`);
}

async function flushDirectory(directory: string): Promise<void> {
  let descriptor: number;
  try {
    descriptor = fs.openSync(directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  } catch {
    return; // Removed, or not readable: it cannot be flushed.
  }
  try {
    await fsync(descriptor);
  } catch (error) {
    // Some network file systems cannot flush a directory; they write entries through.
    const code = systemErrorCode(error);
    if (code !== 'EINVAL' && code !== 'ENOTSUP' && code !== 'EBADF') throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}
