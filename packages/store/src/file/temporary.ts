import { createHash, hash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import { ownDirectory, systemErrorCode, type WriteSource } from '@slipway/core';
import { openReader, otherBytes } from '../source-file.ts';
import { fsync, pooledCalls } from './calls.ts';
import { isMissing, pathOutside } from './errors.ts';
import type { StoreDirectory } from './store-directory.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;
const chunkBytes = 1024 * 1024;

/**
 * Writes temporary files that become objects, in the store's own directory. Their names identify the machine and the
 * process that writes them, so that the next process removes what a killed one left.
 */
export class TemporaryFiles {
  readonly #tree: StoreDirectory;
  #directory: string | undefined;
  /** Distinguishes them from those of other threads, and of a later process with the same id. */
  readonly #random = randomBytes(8).toString('hex');
  #count = 0;

  constructor(tree: StoreDirectory) {
    this.#tree = tree;
  }

  /**
   * Writes `source` to a temporary file, hashing it on the way, and flushes it to disk. Returns its path. Throws
   * `UserError` `content-invalid` if the bytes are not the announced ones; any failure leaves no file behind. Flushes
   * every object, even immutable ones, so that no pointer ever names bytes lost in a power cut (I1): with the flushes of
   * 16 writers in parallel, 10,000 objects of 1 KiB take 1.7 s, 1 s of it for flushing.
   */
  async write(key: string, source: WriteSource, sha256: string): Promise<string> {
    if (source.kind === 'bytes' && hash('sha256', source.bytes) !== sha256) throw otherBytes(key);
    const { path, descriptor } = await this.#create(key);
    const { calls } = this.#tree;
    try {
      try {
        if (source.kind === 'bytes') {
          await writeWhole(calls.write, descriptor, source.bytes);
        } else {
          await copyFile(key, source, sha256, descriptor);
        }
        await fsync(descriptor);
      } finally {
        await calls.close(descriptor);
      }
    } catch (error) {
      await this.remove(path);
      throw error;
    }
    return path;
  }

  /** The modification time of a file created now, by the clock of the file system. */
  async timeMs(): Promise<number> {
    const { path, descriptor } = await this.#create('');
    try {
      return (await this.#tree.calls.fstat(descriptor)).mtimeMs;
    } finally {
      await this.#tree.calls.close(descriptor);
      await this.remove(path);
    }
  }

  /** Removes a temporary file. If that fails, a later process removes it. */
  async remove(path: string): Promise<void> {
    try {
      await this.#tree.calls.unlink(path);
    } catch {}
  }

  /** The store's own directory for temporary files; created and swept on first use. */
  directory(key: string): string {
    if (this.#directory !== undefined) return this.#directory;
    const root = this.#tree.makeDirectory('', key);
    const own = `${root}/${ownDirectory}`;
    const directory = `${own}/tmp`;
    makeRealDirectory(own);
    makeRealDirectory(directory);
    sweep(directory);
    this.#directory = directory;
    return directory;
  }

  /** An unused path. If this process is killed, a later one removes what it created there. */
  newPath(key: string): string {
    this.#count += 1;
    return `${this.directory(key)}/${hostHash()}-${process.pid}-${this.#random}-${this.#count}`;
  }

  async #create(key: string): Promise<{ readonly path: string; readonly descriptor: number }> {
    for (let attempt = 0; ; attempt += 1) {
      const path = this.newPath(key);
      try {
        const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
        return { path, descriptor: await this.#tree.calls.open(path, flags, 0o666) };
      } catch (error) {
        if (!isMissing(error) || attempt > 0) throw error;
        // The directories were removed meanwhile: create them again.
        this.#directory = undefined;
        this.#tree.forget();
      }
    }
  }
}

async function writeWhole(
  write: (descriptor: number, from: Uint8Array, offset: number) => number | Promise<number>,
  descriptor: number,
  bytes: Uint8Array,
): Promise<void> {
  let written = 0;
  while (written < bytes.length) written += await write(descriptor, bytes, written);
}

/** Copies a file in chunks; hashes each chunk while the thread pool writes it. */
async function copyFile(key: string, source: WriteSource, sha256: string, to: number): Promise<void> {
  const reader = await openReader(key, source);
  try {
    const digest = createHash('sha256');
    const buffer = new Uint8Array(Math.min(chunkBytes, reader.sizeBytes));
    for (let leftBytes = reader.sizeBytes; leftBytes > 0; ) {
      const chunk = await reader.next(Math.min(chunkBytes, leftBytes), buffer);
      const writing = writeWhole(pooledCalls.write, to, chunk);
      digest.update(chunk);
      await writing;
      leftBytes -= chunk.length;
    }
    await reader.end();
    if (digest.digest('hex') !== sha256) throw otherBytes(key);
  } finally {
    await reader.close();
  }
}

function makeRealDirectory(path: string): void {
  try {
    fs.mkdirSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
    // A staged directory could contain a link with this name that sends our files elsewhere.
    if (!fs.lstatSync(path).isDirectory()) throw pathOutside(ownDirectory);
  }
}

let ownHost: string | undefined;

/** This machine in twelve hex digits; process ids are only meaningful on it, and on Linux in its namespace. */
function hostHash(): string {
  if (ownHost === undefined) {
    let namespace = '';
    try {
      namespace = fs.readlinkSync('/proc/self/ns/pid');
    } catch {}
    ownHost = hash('sha256', `${os.hostname()}\n${namespace}`).slice(0, 12);
  }
  return ownHost;
}

/** Removes files of dead processes of this machine; others may still be writing. */
function sweep(directory: string): void {
  let names: string[];
  try {
    names = fs.readdirSync(directory);
  } catch {
    return;
  }
  const alive = new Map<number, boolean>();
  for (const name of names) {
    const [host, pidText] = name.split('-', 2);
    const pid = Number(pidText);
    if (host !== hostHash() || !Number.isSafeInteger(pid) || pid <= 0) continue;
    if (!alive.has(pid)) alive.set(pid, isAlive(pid));
    if (alive.get(pid) === true) continue;
    try {
      fs.unlinkSync(`${directory}/${name}`);
    } catch {}
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) !== 'ESRCH';
  }
}
