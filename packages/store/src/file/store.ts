import { createHash, hash } from 'node:crypto';
import fs from 'node:fs';
import {
  type ByteRange,
  type Clock,
  type ObjectInfo,
  type ObjectStore,
  ownDirectory,
  type StoredObject,
  type StoredStream,
  systemClock,
  systemErrorCode,
  type WriteOptions,
  type WriteSource,
} from '@slipway/core';
import { conditionFailed, tooLarge } from '../key-errors.ts';
import { type FileCalls, pooledCalls, readAt } from './calls.ts';
import { isMissing, nameTaken, notAFile, readError, writeError } from './errors.ts';
import { listFiles } from './listing.ts';
import { FileLock } from './lock.ts';
import { chunksOf, etagOf, infoWithEtag, notAFileKinds, type OpenFile, openFile } from './object.ts';
import { assertStoreKey, pathOf, placeOf, StoreDirectory } from './store-directory.ts';
import { TemporaryFiles } from './temporary.ts';

/** Files up to this size are read with the calls that suit the file system, larger ones always through the pool. */
const smallBytes = 1024 * 1024;

export interface FileStoreOptions {
  readonly clock?: Clock | undefined;
  /** How small operations are done; by default, as suits the file system of the root. */
  readonly calls?: FileCalls | undefined;
}

/**
 * A directory as a store. ETags are the quoted SHA-256 of the bytes: exact, unlike times and inodes. `read` and `write`
 * return them; `head`, `list` and `readStream` would have to read the whole file, so they do not. Content types and cache
 * policies are not kept; the HTTP server sets them.
 */
export class FileStore implements ObjectStore {
  readonly url: string;
  readonly writable = true;
  readonly listable = true;
  readonly #tree: StoreDirectory;
  readonly #temporary: TemporaryFiles;
  readonly #lock: FileLock;

