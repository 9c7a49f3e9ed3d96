import { createHash, hash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import { ownDirectory, systemErrorCode, type WriteSource } from '@slipway/core';
import { openSource, otherBytes, readSource } from '../source-file.ts';
import { fsync, pooledCalls } from './calls.ts';
import { isMissing, notAFile, pathOutside } from './errors.ts';
import type { StoreDirectory } from './store-directory.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;
const chunkBytes = 1024 * 1024;

/**
 * Writes the temporary files that become objects, in the store's own directory. Their names say which process of which
 * machine writes them, so that what a killed process left is removed by the next one.
 */
export class TemporaryFiles {
  readonly #room: StoreDirectory;
  #directory: string | undefined;
  /** Unlike those of any other thread, or of another process that got the same id. */
  readonly #random = randomBytes(8).toString('hex');
  #count = 0;

  constructor(room: StoreDirectory) {
    this.#room = room;
  }

  /**
   * Writes `source` to a temporary file, hashing it on the way, and brings it to the disk. Returns its path. Throws
   * `UserError` `content-invalid` when the source has other bytes than announced, and leaves no file then or on any
   * other failure.
   *
   * Every object is flushed, also immutable ones: with the flushes of 16 writers under way at once, 10,000 objects of
   * 1 KiB take 1.7 s, of which the flushes are 1 s, and a pointer then never names bytes that a power cut took away (I1).
   */
  async write(key: string, source: WriteSource, sha256: string): Promise<string> {
    if (source.kind === 'bytes' && hash('sha256', source.bytes) !== sha256) throw otherBytes(key);
    const { path, descriptor } = await this.#create(key);
    const { calls } = this.#room;
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

  /** When a file that is made now was made, by the clock of the file system. */
  async timeMs(): Promise<number> {
    const { path, descriptor } = await this.#create('');
    try {
      return (await this.#room.calls.fstat(descriptor)).mtimeMs;
    } finally {
      await this.#room.calls.close(descriptor);
      await this.remove(path);
    }
  }

  /** Removes a temporary file. Failing at it does no harm: a later process does it. */
  async remove(path: string): Promise<void> {
    try {
      await this.#room.calls.unlink(path);
    } catch {}
  }

  /** The store's own directory for temporary files, made and swept when first used. */
  directory(key: string): string {
    if (this.#directory !== undefined) return this.#directory;
    const root = this.#room.makeDirectory('', key);
    const own = `${root}/${ownDirectory}`;
    const directory = `${own}/tmp`;
    makeRealDirectory(own);
    makeRealDirectory(directory);
    sweep(directory);
    this.#directory = directory;
    return directory;
  }

  /** Where no file is yet. What is made there is removed by a later process if this one is killed. */
  newPath(key: string): string {
    this.#count += 1;
    return `${this.directory(key)}/${hostHash()}-${process.pid}-${this.#random}-${this.#count}`;
  }

  async #create(key: string): Promise<{ readonly path: string; readonly descriptor: number }> {
    for (let attempt = 0; ; attempt += 1) {
      const path = this.newPath(key);
      try {
        const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
        return { path, descriptor: await this.#room.calls.open(path, flags, 0o666) };
      } catch (error) {
        if (!isMissing(error) || attempt > 0) throw error;
        // Somebody has cleaned up meanwhile: make the directories anew.
        this.#directory = undefined;
        this.#room.forget();
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

/** Copies a file in chunks; hashing a chunk goes on while the thread pool writes it. */
async function copyFile(
  key: string,
  source: Extract<WriteSource, { kind: 'file' }>,
  sha256: string,
  to: number,
): Promise<void> {
  const from = await openSource(pooledCalls, key, source.path);
  try {
    const stats = await pooledCalls.fstat(from);
    if (!stats.isFile()) throw notAFile(source.path, 'a directory or a device');
    if (stats.size !== source.sizeBytes) throw otherBytes(key, 'its source has another size');
    const digest = createHash('sha256');
    const buffer = new Uint8Array(Math.min(chunkBytes, source.sizeBytes + 1));
    let copied = 0;
    for (;;) {
      // At most one byte more than announced is read: enough to see that the file has grown.
      const count = await readSource(
        pooledCalls,
        from,
        buffer,
        0,
        Math.min(buffer.length, source.sizeBytes + 1 - copied),
        source.path,
      );
      if (count === 0) break;
      copied += count;
      if (copied > source.sizeBytes) throw otherBytes(key, 'its source has another size');
      const chunk = buffer.subarray(0, count);
      const writing = writeWhole(pooledCalls.write, to, chunk);
      digest.update(chunk);
      await writing;
    }
    if (copied !== source.sizeBytes) throw otherBytes(key, 'its source has another size');
    if (digest.digest('hex') !== sha256) throw otherBytes(key);
  } finally {
    await pooledCalls.close(from);
  }
}

function makeRealDirectory(path: string): void {
  try {
    fs.mkdirSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
    // A staged directory could bring a link of this name, and with it our files to a place of its choice.
    if (!fs.lstatSync(path).isDirectory()) throw pathOutside(ownDirectory);
  }
}

let ownHost: string | undefined;

/** This machine in twelve hex digits; process ids mean something only within it, and on Linux within its namespace. */
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

/** Removes what processes of this machine left that are no more. Others are left alone: they may be writing. */
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
