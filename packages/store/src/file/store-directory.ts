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

/** Throws `UserError` `name-invalid` when `key` cannot be an object's key, or is the store's own. */
export function assertStoreKey(key: string): void {
  assertKey(key);
  if (isOwnDocument(key)) return;
  if (isOwnDirectory(key.split('/', 1)[0] ?? '')) {
    throw new UserError(
      'name-invalid',
      `${quoted(key)} cannot be the name of an object: ${ownDirectory} is the store's own.`,
    );
  }
}

export interface Place {
  readonly prefix: string;
  readonly name: string;
}

/** `a/b/c` as the prefix `a/b` and the name `c`; the prefix is empty at the top. */
export function placeOf(key: string): Place {
  const slash = key.lastIndexOf('/');
  return slash < 0 ? { prefix: '', name: key } : { prefix: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Where a key's file is or would be; undefined when its directory is missing. */
export function pathOf(room: StoreDirectory, key: string): string | undefined {
  const { prefix, name } = placeOf(key);
  const directory = room.directory(prefix, key);
  return directory === undefined ? undefined : `${directory}/${name}`;
}

/**
 * The directory that holds a mirror: finds and makes the directories of keys, and sees to it that none is outside.
 * A directory is checked once, by its real path; whoever can replace directories of the mirror while it is in use could
 * as well replace the objects. Failed system calls are thrown as they are: only the caller knows what they mean.
 */
export class StoreDirectory {
  readonly root: string;
  readonly #forcedCalls: FileCalls | undefined;
  #calls: FileCalls | undefined;
  /** Real paths of directories by prefix; `''` is the root. */
  readonly #directories = new Map<string, string>();
  /** Directories that got entries which may not have reached the disk. */
  #unflushed = new Set<string>();

  constructor(root: string, calls?: FileCalls) {
    this.root = root;
    this.#forcedCalls = calls;
  }

  /** How to make small calls here; settled when the root is first found. */
  get calls(): FileCalls {
    return this.#calls ?? this.#forcedCalls ?? pooledCalls;
  }

  /** The real path of a prefix, or undefined when there is no such directory. `key` is what errors name. */
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
    else if (prefix !== ownDirectory || real !== `${this.directory('', key)}/${ownDirectory}`)
      this.assertInside(real, key);
    this.#directories.set(prefix, real);
    return real;
  }

  /** The real path of a prefix, made with all above it when missing. */
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
      // EEXIST: another writer was faster, or a file or a dangling link has the name, which shows below.
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
    const made = this.directory(prefix, key);
    if (made === undefined) throw nameTaken(key);
    return made;
  }

  /** The real path of the symbolic link `path`, when that is inside; undefined when it vanished meanwhile. */
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

  /** Throws `path-outside` unless the real path `real` is inside the mirror and not the store's own. */
  assertInside(real: string, key: string): void {
    const root = this.directory('', key);
    if (root === undefined || (real !== root && !real.startsWith(`${root}/`))) throw pathOutside(key);
    const own = `${root}/${ownDirectory}`;
    if (real === own || real.startsWith(`${own}/`)) throw pathOutside(key);
  }

  /** Forgets what was found: a directory in use has been removed. */
  forget(): void {
    this.#directories.clear();
  }

  /** Remembers that an entry of `directory` (a real path) is new. */
  changed(directory: string): void {
    this.#unflushed.add(directory);
  }

  /**
   * Brings all new entries to the disk. Called before a pointer moves, so that not even a power cut leaves a pointer to
   * objects whose directory entries are lost (I1); doing it per object would double the cost of small ones.
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

async function flushDirectory(directory: string): Promise<void> {
  let descriptor: number;
  try {
    descriptor = fs.openSync(directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  } catch {
    return; // Removed, or written to but not readable: there is nothing to be done about either.
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