  /** `directory` is an absolute path; the first write creates it if it is missing. */
  constructor(url: string, directory: string, options: FileStoreOptions = {}) {
    this.url = url;
    this.#tree = new StoreDirectory(directory, options.calls);
    this.#temporary = new TemporaryFiles(this.#tree);
    const lockPath = () => `${this.#tree.directory('', '')}/${ownDirectory}/lock.sqlite`;
    const newPath = (key: string) => this.#temporary.newPath(key);
    this.#lock = new FileLock(lockPath, newPath, options.clock ?? systemClock);
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    assertStoreKey(key);
    return ifPresent(key, async () => {
      const path = pathOf(this.#tree, key);
      if (path === undefined) return undefined;
      let stats = await this.#tree.calls.lstat(path);
      if (stats.isSymbolicLink()) {
        const target = this.#tree.followLink(path, key);
        if (target === undefined) return undefined;
        stats = await this.#tree.calls.lstat(target);
      }
      if (stats.isDirectory()) return undefined;
      if (!stats.isFile()) throw notAFile(key, notAFileKinds);
      return { key, sizeBytes: stats.size };
    });
  }

  async fileSource(key: string): Promise<Extract<WriteSource, { kind: 'file' }> | undefined> {
    assertStoreKey(key);
    return ifPresent(key, async () => {
      const path = pathOf(this.#tree, key);
      if (path === undefined) return undefined;
      const isLink = (await this.#tree.calls.lstat(path)).isSymbolicLink();
      const real = isLink ? this.#tree.followLink(path, key) : path;
      if (real === undefined) return undefined;
      const stats = await this.#tree.calls.lstat(real);
      if (!stats.isFile()) throw notAFile(key, notAFileKinds);
      return { kind: 'file', path: real, sizeBytes: stats.size };
    });
  }

  async read(key: string, options: { readonly maxBytes: number }): Promise<StoredObject | undefined> {
    assertStoreKey(key);
    return ifPresent(key, async () => {
      const file = await openFile(this.#tree, key);
      if (file === undefined) return undefined;
      const body = await this.#readWhole(file, key, options.maxBytes);
      return { info: infoWithEtag(key, body), body };
    });
  }

  /** Reads an open file and closes it. */
  async #readWhole(
    { descriptor, sizeBytes }: OpenFile,
    key: string,
    maxBytes: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const calls = sizeBytes <= smallBytes ? this.#tree.calls : pooledCalls;
    try {
      if (sizeBytes > maxBytes) throw tooLarge(key, maxBytes);
      const body = new Uint8Array(sizeBytes);
      let filled = 0;
      while (filled < body.length) {
        const count = await calls.read(descriptor, body, filled, body.length - filled);
        if (count === 0) break;
        filled += count;
      }
      // Stores never shorten an object in place; a file that another program is still writing is returned as far as it
      // is.
      return filled === body.length ? body : body.slice(0, filled);
    } finally {
      await calls.close(descriptor);
    }
  }

  async readRange(
    key: string,
    { startByte, lengthBytes, etag }: ByteRange,
  ): Promise<StoredObject | undefined> {
    assertStoreKey(key);
    return ifPresent(key, async () => {
      const file = await openFile(this.#tree, key);
      if (file === undefined) return undefined;
      try {
        if (etag !== undefined && (await this.#currentEtag(key)) !== etag)
          throw conditionFailed(key, 'has changed since it was read');
        const body = new Uint8Array(Math.max(0, Math.min(lengthBytes, file.sizeBytes - startByte)));
        let filled = 0;
        while (filled < body.length) {
          const count = await readAt(file.descriptor, body, filled, startByte + filled);
          if (count === 0) break;
          filled += count;
        }
        return { info: { key, sizeBytes: file.sizeBytes }, body: body.slice(0, filled) };
      } finally {
        await this.#tree.calls.close(file.descriptor);
      }
    });
  }

  /** The file stays open until the stream ends or is left by `break`, `return` or `throw`. */
  async readStream(key: string, options: { readonly maxBytes: number }): Promise<StoredStream | undefined> {
    assertStoreKey(key);
    return ifPresent(key, async () => {
      const file = await openFile(this.#tree, key);
      if (file === undefined) return undefined;
      if (file.sizeBytes > options.maxBytes) {
        await this.#tree.calls.close(file.descriptor);
        throw tooLarge(key, options.maxBytes);
      }
      const body = chunksOf(file.descriptor, key, options.maxBytes);
      return { info: { key, sizeBytes: file.sizeBytes }, body };
    });
  }

  list(prefix: string): AsyncIterable<ObjectInfo> {
    return listFiles(this.#tree, prefix);
  }

  async write(key: string, source: WriteSource, options: WriteOptions): Promise<{ readonly etag: string }> {
    assertStoreKey(key);
    try {
      if (options.condition === 'absent' && (await this.#exists(key)))
        throw conditionFailed(key, 'already exists');
      const temporary = await this.#temporary.write(key, source, options.sha256);
      let isLeft = true;
      try {
        isLeft = (await this.#moveIntoPlace(temporary, key, options)) === 'linked';
      } finally {
        // A link and a failure leave it behind.
        if (isLeft) await this.#temporary.remove(temporary);
      }
    } catch (error) {
      throw writeError(error, key, this.#tree.root);
    }
    return { etag: etagOf(options.sha256) };
  }

  /** Creates a file for a moment; undefined if the directory is missing or not writable. */
  async nowMs(): Promise<number | undefined> {
    try {
      if (this.#tree.directory('', '') === undefined) return undefined;
      return await this.#temporary.timeMs();
    } catch {
      return undefined;
    }
  }

  async delete(key: string): Promise<void> {
    assertStoreKey(key);
    try {
      const path = pathOf(this.#tree, key);
      if (path === undefined || !(await this.#exists(key))) return;
      this.#temporary.directory(key);
      // Under the lock, so that a conditional write that just compared the object does not restore it.
      await this.#lock.run(key, async () => removeIfThere(path));
      this.#tree.changed(path.slice(0, path.lastIndexOf('/')));
    } catch (error) {
      throw writeError(error, key, this.#tree.root);
    }
  }

  /** Whether anything but a directory has this name. */
  async #exists(key: string): Promise<boolean> {
    const path = pathOf(this.#tree, key);
    if (path === undefined) return false;
    try {
      return !(await this.#tree.calls.lstat(path)).isDirectory();
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /** Whether the temporary file was linked and still exists, or was renamed. */
  async #moveIntoPlace(temporary: string, key: string, options: WriteOptions): Promise<'linked' | 'renamed'> {
    const { condition, cache } = options;
    const { prefix, name } = placeOf(key);
    if (cache === 'pointer') await this.#tree.flush();
    for (let attempt = 0; ; attempt += 1) {
      const directory = this.#tree.makeDirectory(prefix, key);
      const path = `${directory}/${name}`;
      try {
        if (condition === 'absent') await this.#moveIfAbsent(temporary, path, key);
        else await this.#replace(temporary, path, key, condition);
        this.#tree.changed(directory);
        break;
      } catch (error) {
        if (systemErrorCode(error) !== 'ENOENT' || attempt > 0) throw error;
        // The empty directory was removed meanwhile: create it again.
        this.#tree.forget();
      }
    }
    if (cache === 'pointer') await this.#tree.flush();
    return condition === 'absent' ? 'linked' : 'renamed';
  }

  /** Moves by a hard link, which only one writer can create. */
  async #moveIfAbsent(temporary: string, path: string, key: string): Promise<void> {
    try {
      await this.#tree.calls.link(temporary, path);
    } catch (error) {
      switch (systemErrorCode(error)) {
        case 'EEXIST':
          if (await this.#exists(key)) throw conditionFailed(key, 'already exists');
          throw nameTaken(key, error);
        case 'EPERM':
        case 'ENOTSUP':
        case 'EOPNOTSUPP':
        case 'ENOSYS':
        case 'EMLINK':
          // No hard links here: all writers take this path, and the lock makes it equivalent.
          return this.#lock.run(key, async () => {
            if (await this.#exists(key)) throw conditionFailed(key, 'already exists');
            fs.renameSync(temporary, path);
          });
        default:
          throw error;
      }
    }
  }

  /** Moves by renaming, under the lock, so that nobody replaces or removes the object between comparison and move. */
  async #replace(
    temporary: string,
    path: string,
    key: string,
    condition: 'any' | { readonly etag: string },
  ): Promise<void> {
    await this.#lock.run(key, async () => {
      if (typeof condition === 'object') {
        const current = await this.#currentEtag(key);
        if (current === undefined) throw conditionFailed(key, 'no longer exists');
        if (current !== condition.etag) throw conditionFailed(key, 'has changed since it was read');
      }
      fs.renameSync(temporary, path);
    });
  }

  async #currentEtag(key: string): Promise<string | undefined> {
    const file = await openFile(this.#tree, key);
    if (file === undefined) return undefined;
    // A small one without the pool if that is faster: all other writers wait for the lock.
    if (file.sizeBytes <= smallBytes) {
      return etagOf(hash('sha256', await this.#readWhole(file, key, smallBytes)));
    }
    const digest = createHash('sha256');
    for await (const chunk of chunksOf(file.descriptor, key, file.sizeBytes)) digest.update(chunk);
    return etagOf(digest.digest('hex'));
  }
}

/** Not `rmSync`: its errors have no code. */
function removeIfThere(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Runs a read. Returns undefined for a missing file; turns other failed system calls into errors with hints. */
async function ifPresent<Result>(key: string, body: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await body();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw readError(error, key);
  }
}
